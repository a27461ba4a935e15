/**
 * Gives a finished part file its name. Without force nothing is ever replaced: two writers of one name, in whatever
 * process, get one file and one `EXISTS`. File systems differ in what they can: hard links, renaming, or neither.
 *
 * @module
 */

import { constants } from "node:fs";
import { errnoOf, fileErrorMeaning } from "../../../files/file-errors.ts";
import type { FileSystem, OpenFile } from "../ground/index.ts";
import { FileProblemError, orWriteProblem, writeProblem } from "../ground/index.ts";

/** Flags of a file that must be new and ours. */
export const NEW_FILE: number = constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);

/** Bytes copied at a time where neither links nor renaming work. */
const COPY_BYTES = 256 * 1_024;

/**
 * Moves the closed part file to its place. Resolves with remarks; rejects with a {@link FileProblemError}, and then the
 * part file may still be there.
 */
export async function placeFile(files: FileSystem, partPath: string, finalPath: string, force: boolean): Promise<string[]> {
	if (!force) return placeExclusively(files, partPath, finalPath);
	try {
		await files.rename(partPath, finalPath);
		return [];
	} catch (error) {
		if (fileErrorMeaning("rename", errnoOf(error)) !== "unsupported") throw writeProblem("rename", error);
	}
	// It cannot replace, or not rename at all: make room.
	await files.unlink(finalPath).catch((error: unknown) => {
		if (errnoOf(error) !== "ENOENT") throw writeProblem("remove", error);
	});
	return placeExclusively(files, partPath, finalPath);
}

async function placeExclusively(files: FileSystem, partPath: string, finalPath: string): Promise<string[]> {
	try {
		await files.link(partPath, finalPath);
		return await removePart(files, partPath);
	} catch (error) {
		if (fileErrorMeaning("link", errnoOf(error)) !== "unsupported") throw writeProblem("link", error);
	}
	// Without hard links: reserve the name with an empty file of ours, then replace that.
	const reserved = await orWriteProblem("create", files.open(finalPath, constants.O_WRONLY | NEW_FILE, 0o600));
	await reserved.close().catch(ignore);
	try {
		await files.rename(partPath, finalPath);
		return [];
	} catch (error) {
		await files.unlink(finalPath).catch(ignore);
		if (fileErrorMeaning("rename", errnoOf(error)) !== "unsupported") throw writeProblem("rename", error);
	}
	await copyFile(files, partPath, finalPath);
	return removePart(files, partPath);
}

/** Mode and times stay what the file system gives: one that cannot rename hardly has them. */
async function copyFile(files: FileSystem, partPath: string, finalPath: string): Promise<void> {
	await files.chmod(partPath, 0o600).catch(ignore);
	const from = await orWriteProblem("open", files.open(partPath, constants.O_RDONLY));
	try {
		const to = await orWriteProblem("create", files.open(finalPath, constants.O_WRONLY | NEW_FILE, 0o600));
		try {
			await copyBytes(from, to);
			await syncFile(to);
			await orWriteProblem("write", to.close());
		} catch (error) {
			await to.close().catch(ignore);
			await files.unlink(finalPath).catch(ignore);
			throw error;
		}
	} finally {
		await from.close().catch(ignore);
	}
}

async function copyBytes(from: OpenFile, to: OpenFile): Promise<void> {
	const buffer = new Uint8Array(COPY_BYTES);
	for (let position = 0; ; ) {
		const count = await orWriteProblem("read", from.read(buffer, 0, buffer.length));
		if (count === 0) return;
		await writeAll(to, buffer.subarray(0, count), position);
		position += count;
	}
}

/** Writes all of it at that position. */
export async function writeAll(file: OpenFile, data: Uint8Array, position: number): Promise<void> {
	for (let offset = 0; offset < data.length; ) {
		const written = await orWriteProblem("write", file.write(data, offset, data.length - offset, position + offset));
		if (written === 0) throw new FileProblemError("FAILED", "cannot write it: the file system takes no more bytes");
		offset += written;
	}
}

/** Flushes to the disk. Resolves with a remark where the file system cannot; rejects where that failed. */
export async function syncFile(file: OpenFile): Promise<string[]> {
	try {
		await file.sync();
		return [];
	} catch (error) {
		if (fileErrorMeaning("sync", errnoOf(error)) !== "unsupported") throw writeProblem("sync", error);
		return [`the file system cannot flush it to the disk (${errnoOf(error)})`];
	}
}

async function removePart(files: FileSystem, partPath: string): Promise<string[]> {
	return files.unlink(partPath).then(
		() => [],
		(error: unknown) => [`its part file could not be removed (${errnoOf(error)})`],
	);
}

function ignore(): void {}
