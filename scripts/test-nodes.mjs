// Quick tests with every supported version of Node, and the examples with Bun and Deno:
// `npm run test:nodes`, `npm run test:nodes -- 24 26.1.0 deno` (only these), `npm run test:nodes -- --brief` (what CI has time for).

import { spawnSync } from "node:child_process";
import { dirname, join } from "node:path";
import { install, PINNED, runtimeOf } from "./runtimes.mjs";

const test = join(import.meta.dirname, "test.mjs");
/** Everything beside its source, and real processes end to end: Clients and a Coordinator over QUIC, the commands, the examples. */
const WHOLE = ["packages/", "test/examples", "test/entities-quic", "test/cli/", "scripts/tarball"];
/**
 * What meets the runtime itself: the addon and everything that is awaited on it, streams of Node, keys and certificates, files, locks, the examples.
 * What is left out is pure, and the same for each version.
 */
const BRIEF = [
	"packages/quic/src/",
	"packages/conec/src/transport/",
	"packages/conec/src/tls/",
	"test/examples",
	"test/adapters",
	"test/write-atomically",
	"test/cli/transfer-processes",
];

const args = process.argv.slice(2);
const brief = args.includes("--brief");
const wanted = args.filter((argument) => !argument.startsWith("-"));
const unknown = args.filter((argument) => argument.startsWith("-") && argument !== "--brief");
if (unknown.length > 0) {
	console.error(`No such option: ${unknown.join(", ")}. There is --brief.`);
	process.exit(2);
}
const runtimes = (wanted.length > 0 ? wanted : Object.keys(PINNED)).map(runtimeOf);

await Promise.all(runtimes.map(install));
const results = [];
for (const runtime of runtimes) {
	console.log(`\n== ${runtime.label}`);
	const started = performance.now();
	results.push({ label: runtime.label, passed: run(runtime), seconds: (performance.now() - started) / 1000 });
}

console.log("");
for (const { label, passed, seconds } of results) console.log(`${passed ? "ok  " : "FAIL"} ${label.padEnd(14)} ${seconds.toFixed(1)} s`);
process.exitCode = results.every((result) => result.passed) ? 0 : 1;

function run(runtime) {
	const [node, filters, env] =
		runtime.kind === "node"
			? // Whatever a test starts by name runs with that version, too.
				[runtime.file, brief ? BRIEF : WHOLE, { PATH: `${dirname(runtime.file)}${process.platform === "win32" ? ";" : ":"}${process.env.PATH}` }]
			: [process.execPath, ["test/examples"], { CONEC_EXAMPLES_RUNTIME: JSON.stringify(commandOf(runtime)) }];
	return spawnSync(node, [test, ...filters], { stdio: "inherit", env: { ...process.env, ...env } }).status === 0;
}

/** What stands before a program's file. Deno asks for each permission otherwise. */
function commandOf(runtime) {
	return runtime.kind === "deno" ? [runtime.file, "run", "--allow-all", "--no-lock"] : [runtime.file];
}
