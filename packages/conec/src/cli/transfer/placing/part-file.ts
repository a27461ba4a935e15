/**
 * A file on its way in: written as `NAME.part-xxxxxxxx` beside its place, for its owner only, and given its mode, its
 * time and its name when it is whole.
 *
 * Links: the receiving directory may be one, nothing below it may. Each component is looked at before it is entered,
 * and the part file is created exclusively and without following links. A sender cannot make links, so what remains
 * is a race against somebody who may already write into the directory.
 *
 * @module
 */

import { constants } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../../../files/file-errors.ts";
import type { FileFacts, FileSystem, OpenFile } from "../ground/index.ts";
import { FileProblemError, orWriteProblem, writeProblem } from "../ground/index.ts";
import { MAX_COMPONENT_BYTES } from "../names/index.ts";
import { type KeptFacts, keepFacts } from "./kept-facts.ts";
import { NEW_FILE, syncFile, writeAll } from "./place-file.ts";
import { PlacedFiles } from "./placed-files.ts";

/** What a {@link PartFile} is made of. */
export interface PartFileOptions {
	readonly files: FileSystem;
	/** The receiving directory; exists. */
	readonly directory: string;
	/** From `parseSafePath`. */
	readonly components: readonly string[];
	/** Bytes expected, if known; refused with `DISK_FULL` at once when the file system has less room. */
	readonly size: number | undefined;
	/** Replace an existing file. */
	readonly force: boolean;
	/** Those of the same transfer. @default none but this one */
	readonly placed?: PlacedFiles | undefined;
}

/** A part file that stays when its transfer breaks off. */
export interface Keeping {
	readonly file: OpenFile;
	readonly path: string;
	/** Bytes that are in it. */
	readonly bytes: number;
	/** Lets others have it. Never throws. */
	release(): void;
	/** Something was written. */
	touched(): void;
}

/** Writes that may be under way at once. */
const PENDING_WRITES = 4;

/** Files smaller than this are not worth asking the file system for room. */
const ROOM_CHECK_BYTES = 1_048_576;

/** An incoming file. Ends with either `finish` or `discard`. */
export class PartFile {
	/** Where the bytes are until `finish`. */
	readonly partPath: string;
	readonly #files: FileSystem;
	readonly #finalPath: string;
	readonly #file: OpenFile;
	readonly #force: boolean;
	readonly #placed: PlacedFiles;
	readonly #keeping: Keeping | undefined;
	readonly #pending = new Set<Promise<void>>();
	#position = 0;
	#discarded: Promise<boolean> | undefined;
	#failure: { readonly error: unknown } | undefined;

	private constructor(
		file: OpenFile,
		partPath: string,
		finalPath: string,
		{ files, force, placed = new PlacedFiles(files) }: PartFileOptions,
		keeping?: Keeping,
	) {
		this.#keeping = keeping;
		this.#position = keeping?.bytes ?? 0;
		this.#files = files;
		this.#file = file;
		this.partPath = partPath;
		this.#finalPath = finalPath;
		this.#force = force;
		this.#placed = placed;
	}

	/** Rejects with a {@link FileProblemError}, and then nothing is left but directories. */
	static async create(options: PartFileOptions): Promise<PartFile> {
		const { files, size } = options;
		const { directory, name, finalPath } = await place(options);
		await refuseWithoutRoom(files, directory, size);
		const partPath = join(directory, partName(name, files.uniqueDigits()));
		const file = await orWriteProblem("create", files.open(partPath, constants.O_WRONLY | NEW_FILE, 0o600));
		return new PartFile(file, partPath, finalPath, options);
	}

	/** Goes on with a part file that is open. */
	static adopt(options: PartFileOptions, finalPath: string, keeping: Keeping): PartFile {
		return new PartFile(keeping.file, keeping.path, finalPath, options, keeping);
	}

