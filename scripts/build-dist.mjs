// Makes dist/ of both packages: TypeScript checks and writes the declarations, a file each; esbuild joins the code of each entry to one file and the pieces that
// entries share or load later. A process that imports the library opens a handful of files instead of hundreds, in half the time (docs/decisions.md).
// quic comes first: conec's compilation reads its declarations.

import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, sep } from "node:path";
import { fileURLToPath } from "node:url";
import { globFiles } from "./files.mjs";

const root = join(import.meta.dirname, "..");
const packages = ["quic", "conec"];
/** Files of dist by the sources that they start with, of each package. */
const ENTRIES = {
	quic: { index: "src/index.ts" },
	conec: { index: "src/index.ts", "cli/main": "src/cli/main.ts", "testing/index": "testing/index.ts" },
};
/** What dist was made of, outside dist: nobody else needs it. */
const stamp = join(root, ".tmp", "dist-stamp");

/** @returns {boolean | undefined} whether everything type-checked; undefined when TypeScript or esbuild is not installed. Files are emitted in both cases. */
export async function buildDist() {
	const tsc = compiler();
	const esbuild = await import("esbuild").catch(() => undefined);
	if (tsc === undefined || esbuild === undefined) return undefined;
	let clean = true;
	const compile = (project) => spawnSync(process.execPath, [tsc, "-p", project, "--emitDeclarationOnly"], { stdio: "inherit", cwd: root }).status === 0;
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
	settleDeclarations(join(root, "packages", "conec", "dist"));
	for (const name of packages) await bundle(esbuild, name);
	// npm made it executable when it linked it; this is another file.
	const main = join(root, "packages", "conec", "dist", "cli", "main.js");
	if (existsSync(main)) chmodSync(main, 0o755);
	if (clean) {
		mkdirSync(dirname(stamp), { recursive: true });
		writeFileSync(stamp, sources);
	}
	return clean;
}

/** How esbuild joins code, here and for tests: nothing is minified, dependencies stay outside, and maps lead to the sources. */
export const JOINED = {
	write: false,
	bundle: true,
	splitting: true,
	chunkNames: "chunks/[name]-[hash]",
	format: "esm",
	platform: "node",
	target: "node20.19",
	// `#conec/*` means the sources.
	conditions: ["source"],
	packages: "external",
	sourcemap: "linked",
	sourcesContent: false,
	logLevel: "warning",
};

/** Joins the code of a package. Names stay as they are, so that a trace of an error can be read; source maps lead to `src`. */
async function bundle(esbuild, name) {
	const directory = join(root, "packages", name);
	const { outputFiles } = await esbuild.build({
		...JOINED,
		absWorkingDir: directory,
		entryPoints: ENTRIES[name],
		outdir: "dist",
		// It looks for the addon beside itself, and is no ES module.
		external: ["../native/loader.cjs"],
		inject: [join(import.meta.dirname, "node-globals.mjs")],
	});
	for (const { path, text } of outputFiles) {
		mkdirSync(dirname(path), { recursive: true });
		writeFileSync(path, path.endsWith(".map") ? ownSources(text) : namedClasses(text));
	}
}

/** A source map without the one source that no package has. Its lines are imports, so no error ever leads there. */
function ownSources(map) {
	const { sources, ...rest } = JSON.parse(map);
	return JSON.stringify({ ...rest, sources: sources.map((source) => (source.endsWith("scripts/node-globals.mjs") ? null : source)) });
}

/** Declarations of `conec/testing` name the library as `#conec/...`, which `moduleResolution: node10` does not know. So they name the files. */
function settleDeclarations(dist) {
	for (const file of readdirSync(join(dist, "testing"), { recursive: true, encoding: "utf8" })) {
		if (!file.endsWith(".d.ts")) continue;
		const path = join(dist, "testing", file);
		const up = "../".repeat(file.split(sep).length);
		const text = readFileSync(path, "utf8");
		writeFileSync(path, text.replaceAll(/(["'])#conec\/([^"']+)\1/g, `$1${up}$2.js$1`));
	}
}

/** A class that names itself becomes `var Client = class _Client`. Programs and people read `constructor.name`, so it gets its own name back. */
export function namedClasses(code) {
	let named = code;
	for (const [, name] of code.matchAll(/^var (\w+) = class _\1\b/gm)) named = named.replaceAll(new RegExp(`\\b_${name}\\b`, "g"), name);
	return named;
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
		"scripts/build-dist.mjs",
		"scripts/node-globals.mjs",
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

if (process.argv[1] === fileURLToPath(import.meta.url)) process.exitCode = (await buildDist()) === true ? 0 : 1;
