/**
 * A file on its way in: written as `NAME.part-xxxxxxxx` beside its place, given its name only when it is whole.
 *
 * Links: the receiving directory may be one, nothing below it may. Each component is looked at before it is entered,
 * and the part file is created exclusively and without following links. A sender cannot make links, so what remains
 * is a race against somebody who may already write into the directory.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { type FileHandle, link, lstat, mkdir, open, rename, statfs, unlink } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf, errnoText, FileProblemError, writeProblem } from "./file-problem.ts";
import { MAX_COMPONENT_BYTES } from "./safe-path.ts";

/** What a {@link PartFile} is made of. */
export interface PartFileOptions {
	/** The receiving directory; exists. */
	readonly directory: string;
	/** From `parseSafePath`. */
	readonly components: readonly string[];
	/** Bytes expected; refused with `DISK_FULL` at once when the file system has less room. */
	readonly size: number;
	/** Permission bits, reduced by the umask. @default 0o666 */
	readonly mode?: number | undefined;
	/** Replace an existing file. */
	readonly force: boolean;
}

/** Writes that may be under way at once. */
const PENDING_WRITES = 4;

/** Files smaller than this are not worth asking the file system for room. */
const ROOM_CHECK_BYTES = 1_048_576;

/** An incoming file. Ends with either `finish` or `discard`. */
export class PartFile {
	/** Where the bytes are until `finish`. */
	readonly partPath: string;
	readonly #finalPath: string;
	readonly #handle: FileHandle;
	readonly #force: boolean;
	readonly #pending = new Set<Promise<void>>();
	#position = 0;
	#failure: unknown;

	private constructor(handle: FileHandle, partPath: string, finalPath: string, force: boolean) {
		this.#handle = handle;
		this.partPath = partPath;
		this.#finalPath = finalPath;
		this.#force = force;
	}

	/** Rejects with a {@link FileProblemError}, and then nothing is left but directories. */
	static async create(options: PartFileOptions): Promise<PartFile> {
		try {
			const parent = await enterParents(options.directory, options.components.slice(0, -1));
			const name = options.components.at(-1) ?? "";
			const finalPath = join(parent, name);
			await refuseExisting(finalPath, options.force);
			if (options.size >= ROOM_CHECK_BYTES) await refuseWithoutRoom(parent, options.size);
			const partPath = join(parent, partName(name, randomBytes(4).toString("hex")));
			const flags = constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0);
			const handle = await open(partPath, flags, (options.mode ?? 0o666) | 0o400);
			return new PartFile(handle, partPath, finalPath, options.force);
		} catch (error) {
			throw writeProblem(error);
		}
	}

	/** Appends. Resolves while few writes are under way; a failed write shows in a later call. `data` must not change any more. */
	async write(data: Uint8Array): Promise<void> {
		this.#throwFailure();
		if (this.#pending.size >= PENDING_WRITES) await Promise.race(this.#pending);
		this.#throwFailure();
		const write: Promise<void> = writeAll(this.#handle, data, this.#position).then(
			() => {
				this.#pending.delete(write);
			},
			(error: unknown) => {
				this.#pending.delete(write);
				this.#failure ??= error;
			},
		);
		this.#position += data.length;
		this.#pending.add(write);
	}

	/** Puts the content on disk and gives the file its name; with a {@link FileProblemError} on failure, and then the part file is gone. */
	async finish(mtimeMs?: number): Promise<void> {
		try {
			await Promise.all(this.#pending);
			this.#throwFailure();
			if (mtimeMs !== undefined) await this.#handle.utimes(Date.now() / 1_000, mtimeMs / 1_000);
			await this.#handle.sync();
			await this.#handle.close();
			if (this.#force) await rename(this.partPath, this.#finalPath);
			else await nameExclusively(this.partPath, this.#finalPath);
		} catch (error) {
			await this.discard();
			throw writeProblem(error);
		}
	}

	/** Removes the part file. Never rejects. */
	async discard(): Promise<void> {
		await Promise.all(this.#pending);
		await this.#handle.close().catch(ignore);
		await unlink(this.partPath).catch(ignore);
	}

	#throwFailure(): void {
		if (this.#failure !== undefined) throw writeProblem(this.#failure);
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

/** Goes down component by component, making what is missing; refuses links and files on the way. */
async function enterParents(directory: string, components: readonly string[]): Promise<string> {
	let path = directory;
	for (const component of components) {
		path = join(path, component);
		const made = await mkdir(path).then(
			() => true,
			(error: unknown) => {
				if (errnoOf(error) === "EEXIST") return false;
				throw error;
			},
		);
		if (made) continue;
		const found = await lstat(path);
		if (found.isSymbolicLink()) throw new FileProblemError("NAME_UNSAFE", "it leads through a link");
		if (!found.isDirectory()) throw new FileProblemError("NAME_UNSAFE", "a parent is not a directory");
	}
	return path;
}

async function refuseExisting(path: string, force: boolean): Promise<void> {
	const found = await lstat(path).catch((error: unknown) => {
		if (errnoOf(error) === "ENOENT") return undefined;
		throw error;
	});
	if (found === undefined) return;
	if (found.isDirectory()) throw new FileProblemError("EXISTS", "a directory of that name exists");
	if (!force) throw new FileProblemError("EXISTS", errnoText("EEXIST"));
}

async function refuseWithoutRoom(directory: string, size: number): Promise<void> {
	const { bavail, bsize } = await statfs(directory);
	if (size > bavail * bsize) throw new FileProblemError("DISK_FULL", `${size} bytes do not fit into the ${bavail * bsize} bytes that are free`);
}

/** Never replaces: two writers of one name, in whatever process, get one file and one `EXISTS`. */
async function nameExclusively(partPath: string, finalPath: string): Promise<void> {
	try {
		await link(partPath, finalPath);
	} catch (error) {
		if (!NO_LINKS.has(errnoOf(error))) throw error;
		// A file system without hard links: reserve the name with an empty file of ours, then replace that.
		const reserved = await open(finalPath, constants.O_WRONLY | constants.O_CREAT | constants.O_EXCL | (constants.O_NOFOLLOW ?? 0), 0o600);
		await reserved.close();
		await rename(partPath, finalPath).catch(async (failure: unknown) => {
			await unlink(finalPath).catch(ignore);
			throw failure;
		});
		return;
	}
	await unlink(partPath).catch(ignore);
}

const NO_LINKS: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EMLINK", "EXDEV"]);

async function writeAll(handle: FileHandle, data: Uint8Array, position: number): Promise<void> {
	for (let offset = 0; offset < data.length; ) {
		const { bytesWritten } = await handle.write(data, offset, data.length - offset, position + offset);
		offset += bytesWritten;
	}
}

function ignore(): void {}
