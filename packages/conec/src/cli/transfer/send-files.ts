/**
 * The sending side of `conec-files/1`: streams from disk, reads ahead, never waits for one file's verdict before
 * sending the next.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { MessageStream } from "../../index.ts";
import { turnAway } from "../connecting/index.ts";
import { failureCode, type TransferObserver, type TransferSummary } from "./events.ts";
import type { GivenContent } from "./given-content.ts";
import { CONTENT_BYTES, encodeTransfer, FileProblemError, type FileSystem, KINDS, readProblem } from "./ground/index.ts";
import { orderedAhead } from "./ordered-ahead.ts";
import { type FileSource, type LinkPolicy, OpenedSource, type Source, type SourceFacts, TIME_LEFT_OUT, walkSources } from "./reading/index.ts";
import { type Content, Verdicts } from "./verdicts.ts";

/** Files up to this size are read whole, several at a time. */
const SMALL_BYTES = 64 * 1_024;
/** Small files read ahead. */
const READ_AHEAD = 32;
/** Most UTF-16 units of a name in `SKIPPED`. Such a name need not be one that a receiver takes. */
const SKIPPED_NAME_LENGTH = 1_024;

/** How files are sent. */
export interface SendOptions {
	/** Symbolic links below a directory. */
	readonly links: LinkPolicy;
	/** Ask the receiver for each file whether it has it already. A file that is larger than what is sent along with the question is read twice. @default false */
	readonly skipIdentical?: boolean;
	readonly files: FileSystem;
	/** What is sent before the files. @default nothing */
	readonly given?: readonly GivenContent[] | undefined;
}

/**
 * Sends the files, the directories and everything below them, closes the stream and waits for every verdict.
 *
 * Problems of single files go to `observer` and the summary. Rejects when the stream fails or the peer ends it early.
 * The caller aborts by resetting the stream.
 */
export async function sendFiles(stream: MessageStream, paths: readonly string[], observer: TransferObserver, options: SendOptions): Promise<TransferSummary> {
	const verdicts = new Verdicts(stream, observer);
	const sender = new Sender(stream, observer, verdicts, options);
	let first: { readonly error: unknown } | undefined;
	const abort = (error: unknown): void => {
		first ??= { error };
		turnAway(stream, failureCode(error));
	};
	await Promise.all([sender.sendAll(paths, options).catch(abort), verdicts.read().catch(abort)]);
	if (first !== undefined) throw (first as { readonly error: unknown }).error;
	return verdicts.summary();
}

/** A file that is in memory with its hash. */
interface SmallFile {
	readonly type: "small";
	readonly name: string;
	readonly facts: SourceFacts;
	/** A whole `CONTENT` message. */
	readonly message: Uint8Array;
	readonly sha256: string;
}

/** A step made ready. A large file is opened when it is its turn. */
type Ready = Exclude<Source, FileSource> | SmallFile | { readonly type: "large"; readonly source: FileSource };

class Sender {
	readonly #stream: MessageStream;
	readonly #observer: TransferObserver;
	readonly #verdicts: Verdicts;
	readonly #files: FileSystem;
	readonly #asks: boolean;
	/** Indices of the directories that are open, from the outside in. */
	readonly #open: number[] = [];

	constructor(stream: MessageStream, observer: TransferObserver, verdicts: Verdicts, { files, skipIdentical = false }: SendOptions) {
		this.#stream = stream;
		this.#observer = observer;
		this.#verdicts = verdicts;
		this.#files = files;
		this.#asks = skipIdentical;
	}

