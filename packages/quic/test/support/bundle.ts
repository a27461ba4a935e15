/**
 * Puts a program of `../children` with all it imports into one JavaScript file, so that many processes and workers
 * can start it without each compiling it anew.
 *
 * @module
 */

import { mkdir, rm } from "node:fs/promises";
import { createRequire } from "node:module";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

interface Bundler {
	build(options: {
		entryPoints: string[];
		outfile: string;
		bundle: boolean;
		format: "esm";
		platform: "node";
		external: string[];
		logLevel: "error";
	}): Promise<unknown>;
}

/** Where bundles go: beside `src`, from where the sources find the addon. */
const FOLDER = fileURLToPath(new URL("../../.tmp/", import.meta.url));

export interface Bundle {
	readonly file: string;
	remove(): Promise<void>;
}

export async function bundle(name: string): Promise<Bundle> {
	// The bundler that tsx itself compiles with.
	const fromTsx = createRequire(createRequire(import.meta.url).resolve("tsx/package.json"));
	const { build } = fromTsx("esbuild") as Bundler;
	await mkdir(FOLDER, { recursive: true });
	const outfile = join(FOLDER, `${name}-${process.pid}.mjs`);
	await build({
		entryPoints: [fileURLToPath(new URL(`../children/${name}.ts`, import.meta.url))],
		outfile,
		bundle: true,
		format: "esm",
		platform: "node",
		// It finds the addon beside itself.
		external: ["../native/loader.cjs"],
		logLevel: "error",
	});
	return { file: outfile, remove: () => rm(outfile, { force: true }) };
}
