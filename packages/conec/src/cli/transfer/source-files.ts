/**
 * What `conec send` reads: the named files and, of named directories, every regular file below.
 *
 * @module
 */

import { constants } from "node:fs";
import { type FileHandle, lstat, open, readdir, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { errnoOf, errnoText, FileProblemError, readProblem } from "./file-problem.ts";
import { parseSafePath } from "./safe-path.ts";

/** A file to send, or why there is none. `name` is what the receiver is told. */
export type Source =
	| { readonly type: "file"; readonly path: string; readonly name: string; readonly size: number; readonly follow: boolean }
	| { readonly type: "problem"; readonly name: string; readonly error: FileProblemError };

/** An opened regular file and what it was like then. */
export interface OpenedFile {
	readonly handle: FileHandle;
	readonly size: number;
	readonly mode: number;
	readonly mtimeMs: number;
	/** Rejects with `CHANGED` when size or modification time differ from those at opening. */
	verifyUnchanged(): Promise<void>;
}

/**
 * Walks in a stable order (sorted within a directory). A link given by the user is followed; links below a directory
 * are left out with a problem, as are devices, pipes and sockets. Never rejects for a file.
 */
export async function* walkSources(paths: readonly string[]): AsyncGenerator<Source, void, void> {
	for (const path of paths) {
		const name = basename(resolve(path));
		try {
			const found = await stat(path);
			if (found.isDirectory()) yield* walkDirectory(path, name);
			else if (found.isFile()) yield fileSource(path, name, found.size, true);
			else yield { type: "problem", name, error: new FileProblemError("UNREADABLE", "it is not a regular file") };
		} catch (error) {
			yield { type: "problem", name: name === "" ? path : name, error: readProblem(error) };
		}
	}
}

/** Files and bytes that {@link walkSources} would give; holds nothing in memory. Stops early when aborted. */
export async function countSources(paths: readonly string[], signal: AbortSignal): Promise<{ files: number; bytes: number }> {
	let files = 0;
	let bytes = 0;
	for await (const source of walkSources(paths)) {
		signal.throwIfAborted();
		if (source.type !== "file") continue;
		files += 1;
		bytes += source.size;
	}
	return { files, bytes };
}

/** Opens for reading. Rejects with a {@link FileProblemError}. The caller closes the handle. */
export async function openSource(path: string, follow: boolean): Promise<OpenedFile> {
	let handle: FileHandle;
	try {
		handle = await open(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (follow ? 0 : (constants.O_NOFOLLOW ?? 0)));
	} catch (error) {
		throw readProblem(error);
	}
	try {
		const before = await handle.stat({ bigint: true });
		if (!before.isFile()) throw new FileProblemError("UNREADABLE", "it is not a regular file");
		return {
			handle,
			size: Number(before.size),
			mode: Number(before.mode & 0o777n),
			mtimeMs: Number(before.mtimeMs),
			async verifyUnchanged() {
				const after = await handle.stat({ bigint: true });
				if (after.size !== before.size) throw new FileProblemError("CHANGED", `its size changed from ${before.size} to ${after.size} bytes while it was sent`);
				if (after.mtimeNs !== before.mtimeNs) throw new FileProblemError("CHANGED", "it was written to while it was sent");
			},
		};
	} catch (error) {
		await handle.close();
		throw readProblem(error);
	}
}

async function* walkDirectory(path: string, name: string): AsyncGenerator<Source, void, void> {
	let entries: string[];
	try {
		entries = await readdir(path);
	} catch (error) {
		yield { type: "problem", name, error: new FileProblemError("UNREADABLE", `cannot list the directory: ${errnoText(errnoOf(error))}`, error) };
		return;
	}
	for (const entry of entries.sort()) {
		const entryPath = join(path, entry);
		const entryName = `${name}/${entry}`;
		try {
			const found = await lstat(entryPath);
			if (found.isDirectory()) yield* walkDirectory(entryPath, entryName);
			else if (found.isFile()) yield fileSource(entryPath, entryName, found.size, false);
			else
				yield {
					type: "problem",
					name: entryName,
					error: new FileProblemError("UNREADABLE", found.isSymbolicLink() ? "links are not followed" : "it is not a regular file"),
				};
		} catch (error) {
			yield { type: "problem", name: entryName, error: readProblem(error) };
		}
	}
}

function fileSource(path: string, name: string, size: number, follow: boolean): Source {
	const parsed = parseSafePath(name);
	if (!parsed.safe) return { type: "problem", name, error: new FileProblemError("NAME_UNSAFE", `no receiver takes this name: ${parsed.reason}`) };
	return { type: "file", path, name, size, follow };
}
