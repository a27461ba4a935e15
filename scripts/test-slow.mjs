// Tests that take long, one file after another: `npm run test:slow`, `npm run test:slow -- memory` (only files whose path contains "memory").
// They are the files `test/attacks/*.slow.ts`. `npm test` leaves them out.

import { spawn } from "node:child_process";
import { join } from "node:path";
import { globFiles } from "./files.mjs";
import { COMPILED, compiledFile, compileSources } from "./testing/compile.mjs";

/** Of one file. All of them together take some fifteen minutes on two cores that have nothing else to do. */
const TIMEOUT_MS = 1_800_000;
const args = process.argv.slice(2);
const filters = args.filter((argument) => !argument.startsWith("-"));
const flags = args.filter((argument) => argument.startsWith("-"));
const files = globFiles(["test/attacks"], /\.slow\.ts$/).filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)));

if (files.length === 0) {
	console.error(`No test file matches ${filters.join(" ") || "test/attacks/*.slow.ts"}.`);
	process.exit(1);
}
if (!compileSources()) process.exit(1);
const run = join(import.meta.dirname, "testing", "run.mjs");
const child = spawn(process.execPath, [...COMPILED, ...flags, run, "1", String(TIMEOUT_MS), ...files.map(compiledFile)], { stdio: "inherit" });
child.on("close", (status, signal) => {
	process.exitCode = signal === null ? status : 1;
});
