/**
 * Whether a file is there already, with the same content.
 *
 * @module
 */

import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { join } from "node:path";
import type { FileSystem, OpenFile } from "../ground/index.ts";

/** What the sender says of a file's content. */
export interface Content {
	readonly size: number;
	/** Hex. */
	readonly sha256: string;
}

/** Bytes read at a time. */
const READ_BYTES = 256 * 1_024;

/**
 * Whether a regular file with that content has that name, below a directory and behind no link. It reads the file only if its size is the same.
 * Never rejects: what cannot be read is not identical.
 */
export async function isIdentical(files: FileSystem, directory: string, components: readonly string[], content: Content): Promise<boolean> {
	let file: OpenFile | undefined;
	try {
		file = await openOfSize(files, directory, components, content.size);
		return file !== undefined && (await hashOf(file, content.size)) === content.sha256;
	} catch {
		return false;
	} finally {
		await file?.close().catch(() => undefined);
	}
}

/** Whether a regular file of that size has that name, below a directory and behind no link. Never rejects. */
export async function hasSameSize(files: FileSystem, directory: string, components: readonly string[], size: number): Promise<boolean> {
	const file = await openOfSize(files, directory, components, size).catch(() => undefined);
	await file?.close().catch(() => undefined);
	return file !== undefined;
}

async function openOfSize(files: FileSystem, directory: string, components: readonly string[], size: number): Promise<OpenFile | undefined> {
	let file: OpenFile | undefined;
	try {
		let path = directory;
		for (const component of components.slice(0, -1)) {
			path = join(path, component);
			if (!(await files.lstat(path)).isDirectory()) return undefined;
		}
		// A pipe of that name must not block.
		const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (constants.O_NOFOLLOW ?? 0);
		path = join(path, components.at(-1) ?? "");
		// Windows has no O_NOFOLLOW.
		if (!(await files.lstat(path)).isFile()) return undefined;
		file = await files.open(path, flags);
		const facts = await file.stat();
		if (facts.isFile() && facts.size === BigInt(size)) return file;
	} catch (error) {
		await file?.close().catch(() => undefined);
		throw error;
	}
	await file.close().catch(() => undefined);
	return undefined;
}

/** The hash of so many bytes; `undefined` if there are more or fewer. */
async function hashOf(file: OpenFile, size: number): Promise<string | undefined> {
	const hash = createHash("sha256");
	const buffer = new Uint8Array(READ_BYTES);
	for (let read = 0; ; ) {
		const count = await file.read(buffer, 0, buffer.length);
		if (count === 0) return read === size ? hash.digest("hex") : undefined;
		read += count;
		if (read > size) return undefined;
		hash.update(buffer.subarray(0, count));
	}
}