	/** Begins anew in the same file. Rejects with a {@link FileProblemError}. */
	async restart(): Promise<void> {
		await Promise.all(this.#pending);
		await orWriteProblem("write", this.#file.truncate(0));
		this.#position = 0;
	}

	/** Appends. Resolves while few writes are under way; a failed write shows in a later call. `data` must not change any more. */
	async write(data: Uint8Array): Promise<void> {
		this.#throwFailure();
		// One after another where it is kept: a process that is killed then leaves no hole in it.
		if (this.#pending.size >= (this.#keeping === undefined ? PENDING_WRITES : 1)) await Promise.race(this.#pending);
		this.#throwFailure();
		const write: Promise<void> = writeAll(this.#file, data, this.#position).then(
			() => {
				this.#pending.delete(write);
			},
			(error: unknown) => {
				this.#pending.delete(write);
				this.#failure ??= { error };
			},
		);
		this.#position += data.length;
		this.#pending.add(write);
		this.#keeping?.touched();
	}

	/**
	 * Puts the content on disk and gives the file its mode, time and name. Resolves with remarks on what the file system
	 * refused; rejects with a {@link FileProblemError}, and then the part file is gone.
	 */
	async finish(facts: KeptFacts): Promise<string[]> {
		try {
			await Promise.all(this.#pending);
			this.#throwFailure();
			const remarks = await keepFacts(this.#file, facts);
			remarks.push(...(await syncFile(this.#file)));
			await orWriteProblem("write", this.#file.close());
			remarks.push(...(await this.#placed.place(this.partPath, this.#finalPath, this.#force)));
			this.#keeping?.release();
			return remarks;
		} catch (error) {
			await this.discard();
			throw error;
		}
	}

	/**
	 * Ends it where the file is not whole. One that is to be kept stays, and this resolves with how many bytes are in it; with `undefined` if
	 * nothing stays. Never rejects.
	 */
	async leave(): Promise<number | undefined> {
		if (this.#keeping === undefined) {
			await this.discard();
			return undefined;
		}
		await Promise.all(this.#pending);
		const bytes = await this.#file.stat().then(
			({ size }) => Number(size),
			() => 0,
		);
		if (bytes === 0) {
			await this.discard();
			return undefined;
		}
		await this.#file.close().catch(ignore);
		this.#keeping.release();
		return bytes;
	}

	/** Removes the part file, also after a `finish` that failed. Resolves with whether nothing of it stays. Never rejects. */
	discard(): Promise<boolean> {
		this.#discarded ??= this.#discard();
		return this.#discarded;
	}

	async #discard(): Promise<boolean> {
		await Promise.all(this.#pending);
		await this.#file.close().catch(ignore);
		const isGone = await this.#files.unlink(this.partPath).then(
			() => true,
			(error: unknown) => errnoOf(error) === "ENOENT",
		);
		this.#keeping?.release();
		return isGone;
	}

	#throwFailure(): void {
		if (this.#failure !== undefined) throw this.#failure.error;
	}
}

/** `NAME.part-xxxxxxxx`, the name shortened where it would become too long. */
export function partName(name: string, unique: string): string {
	const suffix = `.part-${unique}`;
	const room = MAX_COMPONENT_BYTES - suffix.length;
	let kept = "";
	let bytes = 0;
	for (const character of name) {
		bytes += Buffer.byteLength(character);
		if (bytes > room) break;
		kept += character;
	}
	return kept + suffix;
}

/** Where a file goes. */
export interface Place {
	/** Entered, and made if it was missing. */
	readonly directory: string;
	readonly name: string;
	readonly finalPath: string;
}

/** Enters the directory of a file, and looks whether the file may have its name. Rejects with a {@link FileProblemError}. */
export async function place({ files, directory, components, force }: PartFileOptions): Promise<Place> {
	const parent = await enterDirectory(files, directory, components.slice(0, -1));
	const name = components.at(-1) ?? "";
	const finalPath = join(parent.path, name);
	await refuseExisting(files, finalPath, force);
	return { directory: parent.path, name, finalPath };
}

/** A directory that was entered. */
export interface Entered {
	readonly path: string;
	/** Whether the last component was made. */
	readonly made: boolean;
	/** Its permission bits before, where it was there. */
	readonly mode: number | undefined;
}

/**
 * Goes down component by component, making what is missing, for its owner only; refuses links and files on the way.
 * Rejects with a {@link FileProblemError}.
 */
export async function enterDirectory(files: FileSystem, directory: string, components: readonly string[]): Promise<Entered> {
	let entered: Entered = { path: directory, made: false, mode: undefined };
	for (const component of components) entered = await enterOne(files, join(entered.path, component));
	return entered;
}

async function enterOne(files: FileSystem, path: string): Promise<Entered> {
	let failure: unknown;
	try {
		await files.mkdir(path, 0o700);
		return { path, made: true, mode: undefined };
	} catch (error) {
		failure = error;
	}
	// A directory that is there is enough. Making it may have failed with EEXIST, but also with EROFS, EACCES or EISDIR.
	let found: FileFacts;
	try {
		found = await files.lstat(path);
	} catch {
		throw writeProblem("mkdir", failure);
	}
	if (found.isSymbolicLink()) throw new FileProblemError("NAME_UNSAFE", "it leads through a link");
	if (!found.isDirectory()) throw new FileProblemError("EXISTS", "a file is where a directory is needed");
	return { path, made: false, mode: Number(found.mode & 0o777n) };
}

async function refuseExisting(files: FileSystem, path: string, force: boolean): Promise<void> {
	const found = await files.lstat(path).catch((error: unknown) => {
		if (errnoOf(error) === "ENOENT") return undefined;
		throw writeProblem("stat", error);
	});
	if (found === undefined) return;
	if (found.isDirectory()) throw new FileProblemError("EXISTS", "a directory of that name exists");
	if (!force) throw new FileProblemError("EXISTS", "a file of that name exists; `conec receive --force` replaces it");
}

/** Refuses what certainly does not fit. Where the file system says nothing of its room, writing shows it. */
export async function refuseWithoutRoom(files: FileSystem, directory: string, size: number | undefined): Promise<void> {
	if (size === undefined || size < ROOM_CHECK_BYTES) return;
	const room = await files.room(directory).catch(() => undefined);
	if (room === undefined || room.blocks === 0 || !(size > room.freeBytes)) return;
	throw new FileProblemError("DISK_FULL", `${size} bytes do not fit into the ${room.freeBytes} bytes that are free`);
}

function ignore(): void {}
