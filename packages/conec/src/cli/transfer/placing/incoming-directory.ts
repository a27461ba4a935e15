/**
 * A directory on its way in: made for its owner only, filled, and given its mode and time when everything in it is
 * settled. One that was there before keeps both.
 *
 * @module
 */

import { constants } from "node:fs";
import { errnoOf } from "../../../files/file-errors.ts";
import type { DirectoryMessage, FileSystem } from "../ground/index.ts";
import { FileProblemError } from "../ground/index.ts";
import { keepFacts } from "./kept-facts.ts";
import { type Entered, enterDirectory } from "./part-file.ts";

/** Permission bits of group and others. */
const GROUP = 0o070;
const OTHERS = 0o007;

/** A directory that was announced and not yet settled. */
export class IncomingDirectory {
	readonly message: DirectoryMessage;
	readonly parent: IncomingDirectory | undefined;
	/** Why it is not taken; then nothing in it is. */
	readonly problem: FileProblemError | undefined;
	readonly #entered: Entered | undefined;
	/** Files and directories in it that are not settled. */
	#unsettled = 0;
	#left = false;

	constructor(message: DirectoryMessage, parent: IncomingDirectory | undefined, entered: Entered | FileProblemError) {
		this.message = message;
		this.parent = parent;
		this.problem = entered instanceof FileProblemError ? entered : undefined;
		this.#entered = entered instanceof FileProblemError ? undefined : entered;
	}

	/** Makes it, or finds it. Never rejects: a failure is its `problem`. */
	static async enter(
		files: FileSystem,
		directory: string,
		components: readonly string[],
		message: DirectoryMessage,
		parent: IncomingDirectory | undefined,
	): Promise<IncomingDirectory> {
		try {
			return new IncomingDirectory(message, parent, await enterDirectory(files, directory, components));
		} catch (error) {
			return new IncomingDirectory(message, parent, error instanceof FileProblemError ? error : new FileProblemError("FAILED", "unexpected error", error));
		}
	}

	/** Something in it was announced. */
	enterChild(): void {
		this.#unsettled += 1;
	}

	/** Something in it is settled. True when the directory is then complete. */
	settleChild(): boolean {
		this.#unsettled -= 1;
		return this.#left && this.#unsettled === 0;
	}

	/** Nothing more will be announced in it. True when the directory is then complete. */
	leave(): boolean {
		this.#left = true;
		return this.#unsettled === 0;
	}

	/**
	 * The permission bits that what is in it may have. A directory that was there before may be open to more people than
	 * the sender's: whom the sender's directory keeps out, its files keep out here.
	 */
	reach(): number {
		const above = this.parent?.reach() ?? 0o777;
		const mode = this.message.mode;
		if (this.#entered?.made === true) return above;
		if (mode === undefined) return above & ~(GROUP | OTHERS);
		return above & ~((mode & 0o010) === 0 ? GROUP : 0) & ~((mode & 0o001) === 0 ? OTHERS : 0);
	}

	/** Gives it its mode and time. Resolves with remarks; rejects with a {@link FileProblemError}. */
	async finish(files: FileSystem, umask: number): Promise<string[]> {
		const { mode, mtimeMs } = this.message;
		if (this.#entered?.made !== true || !files.hasModes) return [];
		// Through a handle, so that a link that has taken its place is not followed.
		const flags = constants.O_RDONLY | (constants.O_DIRECTORY ?? 0) | (constants.O_NOFOLLOW ?? 0);
		let handle: Awaited<ReturnType<FileSystem["open"]>>;
		try {
			handle = await files.open(this.#entered.path, flags);
		} catch (error) {
			return [`its mode and time were not set (${errnoOf(error) || "refused"})`];
		}
		try {
			const reach = this.parent?.reach() ?? 0o777;
			return await keepFacts(handle, { mode: mode === undefined ? undefined : mode & reach & ~umask, mtimeMs });
		} finally {
			await handle.close().catch(ignore);
		}
	}
}

function ignore(): void {}
