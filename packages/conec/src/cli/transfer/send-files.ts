/**
 * The sending side of `conec-files/1`: streams from disk, reads ahead, never waits for one file's verdict before
 * sending the next.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { FileHandle } from "node:fs/promises";
import type { MessageStream } from "../../index.ts";
import { turnAway } from "../application.ts";
import { FileProblemError, readProblem } from "./file-problem.ts";
import { orderedAhead } from "./ordered-ahead.ts";
import { CONTENT_BYTES, decodeTransfer, encodeTransfer, type FileMessage, KINDS } from "./protocol.ts";
import { openSource, type Source, walkSources } from "./source-files.ts";
import { failureCode, type TransferObserver, type TransferSummary, transferProtocolError } from "./transfer-events.ts";

/** Files up to this size are read whole, several at a time. */
const SMALL_BYTES = 64 * 1_024;
/** Small files read ahead. */
const READ_AHEAD = 32;
/** Files whose verdict is outstanding. */
const OUTSTANDING = 1_024;

/**
 * Sends the files and everything below the directories, closes the stream and waits for every verdict.
 *
 * Problems of single files go to `observer` and the summary. Rejects when the stream fails or the peer ends it early.
 * The caller aborts by resetting the stream.
 */
export async function sendFiles(stream: MessageStream, paths: readonly string[], observer: TransferObserver): Promise<TransferSummary> {
	const verdicts = new Verdicts(stream, observer);
	let first: { readonly error: unknown } | undefined;
	const abort = (error: unknown): void => {
		first ??= { error };
		turnAway(stream, failureCode(error));
	};
	await Promise.all([sendAll(stream, paths, observer, verdicts).catch(abort), verdicts.read().catch(abort)]);
	if (first !== undefined) throw (first as { readonly error: unknown }).error;
	return verdicts.summary();
}

/** Counts what is outstanding and listens to what the receiver says about it. */
class Verdicts {
	readonly #stream: MessageStream;
	readonly #observer: TransferObserver;
	readonly #outstanding = new Map<number, { readonly name: string; readonly size: number; sha256?: string }>();
	#announced = 0;
	#arrived = 0;
	#failed = 0;
	#bytes = 0;
	#allSent = false;
	#ended = false;
	#wake: (() => void) | undefined;

	constructor(stream: MessageStream, observer: TransferObserver) {
		this.#stream = stream;
		this.#observer = observer;
	}

	/** Waits for room, then gives the next index. */
	async announce(name: string, size: number): Promise<number> {
		while (this.#outstanding.size >= OUTSTANDING && !this.#ended) {
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
		}
		const index = this.#announced;
		this.#announced += 1;
		this.#outstanding.set(index, { name, size });
		return index;
	}

	/** Whether the receiver still wants this file. */
	isWanted(index: number): boolean {
		return this.#outstanding.has(index);
	}

	setHash(index: number, sha256: string): void {
		const file = this.#outstanding.get(index);
		if (file !== undefined) file.sha256 = sha256;
	}

	/** A file that never got an index. */
	skipped(name: string, error: FileProblemError): void {
		this.#failed += 1;
		this.#observer.settled({ name, size: 0, problem: error.problem, detail: error.message });
	}

	/** The sender gave it up: whatever the receiver says of it, this is the reason. */
	abandoned(index: number, error: FileProblemError): void {
		const file = this.#outstanding.get(index);
		if (file === undefined) return;
		this.#outstanding.delete(index);
		this.#failed += 1;
		this.#observer.settled({ name: file.name, size: file.size, problem: error.problem, detail: error.message });
	}

	allSent(): void {
		this.#allSent = true;
	}

