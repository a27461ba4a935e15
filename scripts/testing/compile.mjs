// Compiles every TypeScript file of the repository to `.tmp/compiled`, without looking at types: what has not changed since is not written again.
// What is there runs by itself, as fast as any JavaScript: it imports its neighbours there, and for whatever it reads it is where its source is.

import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { globFiles } from "../files.mjs";

const root = join(import.meta.dirname, "..", "..");
/** Where the compiled files are, at the places of their sources. */
const compiled = join(root, ".tmp", "compiled");

/** Flags for Node to run TypeScript files of this repository as {@link compileSources} has compiled them, or these themselves. In any working directory, and much quicker than compiling on the way. */
export const COMPILED = ["--conditions=source", "--import", pathToFileURL(join(import.meta.dirname, "register.mjs")).href];

/** What a TypeScript file of the repository was compiled to; any other file is as it is. */
export function compiledFile(file) {
	return file.endsWith(".ts") ? join(compiled, `${file.slice(0, -3)}.js`) : join(root, file);
}

/** Whether it went well; what is wrong is printed. */
export function compileSources() {
	const tsc = join(root, "node_modules", "typescript", "bin", "tsc");
	// Where the sources are, for traces of errors and for coverage.
	const sources = ["--sourceRoot", `${pathToFileURL(root).href}/`];
	if (spawnSync(process.execPath, [tsc, "-p", join(root, "tsconfig.compiled.json"), ...sources], { stdio: "inherit", cwd: root }).status !== 0) return false;
	// Packages that import each other by name find each other as compiled, and all others where they are.
	for (const [name, directory] of [
		["conec", "packages/conec"],
		["@conec/quic", "packages/quic"],
	])
		linkPackage(name, directory);
	const folders = ["packages/conec", "packages/quic", "test", "bench", "examples", "scripts"];
	for (const file of globFiles(folders, /(?<!\.d)\.ts$/)) settle(file);
	return true;
}

function linkPackage(name, directory) {
	const manifest = readFileSync(join(root, directory, "package.json"), "utf8").replaceAll(/(?<!\.d)\.ts"/g, '.js"');
	write(join(compiled, directory, "package.json"), manifest);
	const link = join(compiled, "node_modules", name);
	mkdirSync(dirname(link), { recursive: true });
	if (!existsSync(link)) symlinkSync(join(compiled, directory), link, "junction");
}

/** Tells a compiled file where its source is, by which it finds what it reads and runs. What is no TypeScript is imported from there too. */
function settle(file) {
	const path = compiledFile(file);
	// One that is not part of the project, such as what a test has left.
	if (!existsSync(path)) return;
	const source = join(root, file);
	const url = pathToFileURL(source);
	const before = readFileSync(path, "utf8");
	const after = before
		.replaceAll("import.meta.url", JSON.stringify(url.href))
		.replaceAll("import.meta.dirname", JSON.stringify(dirname(source)))
		.replaceAll("import.meta.filename", JSON.stringify(source))
		.replaceAll(/^((?:import|export) .*from )"(\.[^"]*\.[mc]js)";$/gm, (_, start, to) => `${start}${JSON.stringify(new URL(to, url).href)};`);
	if (after !== before) write(path, after);
}

function write(path, text) {
	if (!existsSync(path) || readFileSync(path, "utf8") !== text) writeFileSync(path, text);
}
