// Compiles both packages to dist/. quic comes first: conec's compilation reads its declarations.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { globFiles } from "./files.mjs";

const root = join(import.meta.dirname, "..");
const packages = ["quic", "conec"];
/** What dist was made of, outside dist: nobody else needs it. */
const stamp = join(root, ".tmp", "dist-stamp");

/** @returns {boolean | undefined} whether everything type-checked; undefined when TypeScript is not installed. Files are emitted in both cases. */
export function buildDist() {
	const tsc = compiler();
	if (tsc === undefined) return undefined;
	let clean = true;
	const compile = (project) => spawnSync(process.execPath, [tsc, "-p", project], { stdio: "inherit", cwd: root }).status === 0;
	const sources = sourcesDigest();
	rmSync(stamp, { force: true });
	for (const name of packages) {
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
	if (clean) {
		mkdirSync(dirname(stamp), { recursive: true });
		writeFileSync(stamp, sources);
	}
	return clean;
}

/** Whether dist is what the sources make now. */
export function distIsCurrent() {
	if (!existsSync(stamp) || !packages.every((name) => existsSync(join(root, "packages", name, "dist", "index.js")))) return false;
	return readFileSync(stamp, "utf8") === sourcesDigest();
}

/** SHA-256 of all that a compilation reads. */
function sourcesDigest() {
	const hash = createHash("sha256");
	const sources = globFiles([...packages.map((name) => `packages/${name}/src`), "packages/conec/testing"], /\.ts$/);
	const settings = [
		"tsconfig.base.json",
		"package-lock.json",
		"packages/conec/tsconfig.testing.json",
		...packages.flatMap((name) => [`packages/${name}/tsconfig.json`, `packages/${name}/package.json`]),
	];
	for (const file of [...sources, ...settings].sort())
		hash
			.update(`${file}\0`)
			.update(readFileSync(join(root, file)))
			.update("\0");
	return hash.digest("hex");
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
