// Runs every quick test: `npm test`, `npm test -- wire` (only files whose path contains "wire"), `npm test -- --coverage`,
// `npm test -- --times` (what each program costs).

import { spawn } from "node:child_process";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import { buildDist, distIsCurrent } from "./build-dist.mjs";
import { globFiles } from "./files.mjs";
import { COMPILED, compileSources } from "./testing/compile.mjs";
import { programs } from "./testing/groups.mjs";
import { joinPrograms } from "./testing/join.mjs";
import { notingTimes, timesTable } from "./testing/times.mjs";

// Of a test and, on Node 20, of a whole file: the ones that run processes take a minute, and several on a machine that is slow and busy.
const TIMEOUT_MS = 1_800_000;
// Four more than cores: programs compute half of their time and wait for the other half, so that six leave two cores idle for a sixteenth of it, and four for a fifth.
const CONCURRENCY = availableParallelism() + 4;
/** The files that take longest, the longest first: one that begins last would be alone at the end. Each comes with those that share its process; the others follow by name. */
const FIRST = [
	"test/worlds.test.ts",
	"test/resources/leaks.test.ts",
	// What a group waits for adds up. This one waits for processes, and so do the four that follow.
	"test/closing-proof.test.ts",
	"test/open-silence-quic.test.ts",
	"packages/quic/test/farewell.test.ts",
	"test/cli/lost-output.test.ts",
	"test/install/install.test.ts",
	"test/cli/transfer.test.ts",
	"test/cli/broadcast.test.ts",
	"test/broadcast-quic.test.ts",
	"test/honest-crowd.test.ts",
	"packages/conec/testing/memory/transport.test.ts",
	"test/control-table.test.ts",
	"test/opens.test.ts",
	"test/virtual-time.test.ts",
	"test/entities-quic.test.ts",
	"packages/conec/src/transport/quic/transport.test.ts",
	"test/fair-pools.test.ts",
	"test/resources/broadcast-frozen.test.ts",
	"packages/conec/src/coordinator/broadcast/model.test.ts",
	"packages/quic/test/process-exit.test.ts",
	"test/examples.test.ts",
	"test/entities-kill.test.ts",
	"test/cli/coming-back.test.ts",
	"test/cli/send-resume.test.ts",
	"test/hostile/floods.test.ts",
	"test/cli/paths.test.ts",
	"test/resources/stalled.test.ts",
	"test/hostile/handshake.test.ts",
	"test/parity.test.ts",
	"packages/conec/src/files/directory-lock.test.ts",
];
const args = process.argv.slice(2);
const filters = args.filter((argument) => !argument.startsWith("-"));
const flags = args.filter((argument) => argument.startsWith("-"));

/** Programs of tests make much that is soon forgotten: with room for it from the start, it is collected less often. */
const ROOM = "--min-semi-space-size=16";

const found = globFiles(["packages", "test", "bench", "examples", "scripts"], /\.test\.(ts|mjs)$/)
	// The lab needs root and minutes; what is pure about its report, and about the demonstration in it, does not.
	.filter((file) => !file.startsWith("test/nat/") || /^test\/nat\/(report|survive)\//.test(file))
	.filter((file) => filters.length === 0 || filters.some((filter) => file.includes(filter)));
const files = [...FIRST.filter((file) => found.includes(file)), ...found.filter((file) => !FIRST.includes(file))];

if (files.length === 0) {
	console.error(`No test file matches ${filters.join(" ") || "*.test.ts"}.`);
	process.exit(1);
}
if (!compileSources()) process.exit(1);

// Tests that are about processes start what is installed.
if (!distIsCurrent() && (await buildDist()) !== true) {
	console.error("The sources cannot be compiled: see above. Tests that start processes need dist.");
	process.exit(1);
}

const isCovered = flags.includes("--coverage");
const coverage = isCovered ? ["--experimental-test-coverage"] : [];
const isTimed = flags.includes("--times");
const TIMES = join(import.meta.dirname, "..", ".tmp", "times.jsonl");
const passed = flags.filter((flag) => flag !== "--coverage" && flag !== "--times");
// What is covered is told by file.
const list = isCovered ? programs(files) : await joinPrograms(programs(files));
// No --test-force-exit: a handle that is left open hangs its file until the timeout, and that is the leak test.
process.exitCode = await runTests(
	[...COMPILED, ROOM, ...coverage, ...passed, join(import.meta.dirname, "testing", "run.mjs"), String(CONCURRENCY), String(TIMEOUT_MS)],
	list,
);

/** Runs node's test runner, and repeats its summary where the list of failures has pushed it up. */
async function runTests(options, list) {
	const shown = process.stdout.isTTY ? { ...process.env, FORCE_COLOR: "1" } : process.env;
	const env = isTimed ? notingTimes(TIMES, shown) : shown;
	const child = spawn(process.execPath, [...options, ...list], { stdio: ["inherit", "pipe", "inherit"], env });
	let tail = "";
	child.stdout.on("data", (chunk) => {
		process.stdout.write(chunk);
		tail = (tail + chunk).slice(-200_000);
	});
	const code = await new Promise((resolve) => {
		child.on("close", (status, signal) => resolve(signal === null ? status : 1));
	});
	const summary = tail.split("\n").filter((line) => /ℹ (tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+/.test(line));
	if (code !== 0 && summary.length > 0) process.stdout.write(`\n${summary.join("\n")}\n`);
	if (isTimed) console.log(timesTable(TIMES));
	return code;
}
