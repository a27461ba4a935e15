// Compiles every TypeScript file of the repository to `.tmp/compiled`, without looking at types: what has not changed since is not written again.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const root = join(import.meta.dirname, "..", "..");

/** Flags for Node to run TypeScript files of this repository as {@link compileSources} has compiled them. In any working directory, and much quicker than compiling on the way. */
export const COMPILED = ["--conditions=source", "--import", pathToFileURL(join(import.meta.dirname, "register.mjs")).href];

/** Whether it went well; what is wrong is printed. */
export function compileSources() {
	const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
	// Where the sources are, for traces of errors and for coverage.
	const sources = ["--sourceRoot", `${pathToFileURL(root).href}/`];
	return spawnSync(process.execPath, [tsc, "-p", join(root, "tsconfig.compiled.json"), ...sources], { stdio: "inherit", cwd: root }).status === 0;
}
