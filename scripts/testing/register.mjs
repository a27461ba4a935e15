// Makes Node run the TypeScript files of this repository from `.tmp/compiled`; see compile.mjs.

import { register } from "node:module";
import { join, sep } from "node:path";
import { isMainThread } from "node:worker_threads";

// What begins there needs no help, which would cost it half a second: each import would be asked about on another thread.
const compiled = join(import.meta.dirname, "..", "..", ".tmp") + sep;
if (process.argv[1]?.startsWith(compiled) !== true) register("./hooks.mjs", import.meta.url);
process.setSourceMapsEnabled(true);
// Of the programs of tests, and of none that they start.
if (isMainThread && /\.test\.m?js$/.test(process.argv[1] ?? "")) {
	(await import("./times.mjs")).noteTimes();
	await import("./promises.mjs");
}
