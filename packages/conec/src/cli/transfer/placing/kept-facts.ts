/**
 * Mode and times of what was received. A file system that refuses them keeps the content all the same.
 *
 * @module
 */

import { errnoOf, type FileCall, fileErrorMeaning } from "../../../files/file-errors.ts";
import type { OpenFile } from "../ground/index.ts";
import { writeProblem } from "../ground/index.ts";

/** What a file or directory gets at its end. */
export interface KeptFacts {
	/** Exactly these permission bits. `undefined`: as it was made, which is private. */
	readonly mode: number | undefined;
	/** Milliseconds since 1970. */
	readonly mtimeMs: number | undefined;
}

/** Sets them. Resolves with remarks about those that were refused; rejects with a `FileProblemError` when the disk fails. */
export async function keepFacts(file: OpenFile, { mode, mtimeMs }: KeptFacts): Promise<string[]> {
	const remarks: string[] = [];
	if (mode !== undefined) remarks.push(...(await orRemark("chmod", "its mode was not set", file.chmod(mode))));
	if (mtimeMs !== undefined) remarks.push(...(await orRemark("utimes", "its time was not set", file.utimes(mtimeMs))));
	return remarks;
}

async function orRemark(call: FileCall, remark: string, operation: Promise<void>): Promise<string[]> {
	try {
		await operation;
		return [];
	} catch (error) {
		if (fileErrorMeaning(call, errnoOf(error)) !== "unsupported") throw writeProblem(call, error);
		return [`${remark} (${errnoOf(error) || "refused"})`];
	}
}
