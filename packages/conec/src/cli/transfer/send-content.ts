/**
 * Sends the content of a file that is open, and makes the hash of it.
 *
 * @module
 */

import { createHash, type Hash } from "node:crypto";
import type { MessageStream } from "../../index.ts";
import { CONTENT_BYTES, KINDS } from "./ground/index.ts";
import type { OpenedSource } from "./reading/index.ts";

/** What has been read of a file. */
export interface Read {
	readonly hash: Hash;
	readonly size: number;
}

/** Nothing has been read. */
export function nothingRead(): Read {
	return { hash: createHash("sha256"), size: 0 };
}

/** How content is sent. */
export interface ContentOptions {
	readonly stream: MessageStream;
	/** That many more bytes were sent. */
	readonly moved: (bytes: number) => void;
	/** Whether the receiver still wants it. */
	readonly isWanted: () => boolean;
	/** What was read before, and is not sent. @default nothing */
	readonly read?: Read;
}

/** Sends to the end of the file while the next bytes are read. `undefined` when the receiver refused meanwhile. */
export async function sendContent(
	opened: OpenedSource,
	{ stream, moved, isWanted, read = nothingRead() }: ContentOptions,
): Promise<{ size: number; sha256: string } | undefined> {
	const { hash } = read;
	let { size } = read;
	let current = contentBuffer(CONTENT_BYTES);
	let spare = contentBuffer(CONTENT_BYTES);
	let reading = fillAhead(opened, current);
	try {
		for (;;) {
			const count = await reading;
			if (count === 0) return { size, sha256: hash.digest("hex") };
			reading = fillAhead(opened, spare);
			hash.update(current.subarray(1, 1 + count));
			await stream.send(current.subarray(0, 1 + count));
			size += count;
			moved(count);
			if (!isWanted()) return undefined;
			[current, spare] = [spare, current];
		}
	} finally {
		await reading.catch(ignore);
	}
}

/**
 * Reads from where the file is to so many bytes of it, or to its end. Stops early when `isWanted` says no. Rejects with a `FileProblemError`.
 */
export async function readTo(opened: OpenedSource, most: number, moved: (bytes: number) => void, isWanted: () => boolean): Promise<Read> {
	const { hash } = nothingRead();
	const buffer = new Uint8Array(CONTENT_BYTES);
	let size = 0;
	while (size < most && isWanted()) {
		const piece = buffer.subarray(0, Math.min(buffer.length, most - size));
		const count = await opened.fill(piece, 0);
		hash.update(piece.subarray(0, count));
		size += count;
		moved(count);
		if (count < piece.length) break;
	}
	return { hash, size };
}

/** Room for a `CONTENT` message. */
export function contentBuffer(bytes: number): Uint8Array {
	const buffer = new Uint8Array(1 + bytes);
	buffer[0] = KINDS.content;
	return buffer;
}

/** A failure shows when the result is awaited, which may be after a while. */
function fillAhead(opened: OpenedSource, buffer: Uint8Array): Promise<number> {
	const reading = opened.fill(buffer, 1);
	reading.catch(ignore);
	return reading;
}

function ignore(): void {}
