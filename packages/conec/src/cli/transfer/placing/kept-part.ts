/**
 * Opens the part file of a transfer that may go on: `NAME.part-xxxxxxxxxxxxxxxx` beside its place. The digits come from the key of the sender
 * and the name, so a sender finds what it has sent, and learns nothing of what others have sent.
 *
 * What is there is taken only if it is a regular file of this user with one name, into which nobody else may write. Otherwise it is
 * left alone, and the file gets an ordinary part file. The sender has the last word: it compares the hash of what is there with its own file.
 *
 * @module
 */

import { createHash, type Hash } from "node:crypto";
import { constants } from "node:fs";
import { join } from "node:path";
import { errnoOf } from "../../../files/file-errors.ts";
import type { FileFacts, FileSystem, OpenFile } from "../ground/index.ts";
import { FileProblemError, orWriteProblem } from "../ground/index.ts";
import type { KeptParts, PartClaim } from "./kept-parts.ts";
import { PartFile, type PartFileOptions, partName, place, refuseWithoutRoom } from "./part-file.ts";
import { NEW_FILE } from "./place-file.ts";

/** Bytes read at a time. */
const READ_BYTES = 256 * 1_024;

/** What {@link openKeptPart} is given. */
export interface KeptPartOptions extends PartFileOptions {
	readonly size: number;
	/** The key of the sender. */
	readonly owner: string;
	readonly parts: KeptParts;
	/** A newer transfer of the same file waits, and nothing has come in this one for a while. */
	readonly makeWay: () => void;
	/** Called with the size of what is there, before its hash is made. */
	readonly found: (bytes: number) => Promise<void>;
	/** That many more bytes have been read for the hash. */
	readonly hashed: (bytes: number) => void;
	/** Whether the transfer is over: then the hash is not made to its end. */
	readonly isOver: () => boolean;
}

/** A part file that is open for this transfer. */
export interface OpenedPart {
	readonly part: PartFile;
	/** Of what is in it; goes on with what comes. */
	readonly hash: Hash;
	/** Bytes that are in it. */
	readonly offset: number;
	/** Why what was there is not gone on with. Words for a person, which follow a colon. */
	readonly detail?: string | undefined;
}

/** Opens what is kept, or begins it. Rejects with a {@link FileProblemError}; what was there before stays then. */
export async function openKeptPart(options: KeptPartOptions): Promise<OpenedPart> {
	const { files, parts, owner, makeWay } = options;
	const { directory, name, finalPath } = await place(options);
	const digits = digitsOf(owner, name);
	let claim: PartClaim | undefined;
	try {
		claim = await parts.claim(directory, `.conec-part-${digits}`, makeWay);
	} catch (error) {
		return await ordinary(options, `its directory takes no lock (${errnoOf(error) || "refused"})`);
	}
	if (claim === undefined) throw new FileProblemError("FAILED", "another transfer is writing it");
	const path = join(directory, partName(name, digits));
	let opened: Opened | string;
	try {
		opened = await open(files, path);
	} catch (error) {
		claim.release();
		throw error;
	}
	if (typeof opened === "string") {
		claim.release();
		return await ordinary(options, opened);
	}
	const { file } = opened;
	try {
		const read = await readKept(opened, options);
		await refuseWithoutRoom(files, directory, options.size - read.offset);
		const keeping = { file, path, bytes: read.offset, release: claim.release, touched: claim.touched };
		return { part: PartFile.adopt(options, finalPath, keeping), ...read };
	} catch (error) {
		await file.close().catch(ignore);
		if (opened.bytes === 0) await files.unlink(path).catch(ignore);
		claim.release();
		throw error;
	}
}

/** 64 bits: nobody else can make a key with the same ones for the same name. */
function digitsOf(owner: string, name: string): string {
	return createHash("sha256").update(`conec part\0${owner}\0${name}`).digest("hex").slice(0, 16);
}

async function ordinary(options: KeptPartOptions, detail: string): Promise<OpenedPart> {
	return { part: await PartFile.create(options), hash: createHash("sha256"), offset: 0, detail };
}

interface Opened {
	readonly file: OpenFile;
	readonly bytes: number;
}

/** The open file, or why what is there is not taken. Rejects with a {@link FileProblemError} where none can be made. */
async function open(files: FileSystem, path: string): Promise<Opened | string> {
	const found = await files.lstat(path).catch((error: unknown) => {
		if (errnoOf(error) === "ENOENT") return undefined;
		throw error;
	});
	if (found === undefined) return { file: await orWriteProblem("create", files.open(path, constants.O_RDWR | NEW_FILE, 0o600)), bytes: 0 };
	// Windows has no O_NOFOLLOW. A pipe of that name must not block.
	if (!found.isFile()) return "what has the name of its part file is no file";
	let file: OpenFile;
	try {
		file = await files.open(path, constants.O_RDWR | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
	} catch (error) {
		return `its part file cannot be opened (${errnoOf(error) || "refused"})`;
	}
	try {
		const facts = await file.stat();
		const reason = mistrust(facts, files);
		if (reason === undefined) return { file, bytes: Number(facts.size) };
		await file.close().catch(ignore);
		return reason;
	} catch (error) {
		await file.close().catch(ignore);
		return `its part file cannot be looked at (${errnoOf(error) || "refused"})`;
	}
}

/** Why a file may be somebody else's doing. */
function mistrust(facts: FileFacts, { userId, hasModes }: FileSystem): string | undefined {
	if (!facts.isFile()) return "what has the name of its part file is no file";
	if (facts.nlink !== 1n) return "its part file has several names";
	if (userId !== undefined && facts.uid !== BigInt(userId)) return "its part file belongs to another user";
	if (hasModes && (facts.mode & 0o022n) !== 0n) return "others may write into its part file";
	return undefined;
}

type Read = Pick<OpenedPart, "hash" | "offset" | "detail">;

/** Makes the hash of what is there. Empties it where it cannot be the beginning of the file. */
async function readKept({ file, bytes }: Opened, { size, found, hashed, isOver }: KeptPartOptions): Promise<Read> {
	if (bytes === 0) return { hash: createHash("sha256"), offset: 0 };
	if (bytes > size) return await anew(file, "what is there is longer than the file");
	await found(bytes);
	const hash = createHash("sha256");
	const buffer = new Uint8Array(READ_BYTES);
	let offset = 0;
	while (offset < bytes) {
		if (isOver()) throw new FileProblemError("FAILED", "the transfer has ended");
		let count: number;
		try {
			count = await file.read(buffer, 0, Math.min(buffer.length, bytes - offset));
		} catch (error) {
			hashed(-offset);
			return await anew(file, `what is there cannot be read (${errnoOf(error) || "refused"})`);
		}
		if (count === 0) break;
		hash.update(buffer.subarray(0, count));
		offset += count;
		hashed(count);
	}
	// Something else may have made it longer meanwhile.
	await orWriteProblem("write", file.truncate(offset));
	return { hash, offset };
}

async function anew(file: OpenFile, detail: string): Promise<Read> {
	await orWriteProblem("write", file.truncate(0));
	return { hash: createHash("sha256"), offset: 0, detail };
}

function ignore(): void {}
