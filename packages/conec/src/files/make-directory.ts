/**
 * Makes a directory and what is missing above it.
 *
 * @module
 */

import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { errnoOf } from "./file-errors.ts";

/**
 * Makes the directory, and those above it, with the given mode. One that is there is left as it is, whatever its mode.
 *
 * Node's own `recursive` never ends where a parent exists and still nothing can be made in it (/proc).
 *
 * @throws the system error of the directory that could not be made
 */
export async function makeDirectory(path: string, mode: number): Promise<void> {
	try {
		await mkdir(path, mode);
	} catch (error) {
		// Some file systems say that they are read-only, or that one may not, before they say that it exists.
		if (await isDirectory(path)) return;
		if (errnoOf(error) !== "ENOENT" || dirname(path) === path) throw error;
		await makeDirectory(dirname(path), mode);
		await mkdir(path, mode).catch(async (again: unknown) => {
			// Another process may have been quicker.
			if (!(await isDirectory(path))) throw again;
		});
	}
}

async function isDirectory(path: string): Promise<boolean> {
	return await stat(path).then(
		(found) => found.isDirectory(),
		() => false,
	);
}
