// Runs the files of tests that it is given, in that order, as `node --test` would, which sorts them: `run.mjs CONCURRENCY TIMEOUT_MS FILE...`.
// Node's own flags, such as --test-name-pattern, are those of this process.

import { run } from "node:test";
import { spec } from "node:test/reporters";

const [concurrency, timeout, ...files] = process.argv.slice(2);
const stream = run({ files, concurrency: Number(concurrency), timeout: Number(timeout) });
stream.on("test:fail", ({ todo }) => {
	if (todo === undefined || todo === false) process.exitCode = 1;
});
stream.compose(new spec()).pipe(process.stdout);
