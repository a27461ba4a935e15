// Everything that is checked without running the product: `npm run check`, or `npm run check -- lint types` for some of it. `.ci/run` runs the same.

import { spawnSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { checkAdvisories } from "./advisories.mjs";
import { buildDist } from "./build-dist.mjs";
import { checkLicences } from "./licences.mjs";

const root = join(import.meta.dirname, "..");
const manifest = ["--manifest-path", join(root, "packages", "quic", "native", "Cargo.toml")];
const packages = ["quic", "conec"].map((name) => join(root, "packages", name));

/** In the order of what fails fastest. Each gives whether it passed. */
const steps = {
	types: () => node(tool("typescript", "bin/tsc"), "-p", root),
	lint: () => node(tool("@biomejs/biome", "bin/biome"), "ci", "--error-on-warnings", `--colors=${process.stdout.isTTY ? "force" : "off"}`, root),
	dist: async () => (await buildDist()) === true,
	publint: () => packages.every((directory) => node(tool("publint", "src/cli.js"), "--strict", "--pack", "npm", directory)),
	attw: () => packages.every(typesResolve),
	rustfmt: () => cargo("fmt", ...manifest, "--check"),
	clippy: () => cargo("clippy", ...manifest, "--locked", "--all-targets", "--all-features", "--quiet", "--", "-D", "warnings"),
	rust: () => cargo("test", ...manifest, "--locked", "--lib", "--quiet"),
	licences: () => checkLicences(root),
	advisories: () => checkAdvisories(root),
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !(name in steps));
if (unknown.length > 0) {
	console.error(`No such check: ${unknown.join(", ")}. There are: ${Object.keys(steps).join(", ")}`);
	process.exit(2);
}

const results = [];
for (const [name, run] of Object.entries(steps)) {
	if (wanted.length > 0 && !wanted.includes(name)) continue;
	console.log(`\n== ${name}`);
	const started = performance.now();
	const passed = await attempt(run);
	results.push({ name, passed, seconds: (performance.now() - started) / 1000 });
}

console.log("");
for (const { name, passed, seconds } of results) console.log(`${passed ? "ok  " : "FAIL"} ${name.padEnd(12)} ${seconds.toFixed(1)} s`);
process.exitCode = results.every((result) => result.passed) ? 0 : 1;

/** A check that cannot be made is one that did not pass, and the others are still made. */
async function attempt(run) {
	try {
		return await run();
	} catch (error) {
		console.error(error instanceof Error ? error.message : error);
		return false;
	}
}

function node(...args) {
	return spawnSync(process.execPath, args, { stdio: "inherit", cwd: root }).status === 0;
}

/**
 * Whether what a package exports has its types, for ES modules in Node and for bundlers. attw's own exit status counts one
 * problem where it ignores all others: in the resolution of before Node 12, which knows no `imports` of a package.
 */
function typesResolve(directory) {
	// Into a file, as it exits before a pipe has taken all of it.
	const report = join(root, ".tmp", "attw.json");
	mkdirSync(join(root, ".tmp"), { recursive: true });
	const file = openSync(report, "w");
	spawnSync(process.execPath, [tool("@arethetypeswrong/cli", "dist/index.js"), "--profile", "esm-only", "--format", "json", "--pack", directory], {
		stdio: ["ignore", file, "inherit"],
		cwd: root,
	});
	closeSync(file);
	const { analysis, problems = {} } = JSON.parse(readFileSync(report, "utf8"));
	const ours = Object.values(problems)
		.flat()
		.filter(({ resolutionKind, resolutionOption }) => !["node10", "node16-cjs"].includes(resolutionKind ?? resolutionOption));
	for (const problem of ours) console.error(JSON.stringify(problem));
	const entries = Object.keys(analysis.entrypoints);
	console.log(`${analysis.packageName}: ${entries.join(", ")}: ${ours.length} problems`);
	return analysis.types !== false && entries.length > 0 && ours.length === 0;
}

function cargo(...args) {
	const run = spawnSync("cargo", args, { stdio: "inherit", cwd: root });
	if (run.error !== undefined) console.error("cargo is not installed: https://rustup.rs");
	return run.status === 0;
}

/** A tool's script by file, so that no shell and no .cmd shim is in the way. */
function tool(name, file) {
	return join(root, "node_modules", name, file);
}
