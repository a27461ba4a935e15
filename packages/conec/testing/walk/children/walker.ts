/** A thread that walks one seed after another, each that it is told. See `../many.ts`. */

import { parentPort } from "node:worker_threads";
import { runWalk } from "../run.ts";

// Worlds are full of errors, as they should be, and to remember where each was made takes a twelfth of the time. A seed that fails is run again by itself, with traces.
Error.stackTraceLimit = 0;

parentPort?.on("message", async (seed: number) => {
	const result = await runWalk(seed);
	// Nobody reads the log of a seed in which all is well.
	parentPort?.postMessage(result.problems.length > 0 ? result : { ...result, log: [] });
});
