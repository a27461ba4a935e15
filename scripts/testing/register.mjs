// Makes Node run the TypeScript files of this repository from `.tmp/compiled`; see compile.mjs.

import { register } from "node:module";
import { join, sep } from "node:path";
import { setFlagsFromString } from "node:v8";
import { isMainThread } from "node:worker_threads";

// What begins there needs no help, which would cost it half a second: each import would be asked about on another thread.
const compiled = join(import.meta.dirname, "..", "..", ".tmp") + sep;
if (process.argv[1]?.startsWith(compiled) !== true) register("./hooks.mjs", import.meta.url);
process.setSourceMapsEnabled(true);
// Most of what a test calls runs for a second or two. V8 would compile it a second time, with all its might, after a fraction of that, which seldom pays: worlds
// take a quarter less processor time so, and other programs a tenth. Later versions of Node decide by other numbers.
if (process.versions.node.startsWith("20.")) setFlagsFromString("--interrupt-budget=1081344");
// Of the programs of tests, and of none that they start.
if (isMainThread && /\.test\.m?js$/.test(process.argv[1] ?? "")) {
	(await import("./times.mjs")).noteTimes();
	await import("./promises.mjs");
}