	async read(): Promise<void> {
		try {
			for await (const bytes of this.#stream) this.#take(bytes);
			if (!this.#allSent || this.#outstanding.size > 0) throw transferProtocolError(`its end before it had answered for ${this.#outstanding.size} files`);
		} finally {
			this.#ended = true;
			this.#wake?.();
		}
	}

	summary(): TransferSummary {
		return { files: this.#arrived, bytes: this.#bytes, failed: this.#failed };
	}

	#take(bytes: Uint8Array): void {
		const decoded = decodeTransfer(bytes);
		if (!decoded.ok) throw transferProtocolError(decoded.reason);
		if (decoded.message.type !== "verdict") throw transferProtocolError("a message that only a sender may send");
		const { index, problem, detail } = decoded.message;
		if (index >= this.#announced) throw transferProtocolError("a verdict on a file that was not sent");
		const file = this.#outstanding.get(index);
		if (file === undefined) return;
		if (problem === undefined && file.sha256 === undefined) throw transferProtocolError("a verdict before the end of the file");
		this.#outstanding.delete(index);
		if (problem === undefined) {
			this.#arrived += 1;
			this.#bytes += file.size;
		} else this.#failed += 1;
		this.#observer.settled({ name: file.name, size: file.size, problem, detail, sha256: file.sha256 });
		this.#wake?.();
	}
}

/** A source made ready: small ones are in memory with their hash. */
type Ready =
	| {
			readonly type: "small";
			readonly source: Source & { type: "file" };
			readonly content: Uint8Array;
			readonly mode: number;
			readonly mtimeMs: number;
			readonly sha256: string;
	  }
	| { readonly type: "large"; readonly source: Source & { type: "file" } }
	| { readonly type: "problem"; readonly name: string; readonly error: FileProblemError };

async function sendAll(stream: MessageStream, paths: readonly string[], observer: TransferObserver, verdicts: Verdicts): Promise<void> {
	for await (const ready of orderedAhead(walkSources(paths), READ_AHEAD, makeReady)) {
		if (ready.type === "problem") await sendSkipped(stream, ready.name, ready.error, verdicts);
		else if (ready.type === "large") await sendLarge(stream, ready.source, observer, verdicts);
		else {
			const { name } = ready.source;
			const size = ready.content.length - 1;
			observer.started(name, size);
			const index = await verdicts.announce(name, size);
			await stream.send(encodeTransfer(fileMessage(index, name, size, ready)));
			verdicts.setHash(index, ready.sha256);
			if (size > 0) await stream.send(ready.content);
			await stream.send(encodeTransfer({ type: "verify", sha256: ready.sha256 }));
			observer.moved(size);
		}
	}
	verdicts.allSent();
	await stream.close();
}

async function makeReady(source: Source): Promise<Ready> {
	if (source.type === "problem") return source;
	if (source.size > SMALL_BYTES) return { type: "large", source };
	try {
		const file = await openSource(source.path, source.follow);
		try {
			if (file.size > SMALL_BYTES) return { type: "large", source };
			const content = new Uint8Array(1 + file.size);
			content[0] = KINDS.content;
			for (let offset = 0; offset < file.size; ) {
				const { bytesRead } = await file.handle.read(content, 1 + offset, file.size - offset, offset);
				if (bytesRead === 0) break;
				offset += bytesRead;
			}
			await file.verifyUnchanged();
			const sha256 = createHash("sha256").update(content.subarray(1)).digest("hex");
			return { type: "small", source, content, mode: file.mode, mtimeMs: file.mtimeMs, sha256 };
		} finally {
			await file.handle.close();
		}
	} catch (error) {
		return { type: "problem", name: source.name, error: readProblem(error) };
	}
}

async function sendLarge(stream: MessageStream, source: Source & { type: "file" }, observer: TransferObserver, verdicts: Verdicts): Promise<void> {
	let file: Awaited<ReturnType<typeof openSource>>;
	try {
		file = await openSource(source.path, source.follow);
	} catch (error) {
		await sendSkipped(stream, source.name, readProblem(error), verdicts);
		return;
	}
	try {
		observer.started(source.name, file.size);
		const index = await verdicts.announce(source.name, file.size);
		await stream.send(encodeTransfer(fileMessage(index, source.name, file.size, file)));
		try {
			const sha256 = await sendContent(stream, file.handle, file.size, observer, () => verdicts.isWanted(index));
			if (sha256 === undefined) {
				await stream.send(encodeTransfer({ type: "abandon", problem: "FAILED", detail: "refused by the receiver" }));
				return;
			}
			await orReadProblem(file.verifyUnchanged());
			verdicts.setHash(index, sha256);
			await stream.send(encodeTransfer({ type: "verify", sha256 }));
		} catch (error) {
			if (!(error instanceof FileProblemError)) throw error;
			verdicts.abandoned(index, error);
			await stream.send(encodeTransfer({ type: "abandon", problem: error.problem, detail: error.message }));
		}
	} finally {
		await file.handle.close();
	}
}

/** Sends `size` bytes while the next ones are read. The hash, or `undefined` when the receiver refused meanwhile. */
async function sendContent(
	stream: MessageStream,
	handle: FileHandle,
	size: number,
	observer: TransferObserver,
	isWanted: () => boolean,
): Promise<string | undefined> {
	const hash = createHash("sha256");
	let current = new Uint8Array(1 + CONTENT_BYTES);
	let spare = new Uint8Array(1 + CONTENT_BYTES);
	current[0] = spare[0] = KINDS.content;
	let position = 0;
	let reading = readAt(handle, current, position, size);
	try {
		while (position < size) {
			const count = await reading;
			if (count === 0) throw new FileProblemError("CHANGED", `it became shorter than its ${size} bytes while it was sent`);
			position += count;
			reading = readAt(handle, spare, position, size);
			hash.update(current.subarray(1, 1 + count));
			await stream.send(current.subarray(0, 1 + count));
			observer.moved(count);
			if (!isWanted()) return undefined;
			[current, spare] = [spare, current];
		}
		return hash.digest("hex");
	} finally {
		await reading.catch(() => 0);
	}
}

async function readAt(handle: FileHandle, buffer: Uint8Array, position: number, size: number): Promise<number> {
	const wanted = Math.min(CONTENT_BYTES, size - position);
	if (wanted === 0) return 0;
	const { bytesRead } = await orReadProblem(handle.read(buffer, 1, wanted, position));
	return bytesRead;
}

async function sendSkipped(stream: MessageStream, name: string, error: FileProblemError, verdicts: Verdicts): Promise<void> {
	verdicts.skipped(name, error);
	await stream.send(encodeTransfer({ type: "skipped", name: name.slice(0, 1_024), problem: error.problem, detail: error.message }));
}

function fileMessage(index: number, name: string, size: number, facts: { readonly mode: number; readonly mtimeMs: number }): FileMessage {
	return { type: "file", index, name, size, mode: facts.mode, mtimeMs: facts.mtimeMs };
}

async function orReadProblem<Value>(operation: Promise<Value>): Promise<Value> {
	try {
		return await operation;
	} catch (error) {
		throw readProblem(error);
	}
}
