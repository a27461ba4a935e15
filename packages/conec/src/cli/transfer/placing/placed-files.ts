/**
 * The files that one transfer has put in place, so that none of them replaces another: two may have one name, or names
 * that the file system takes for one (case, Unicode forms).
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { FileFacts, FileSystem } from "../ground/index.ts";
import { FileProblemError } from "../ground/index.ts";
import { placeFile } from "./place-file.ts";

/** Files that are remembered one by one, about 20 MiB; what comes then is told by its time. */
const REMEMBERED = 262_144;

/** Puts the files of one transfer in place, one after another. */
export class PlacedFiles {
	readonly #files: FileSystem;
	readonly #remembered: number;
	/** By path, and by device and inode: some file systems change inode numbers, others have several names for one file. */
	readonly #known = new Set<number>();
	#firstNs: bigint | undefined;
	#last: Promise<unknown> = Promise.resolve();

	constructor(files: FileSystem, remembered: number = REMEMBERED) {
		this.#files = files;
		this.#remembered = remembered;
	}

	/** As `placeFile`; a file of this transfer is never replaced, but is `EXISTS`. */
	place(partPath: string, finalPath: string, force: boolean): Promise<string[]> {
		// Only another process can act between this look and the placing.
		const placing = this.#last.then(() => this.#place(partPath, finalPath, force));
		this.#last = placing.catch(() => undefined);
		return placing;
	}

	async #place(partPath: string, finalPath: string, force: boolean): Promise<string[]> {
		// Without force nothing is replaced at all.
		if (!force) return await placeFile(this.#files, partPath, finalPath, force);
		const old = await this.#look(finalPath);
		if (old !== undefined && this.#isOurs(finalPath, old)) throw new FileProblemError("EXISTS", "a file of this transfer has that name already");
		const remarks = await placeFile(this.#files, partPath, finalPath, force);
		this.#remember(finalPath, await this.#look(finalPath));
		return remarks;
	}

	#look(path: string): Promise<FileFacts | undefined> {
		// What cannot be looked at is told by placing it.
		return this.#files.lstat(path).catch(() => undefined);
	}

	#isOurs(path: string, found: FileFacts): boolean {
		if (this.#known.has(digest(path)) || this.#known.has(digest(identity(found)))) return true;
		// Beyond what is remembered, what has changed since the first one may be ours.
		return this.#known.size >= 2 * this.#remembered && this.#firstNs !== undefined && found.ctimeNs >= this.#firstNs;
	}

	#remember(path: string, found: FileFacts | undefined): void {
		if (found !== undefined) this.#firstNs ??= found.ctimeNs;
		if (this.#known.size >= 2 * this.#remembered) return;
		this.#known.add(digest(path));
		if (found !== undefined) this.#known.add(digest(identity(found)));
	}
}

/** No path has a NUL. */
function identity({ dev, ino }: FileFacts): string {
	return `\0${dev}:${ino}`;
}

/** 48 bits: small, and two that are the same by chance only refuse a file. */
function digest(text: string): number {
	return createHash("sha256").update(text).digest().readUIntBE(0, 6);
}
