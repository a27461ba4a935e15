/**
 * A file that is read for sending: what `read` gives until its end is its content, whatever `stat` says.
 *
 * @module
 */

import { constants } from "node:fs";
import { errnoOf } from "../../../files/file-errors.ts";
import { errnoText } from "../../words/index.ts";
import type { Claims, FileFacts, FileSystem, OpenFile } from "../ground/index.ts";
import { FileProblemError, orReadProblem, possibleTime, readProblem } from "../ground/index.ts";

/** What is sent of a file or directory beside its name and content. */
export interface SourceFacts {
	/** Permission bits; `undefined` where they say nothing. */
	readonly mode: number | undefined;
	/** Milliseconds since 1970; `undefined` where no date can have it. */
	readonly mtimeMs: number | undefined;
}

/** What is sent of these facts, with no permission bits but those of `reach`. */
export function sourceFacts(files: FileSystem, { mode, mtimeNs }: FileFacts, reach: number): SourceFacts {
	return { mode: files.hasModes ? Number(mode) & reach & 0o777 : undefined, mtimeMs: possibleTime(Number(floorDivide(mtimeNs, 1_000_000n))) };
}

/** What the user is told where {@link SourceFacts} has no time. */
export const TIME_LEFT_OUT = "its time is left out: it is beyond what a date can be";

/** What it is instead of a regular file, in words. */
export function kindProblem(found: FileFacts): FileProblemError {
	const kind = found.isFIFO()
		? "it is a pipe; `conec pipe` sends what comes out of one"
		: found.isSocket()
			? "it is a socket"
			: found.isCharacterDevice() || found.isBlockDevice()
				? "it is a device"
				: found.isDirectory()
					? "it is a directory now"
					: "it is not a regular file";
	return new FileProblemError("UNREADABLE", kind);
}

/** What is opened. */
export interface OpenOptions {
	readonly path: string;
	/** Also through a link. */
	readonly follow: boolean;
	readonly claims: Claims;
	/** The permission bits that it may be sent with; see `reachOf`. */
	readonly reach: number;
}

/** An open regular file. */
export class OpenedSource {
	readonly facts: SourceFacts;
	readonly #file: OpenFile;
	readonly #before: FileFacts;
	readonly #synthetic: boolean;
	#bytes = 0;
	#ended = false;

	private constructor(file: OpenFile, before: FileFacts, facts: SourceFacts, synthetic: boolean) {
		this.#file = file;
		this.#synthetic = synthetic;
		this.#before = before;
		this.facts = facts;
	}

	/** Opens for reading. Rejects with a {@link FileProblemError}. The caller closes it. */
	static async open(files: FileSystem, { path, follow, claims, reach }: OpenOptions): Promise<OpenedSource> {
		// A pipe that has taken the file's place must not block: O_NONBLOCK.
		const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0) | (follow ? 0 : (constants.O_NOFOLLOW ?? 0));
		const file = await orReadProblem("open", files.open(path, flags));
		try {
			const before = await orReadProblem("stat", file.stat());
			if (!before.isFile()) throw kindProblem(before);
			return new OpenedSource(file, before, sourceFacts(files, before, reach), claims.synthetic);
		} catch (error) {
			await file.close().catch(ignore);
			throw error;
		}
	}

	/** Fills the buffer from `offset` to its end, or as far as the file goes; resolves with how many bytes that were. Fewer than asked for is the end. */
	async fill(buffer: Uint8Array, offset: number): Promise<number> {
		let filled = offset;
		while (!this.#ended && filled < buffer.length) {
			const count = await this.#file.read(buffer, filled, buffer.length - filled).catch((error: unknown) => {
				throw readProblem("read", error, this.#bytes === 0 ? undefined : `at byte ${this.#bytes}`);
			});
			if (count === 0) this.#ended = true;
			filled += count;
			this.#bytes += count;
		}
		return filled - offset;
	}

	/**
	 * Rejects with `CHANGED` when the file was written to since it was opened. Where only the size is another and it is
	 * what was read, the first answer was an old one of the file system. Content that is made when it is read is never
	 * changed.
	 */
	async verifyUnchanged(): Promise<void> {
		if (this.#synthetic) return;
		const before = this.#before;
		const after = await orReadProblem("stat", this.#file.stat());
		const touched = after.mtimeNs !== before.mtimeNs;
		if (after.size !== before.size && (touched || after.size !== BigInt(this.#bytes)))
			throw new FileProblemError("CHANGED", `its size changed from ${before.size} to ${after.size} bytes while it was sent`);
		if (touched) throw new FileProblemError("CHANGED", "it was written to while it was sent");
	}

	/** Never rejects: an error when closing does not change what was read. */
	async close(): Promise<void> {
		await this.#file.close().catch(ignore);
	}
}

/** Why a path that the user named leads nowhere. Node decodes names that are not UTF-8 with replacement characters, and then nothing is there. */
export function namedProblem(path: string, error: unknown): FileProblemError {
	if (error instanceof FileProblemError) return error;
	const errno = errnoOf(error);
	if (errno !== "ENOENT") return readProblem("stat", error);
	if (path.includes("\ufffd")) return new FileProblemError("NAME_UNSAFE", "it is not UTF-8, or there is no such file", error);
	return new FileProblemError("UNREADABLE", errnoText(errno), error);
}

function floorDivide(value: bigint, divisor: bigint): bigint {
	const quotient = value / divisor;
	return value % divisor < 0n ? quotient - 1n : quotient;
}

function ignore(): void {}
