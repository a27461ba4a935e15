// Everything that is checked without running the product: `npm run check`, or `npm run check -- lint types` for some of it. `.ci/run` runs the same.

import { spawnSync } from "node:child_process";
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
	dist: () => buildDist() === true,
	publint: () => packages.every((directory) => node(tool("publint", "src/cli.js"), "--strict", "--pack", "npm", directory)),
	attw: () => packages.every((directory) => node(tool("@arethetypeswrong/cli", "dist/index.js"), "--profile", "esm-only", "--pack", directory)),
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

function cargo(...args) {
	const run = spawnSync("cargo", args, { stdio: "inherit", cwd: root });
	if (run.error !== undefined) console.error("cargo is not installed: https://rustup.rs");
	return run.status === 0;
}

/** A tool's script by file, so that no shell and no .cmd shim is in the way. */
function tool(name, file) {
	return join(root, "node_modules", name, file);
}
