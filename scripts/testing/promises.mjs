// Lets promises be while tests run. The test runner follows every promise of a process, only to know whose an error is that nobody has caught: where tests consist of promises,
// that takes a sixth of their time. Without it such an error is told here, with the test that runs just then, and the file fails all the same.

import { createHook } from "node:async_hooks";
import { beforeEach } from "node:test";

/** What an `AsyncHook` can do. The runner makes its own, and enables it, with the first thing that it is told. */
const methods = Object.getPrototypeOf(createHook({}));
const { enable } = methods;
const hooks = [];
let running = "no test";
methods.enable = function () {
	hooks.push(this);
	return enable.call(this);
};
// While files are loaded `describe` needs the hook; before the first test they are.
beforeEach(({ name }) => {
	running = name;
	for (const hook of hooks.splice(0)) hook.disable();
});
methods.enable = enable;

const tell = (error) => console.error(`Nobody has caught an error while this ran: ${running}\n`, error);
process.on("uncaughtException", tell);
process.on("unhandledRejection", tell);
