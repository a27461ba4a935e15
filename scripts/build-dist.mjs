// Compiles both packages to dist/. quic comes first: conec's compilation reads its declarations.

import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, rmSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(import.meta.dirname, "..");

/** @returns {boolean | undefined} whether everything type-checked; undefined when TypeScript is not installed. Files are emitted in both cases. */
export function buildDist() {
	const tsc = compiler();
	if (tsc === undefined) return undefined;
	let clean = true;
	const compile = (project) => spawnSync(process.execPath, [tsc, "-p", project], { stdio: "inherit", cwd: root }).status === 0;
	for (const name of ["quic", "conec"]) {
		const directory = join(root, "packages", name);
		// A file that was renamed must not live on in dist.
		rmSync(join(directory, "dist"), { recursive: true, force: true });
		clean = compile(directory) && clean;
	}
	// `conec/testing` comes last: it reads the declarations of the library.
	clean = compile(join(root, "packages", "conec", "tsconfig.testing.json")) && clean;
	// npm made it executable when it linked it; this is another file.
	const main = join(root, "packages", "conec", "dist", "cli", "main.js");
	if (existsSync(main)) chmodSync(main, 0o755);
	return clean;
}

function compiler() {
	try {
		const file = join(dirname(createRequire(import.meta.url).resolve("typescript/package.json")), "bin", "tsc");
		return existsSync(file) ? file : undefined;
	} catch {
		return undefined;
	}
}

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = buildDist() === true ? 0 : 1;
