// Runs test/nat in real network namespaces: `npm run test:nat`, `npm run test:nat -- budget` (only files whose path contains that), and
// `npm run test:nat -- --full [SECTION...] [--rounds N]`, which also makes docs/nat.md and takes about an hour. With names of
// sections only those are measured anew; the others stay as test/nat/full/results.json has them, where every section is kept when it ends.
// `npm run test:nat -- --long [PART...]` runs test/nat/survival/*.long.ts, one file at a time: what must survive, in full size and with its figures. It takes about
// a quarter of an hour, and wants a machine that has nothing else to do.
// Needs root on Linux; says so and fails otherwise, because a NAT test that did not run proves nothing.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { globFiles } from "./files.mjs";
import { whatIsMissing } from "./nat-lab.mjs";

const TIMEOUT_MS = 300_000;
const LONG_TIMEOUT_MS = 1_800_000;
/** Files at a time. What they do is mostly waiting. */
const CONCURRENCY = 2;
const words = process.argv.slice(2);
const full = words.includes("--full");
const long = words.includes("--long");
const unknown = words.filter((word) => word.startsWith("-") && word !== "--full" && word !== "--long" && !(full && word === "--rounds"));
if (unknown.length > 0) {
	console.error(
		`${unknown.join(" ")}: no such option\nusage: npm run test:nat [-- PART-OF-A-PATH...] | npm run test:nat -- --long [PART...] | npm run test:nat -- --full [SECTION...] [--rounds N]`,
	);
	process.exit(2);
}
const filters = full ? [] : words.filter((word) => word !== "--long");
const pattern = long ? /^test\/nat\/survival\/[^/]+\.long\.ts$/ : /^test\/nat\/(survival\/)?[^/]+\.test\.ts$/;
const files = globFiles(["test/nat"], pattern).filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)));
const node = ["--conditions=source", "--import", "tsx"];

const missing = whatIsMissing("test:nat");
if (missing.length > 0) {
	console.error(missing.join("\n"));
	process.exitCode = 1;
} else if (files.length === 0) {
	console.error(`No file of test/nat matches ${filters.join(" ")}.`);
	process.exitCode = 1;
} else {
	run("test/nat/lab/natlab.sh", "sweep");
	process.exitCode = full
		? run(process.execPath, ...node, "test/nat/full/run.ts", ...words.filter((word) => word !== "--full"))
		: run(
				process.execPath,
				...node,
				"--test",
				`--test-concurrency=${long ? 1 : CONCURRENCY}`,
				`--test-timeout=${long ? LONG_TIMEOUT_MS : TIMEOUT_MS}`,
				"--test-reporter=spec",
				...files,
			);
	run("test/nat/lab/natlab.sh", "sweep");
}

function run(command, ...args) {
	return spawnSync(command, args, { stdio: "inherit", cwd: join(import.meta.dirname, "..") }).status ?? 1;
}
