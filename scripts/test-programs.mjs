// Conec in programs of others: `npm run test:programs` installs webpack, Vite and Jest into .tmp/programs and tries them, `-- Vite` only some of them.
// They are no development dependencies and not among the quick tests: they are 120 MB in 380 packages, and take a minute. The quick tests try esbuild,
// and values of other realms, of which Jest is made.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { buildDist, distIsCurrent } from "./build-dist.mjs";

const root = join(import.meta.dirname, "..");
const folder = join(root, ".tmp", "programs");

const TOOLS = { jest: "30.5.2", "jest-environment-jsdom": "30.5.2", "node-loader": "2.1.0", vite: "7.3.8", webpack: "5.113.0" };

const manifest = `${JSON.stringify({ private: true, dependencies: TOOLS }, null, "\t")}\n`;
const file = join(folder, "package.json");
const npm = process.platform === "win32" ? "npm.cmd" : "npm";
const installed = Object.keys(TOOLS).every((name) => existsSync(join(folder, "node_modules", name)));

if (!installed || readFileSync(file, "utf8") !== manifest) {
	mkdirSync(folder, { recursive: true });
	writeFileSync(file, manifest);
	const { status } = spawnSync(npm, ["install", "--no-audit", "--no-fund", "--ignore-scripts"], {
		cwd: folder,
		stdio: "inherit",
		shell: process.platform === "win32",
	});
	if (status !== 0) process.exit(1);
}
if (!distIsCurrent() && (await buildDist()) !== true) process.exit(1);

const patterns = process.argv.slice(2).flatMap((pattern) => ["--test-name-pattern", pattern]);
const run = spawnSync(
	process.execPath,
	["--conditions=source", "--import", "tsx", "--test", "--test-reporter=spec", ...patterns, join(root, "test", "programs", "others.ts")],
	{ cwd: root, stdio: "inherit", env: { ...process.env, CONEC_TEST_PROGRAMS: folder } },
);
process.exitCode = run.status ?? 1;
