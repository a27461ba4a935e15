/**
 * Builds what is measured: the packages' `dist`, this folder with plain `tsc`, and raw quinn.
 *
 * Children run compiled JavaScript under plain Node: a loader that transforms sources would be measured with them.
 *
 * @module
 */

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";

/** Where things are once built. */
export interface Built {
	/** Compiled benchmark. */
	readonly compiled: string;
	/** `undefined`: nobody wants it, there is no cargo, or it failed; the reason went to standard error. */
	readonly rawQuinn: string | undefined;
}

/**
 * Builds the packages of the work tree `library`, and the benchmark of the work tree `own` for them: compiled into that work tree, it finds those packages.
 * Both may be the same. `raw`: whether raw quinn is wanted.
 *
 * @throws Error when there is nothing to measure. What was emitted in spite of type errors is measured, with a warning.
 */
export async function build(own: string, library: string, raw: boolean, log: (line: string) => void): Promise<Built> {
	log("building the packages and the benchmark");
	const compiled = join(library, "node_modules/.cache/conec-bench");
	await emits("npm", ["run", "--silent", "build"], library, join(library, "packages/conec/dist/index.js"), log);
	const words = [join(own, "node_modules/typescript/bin/tsc"), "-p", "bench/tsconfig.json", "--outDir", compiled];
	await emits(process.execPath, words, own, join(compiled, "roles/client.js"), log);
	return { compiled, rawQuinn: raw ? await buildRawQuinn(library, log) : undefined };
}

/** Runs a compiler. What it has emitted in spite of type errors is used, with a warning. */
export async function emits(command: string, words: readonly string[], root: string, file: string, log: (line: string) => void): Promise<void> {
	try {
		await run(command, words, root);
	} catch (error) {
		if (!existsSync(file)) {
			throw error;
		}
		log(`${(error as Error).message}; measuring what was emitted`);
	}
}

/** Builds the reference; undefined: no cargo, or it failed, and `log` has the reason. */
export async function buildRawQuinn(root: string, log: (line: string) => void): Promise<string | undefined> {
	const crate = join(root, "packages/quic/native");
	const target = join(crate, "target");
	const binary = join(target, "release", process.platform === "win32" ? "raw-quinn.exe" : "raw-quinn");
	if (!existsSync(binary)) {
		log("building raw quinn, the reference; once, about a minute");
	}
	try {
		// Also when it is there: cargo knows whether it is stale.
		await run("cargo", ["build", "--quiet", "--release", "--locked", "--features", "bench-bin", "--bin", "raw-quinn", "--target-dir", target], crate);
		return binary;
	} catch (error) {
		log(`raw quinn is not measured: ${(error as Error).message}`);
		return undefined;
	}
}

/** Runs a command to its end. Its standard output joins our standard error: ours belongs to the results. */
export function run(command: string, words: readonly string[], cwd: string): Promise<void> {
	return new Promise((resolve, reject) => {
		const child = spawn(command, words, { cwd, stdio: ["ignore", 2, 2], shell: process.platform === "win32" && command === "npm" });
		child.once("error", (error: NodeJS.ErrnoException) => reject(error.code === "ENOENT" ? new Error(`${command} is not installed`) : error));
		child.once("exit", (code, signal) => (code === 0 ? resolve() : reject(new Error(`${command} ${words[0]} ended with ${code ?? signal}`))));
	});
}