	async sendAll(paths: readonly string[], { links, given = [] }: SendOptions): Promise<void> {
		for (const content of given) await this.#sendGiven(content);
		for await (const ready of orderedAhead(walkSources(paths, links, this.#files), READ_AHEAD, (source) => this.#makeReady(source))) await this.#send(ready);
		this.#verdicts.allSent();
		await this.#stream.close();
	}

	async #makeReady(source: Source): Promise<Ready> {
		if (source.type !== "file") return source;
		if ((source.claims.size ?? 0) > SMALL_BYTES) return { type: "large", source };
		try {
			const opened = await OpenedSource.open(this.#files, source);
			try {
				const message = await readSmall(opened, source.claims.size ?? 0);
				if (message === undefined) return { type: "large", source };
				await opened.verifyUnchanged();
				const sha256 = createHash("sha256").update(message.subarray(1)).digest("hex");
				return { type: "small", name: source.name, facts: opened.facts, message, sha256 };
			} finally {
				await opened.close();
			}
		} catch (error) {
			return { type: "problem", name: source.name, error: readProblem("read", error) };
		}
	}

	async #send(ready: Ready): Promise<void> {
		switch (ready.type) {
			case "small":
				return this.#sendSmall(ready);
			case "large":
				return this.#sendLarge(ready.source);
			case "problem":
				return this.#sendSkipped(ready.name, ready.error);
			case "link":
				return this.#observer.link(ready);
			case "directory": {
				const { name, facts } = ready;
				const index = await this.#verdicts.announce("directory", name, remarkOf(facts), {
					refused: () => {
						ready.refused = true;
					},
				});
				this.#open.push(index);
				return this.#stream.send(encodeTransfer({ type: "directory", index, name, ...facts }));
			}
			case "leave": {
				const index = this.#open.pop();
				if (index !== undefined) this.#verdicts.completeDirectory(index);
				return this.#stream.send(encodeTransfer({ type: "leave" }));
			}
		}
	}

	async #sendSmall({ name, facts, message, sha256 }: SmallFile): Promise<void> {
		const size = message.length - 1;
		this.#observer.started(name);
		const asked = this.#asks ? { size, sha256 } : undefined;
		const index = await this.#verdicts.announce("file", name, remarkOf(facts), { asked });
		await this.#stream.send(encodeTransfer({ type: "file", index, name, size, sha256: asked?.sha256, ...facts }));
		this.#verdicts.completeFile(index, size, sha256);
		if (size > 0) await this.#stream.send(message);
		await this.#stream.send(encodeTransfer({ type: "verify", size, sha256 }));
		this.#observer.moved(size);
	}

	async #sendLarge(source: FileSource): Promise<void> {
		const { name } = source;
		const { size } = source.claims;
		let opened: OpenedSource;
		let asked: Content | undefined;
		try {
			if (this.#asks) asked = await contentOf(this.#files, source);
			opened = await OpenedSource.open(this.#files, source);
		} catch (error) {
			return this.#sendSkipped(name, readProblem("open", error));
		}
		try {
			this.#observer.started(name);
			const index = await this.#verdicts.announce("file", name, remarkOf(opened.facts), { asked });
			await this.#stream.send(encodeTransfer({ type: "file", index, name, size: asked?.size ?? size, sha256: asked?.sha256, ...opened.facts }));
			try {
				const sent = await this.#sendContent(opened, () => this.#verdicts.isWanted(index));
				if (sent === undefined) return await this.#stream.send(encodeTransfer({ type: "abandon", problem: "FAILED", detail: "the receiver does not want it" }));
				await opened.verifyUnchanged();
				this.#verdicts.completeFile(index, sent.size, sent.sha256);
				await this.#stream.send(encodeTransfer({ type: "verify", ...sent }));
			} catch (error) {
				if (!(error instanceof FileProblemError)) throw error;
				this.#verdicts.abandoned(index, error);
				await this.#stream.send(encodeTransfer({ type: "abandon", problem: error.problem, detail: error.message }));
			}
		} finally {
			await opened.close();
		}
	}

	async #sendGiven({ name, isText, size, pieces }: GivenContent): Promise<void> {
		this.#observer.started(name);
		const index = await this.#verdicts.announce("file", name, undefined);
		await this.#stream.send(encodeTransfer({ type: "file", index, name, size, ...(isText ? { isText } : {}) }));
		const hash = createHash("sha256");
		const message = contentBuffer(CONTENT_BYTES);
		let sent = 0;
		for await (const piece of readable(pieces)) {
			if (piece instanceof FileProblemError) {
				this.#verdicts.abandoned(index, piece);
				return await this.#stream.send(encodeTransfer({ type: "abandon", problem: piece.problem, detail: piece.message }));
			}
			for (let from = 0; from < piece.length; from += CONTENT_BYTES) {
				const part = piece.subarray(from, from + CONTENT_BYTES);
				message.set(part, 1);
				hash.update(part);
				await this.#stream.send(message.subarray(0, 1 + part.length));
				sent += part.length;
				this.#observer.moved(part.length);
				if (!this.#verdicts.isWanted(index))
					return await this.#stream.send(encodeTransfer({ type: "abandon", problem: "FAILED", detail: "refused by the receiver" }));
			}
		}
		const sha256 = hash.digest("hex");
		this.#verdicts.completeFile(index, sent, sha256);
		await this.#stream.send(encodeTransfer({ type: "verify", size: sent, sha256 }));
	}

	/** Sends to the end of the file while the next bytes are read. `undefined` when the receiver refused meanwhile. */
	async #sendContent(opened: OpenedSource, isWanted: () => boolean): Promise<{ size: number; sha256: string } | undefined> {
		const hash = createHash("sha256");
		let current = contentBuffer(CONTENT_BYTES);
		let spare = contentBuffer(CONTENT_BYTES);
		let size = 0;
		let reading = fillAhead(opened, current);
		try {
			for (;;) {
				const count = await reading;
				if (count === 0) return { size, sha256: hash.digest("hex") };
				reading = fillAhead(opened, spare);
				hash.update(current.subarray(1, 1 + count));
				await this.#stream.send(current.subarray(0, 1 + count));
				size += count;
				this.#observer.moved(count);
				if (!isWanted()) return undefined;
				[current, spare] = [spare, current];
			}
		} finally {
			await reading.catch(ignore);
		}
	}

	async #sendSkipped(name: string, error: FileProblemError): Promise<void> {
		this.#verdicts.skipped(name, error);
		await this.#stream.send(encodeTransfer({ type: "skipped", name: name.slice(0, SKIPPED_NAME_LENGTH), problem: error.problem, detail: error.message }));
	}
}

