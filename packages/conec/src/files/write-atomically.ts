/**
 * Writes a file so that after a crash the old one, none, or the whole new one is there.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { type FileHandle, link, lstat, open, rename, unlink } from "node:fs/promises";
import { dirname } from "node:path";
import { errnoOf, fileErrorMeaning } from "./file-errors.ts";

/** How a file is written. */
export interface WriteOptions {
	/** @default 0o600 */
	readonly mode?: number;
	/** The temporary file, in the directory of the file. @default `PATH.<12 hexadecimal digits>.tmp` */
	readonly temporary?: string;
	/** Looks at the temporary file before anything gets the name; what it throws ends the writing, and nothing is left. */
	readonly check?: (handle: FileHandle) => Promise<void>;
}

/**
 * Writes a file. `create` never replaces: it resolves with false when a file of that name is there.
 *
 * Rejects with the system error; then nothing is left of it. That the file system cannot flush, or has no hard links, is no error.
 */
export async function writeAtomically(path: string, content: string | Uint8Array, how: "create" | "replace", options: WriteOptions = {}): Promise<boolean> {
	const { mode = 0o600, temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`, check } = options;
	let placed = true;
	try {
		const handle = await open(temporary, "wx", mode);
		try {
			await check?.(handle);
			await handle.writeFile(content);
			await flush(handle);
		} finally {
			await handle.close();
		}
		if (how === "replace") await rename(temporary, path);
		else placed = await place(temporary, path);
	} finally {
		await unlink(temporary).catch(() => undefined);
	}
	await flushDirectory(dirname(path));
	return placed;
}

/** Gives the file its name unless that is taken. Where there are no hard links, a rename does it, which is not quite as certain. */
async function place(from: string, to: string): Promise<boolean> {
	try {
		await link(from, to);
	} catch (error) {
		const meaning = fileErrorMeaning("link", errnoOf(error));
		if (meaning === "exists") return false;
		if (meaning !== "unsupported") throw error;
		if (await isThere(to)) return false;
		await rename(from, to);
	}
	return true;
}

async function isThere(path: string): Promise<boolean> {
	try {
		await lstat(path);
		return true;
	} catch (error) {
		if (fileErrorMeaning("stat", errnoOf(error)) === "missing") return false;
		throw error;
	}
}

/** What the file system cannot flush it keeps as it can. That it failed to is another matter: the content may be lost. */
async function flush(handle: FileHandle): Promise<void> {
	try {
		await handle.sync();
	} catch (error) {
		if (fileErrorMeaning("sync", errnoOf(error)) !== "unsupported") throw error;
	}
}

/** Makes the new name durable; Windows and some file systems cannot, and there it is done by the file's own flush. */
async function flushDirectory(path: string): Promise<void> {
	const handle = await open(path, "r").catch(() => undefined);
	await handle?.sync().catch(() => undefined);
	await handle?.close();
}
