// Joins the programs of tests with the sources that they need: each is a file, and so is what the same programs share. A process then opens some thirty files instead
// of hundreds, which costs it a third of a second of processor time less; to join them all takes one second.

import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";
import { JOINED, namedClasses } from "../build-dist.mjs";
import { globFiles } from "../files.mjs";
import { compiledFile } from "./compile.mjs";

const root = join(import.meta.dirname, "..", "..");
const temporary = join(root, ".tmp");
const joined = join(temporary, "joined");

/** Programs that tests start as processes. */
const CHILDREN = /(\/children\/|^examples\/)[^/]+(?<!\.d|\.test)\.ts$/;

/** Packages of this repository, by their names. */
const OWN = { "conec/testing": "packages/conec/testing/index.ts", conec: "packages/conec/src/index.ts", "@conec/quic": "packages/quic/src/index.ts" };

/** What {@link joinPrograms} makes of a file below `.tmp`. */
function joinedFile(path) {
	return join(joined, relative(temporary, path));
}

/**
 * Joins the compiled programs, and those that tests start as processes. Returns what to run, in the same order; a program that is no compiled file is as it is.
 * Whatever is not of this repository, and what is no TypeScript, is loaded from where it is.
 */
export async function joinPrograms(programs) {
	rmSync(joined, { recursive: true, force: true });
	const { build } = await import("esbuild");
	const isMade = (path) => path.startsWith(temporary);
	const children = globFiles(["packages/conec/testing", "test", "examples"], CHILDREN).map(compiledFile);
	const { outputFiles } = await build({
		...JOINED,
		absWorkingDir: root,
		entryPoints: [...programs.filter(isMade), ...children],
		outdir: joined,
		outbase: temporary,
		outExtension: { ".js": ".mjs" },
		alias: Object.fromEntries(Object.entries(OWN).map(([name, entry]) => [name, compiledFile(entry)])),
		// `sideEffects: false` of a package would leave out its tests.
		ignoreAnnotations: true,
		external: ["file:*"],
	});
	for (const { path, text } of outputFiles) {
		mkdirSync(dirname(path), { recursive: true });
		writeFileSync(path, namedClasses(text));
	}
	return programs.map((path) => (isMade(path) ? joinedFile(path).replace(/\.m?js$/, ".mjs") : path));
}