/** Reads a file to its end. Rejects with a {@link FileProblemError}. */
async function contentOf(files: FileSystem, source: FileSource): Promise<Content> {
	const opened = await OpenedSource.open(files, source);
	try {
		const hash = createHash("sha256");
		const buffer = new Uint8Array(CONTENT_BYTES);
		let size = 0;
		for (let count = await opened.fill(buffer, 0); count > 0; count = await opened.fill(buffer, 0)) {
			hash.update(buffer.subarray(0, count));
			size += count;
		}
		return { size, sha256: hash.digest("hex") };
	} finally {
		await opened.close();
	}
}

/** The `CONTENT` message of a file that has at most {@link SMALL_BYTES}, whatever `size` said of it; `undefined` for a larger one. */
async function readSmall(opened: OpenedSource, size: number): Promise<Uint8Array | undefined> {
	// One byte more than expected, so that a file that ends there is seen to end.
	let buffer = contentBuffer(Math.max(size, 511) + 1);
	let end = 1 + (await opened.fill(buffer, 1));
	if (end === buffer.length && end <= SMALL_BYTES + 1) {
		const larger = contentBuffer(SMALL_BYTES + 1);
		larger.set(buffer);
		buffer = larger;
		end += await opened.fill(buffer, end);
	}
	return end - 1 > SMALL_BYTES ? undefined : buffer.subarray(0, end);
}

/** The pieces, and in the place of an error what it means for the file. */
async function* readable(pieces: GivenContent["pieces"]): AsyncGenerator<Uint8Array | FileProblemError, void, void> {
	try {
		yield* pieces;
	} catch (error) {
		yield readProblem("read", error);
	}
}

function contentBuffer(bytes: number): Uint8Array {
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

function remarkOf({ mtimeMs }: SourceFacts): string | undefined {
	return mtimeMs === undefined ? TIME_LEFT_OUT : undefined;
}

function ignore(): void {}
