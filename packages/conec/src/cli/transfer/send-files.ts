/**
 * The sending side of `conec-files/1` and `conec-files/2`: streams from disk, reads ahead, never waits for one file's verdict before
 * sending the next.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { MessageStream } from "../../index.ts";
import { turnAway } from "../connecting/index.ts";
import { type Agreement, agreeOnBeginning } from "./agree-on-beginning.ts";
import { failureCode, type TransferObserver, type TransferSummary } from "./events.ts";
import type { GivenContent } from "./given-content.ts";
import { CONTENT_BYTES, encodeTransfer, FileProblemError, type FileSystem, readProblem } from "./ground/index.ts";
import { orderedAhead } from "./ordered-ahead.ts";
import { type FileSource, type LinkPolicy, OpenedSource, type Source, type SourceFacts, TIME_LEFT_OUT, walkSources } from "./reading/index.ts";
import { type ContentOptions, contentBuffer, nothingRead, type Read, readTo, sendContent } from "./send-content.ts";
import { type Content, Verdicts } from "./verdicts.ts";

/** Files up to this size are read whole, several at a time. */
const SMALL_BYTES = 64 * 1_024;
/** A file of at least this size may go on: for a smaller one, asking costs more than sending it again. */
const RESUMABLE_BYTES = 1_048_576;
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
	/**
	 * Goes on with large files that the receiver has in part, and asks whether it has others already. The receiver must speak `conec-files/2`.
	 * @default false
	 */
	readonly resume?: boolean;
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
	readonly #resumes: boolean;
	/** Indices of the directories that are open, from the outside in. */
	readonly #open: number[] = [];

	constructor(stream: MessageStream, observer: TransferObserver, verdicts: Verdicts, { files, skipIdentical = false, resume = false }: SendOptions) {
		this.#stream = stream;
		this.#observer = observer;
		this.#verdicts = verdicts;
		this.#files = files;
		this.#asks = skipIdentical || resume;
		this.#resumes = resume;
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
		const resume = this.#resumes && size !== undefined && size >= RESUMABLE_BYTES;
		let opened: OpenedSource;
		let asked: Content | undefined;
		try {
			// What may go on is only read for this where the receiver has a file of that size.
			if (this.#asks && !resume) asked = await contentOf(this.#files, source);
			opened = await OpenedSource.open(this.#files, source);
		} catch (error) {
			return this.#sendSkipped(name, readProblem("open", error));
		}
		try {
			this.#observer.started(name);
			const index = await this.#verdicts.announce("file", name, remarkOf(opened.facts), { asked, mayResume: resume });
			const announced = { index, name, size: asked?.size ?? size, sha256: asked?.sha256, ...(resume ? { resume } : {}), ...opened.facts };
			await this.#stream.send(encodeTransfer({ type: "file", ...announced }));
			try {
				const begun = resume ? await agreeOnBeginning(opened, this.#agreement(source, index)) : { opened, read: nothingRead() };
				opened = begun?.opened ?? opened;
				const sent = begun === undefined ? undefined : await sendContent(opened, this.#contentOptions(index, begun.read));
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

	#agreement(source: FileSource, index: number): Agreement {
		return { stream: this.#stream, verdicts: this.#verdicts, observer: this.#observer, files: this.#files, source, index };
	}

	#contentOptions(index: number, read: Read): ContentOptions {
		return { stream: this.#stream, moved: (bytes) => this.#observer.moved(bytes), isWanted: () => this.#verdicts.isWanted(index), read };
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
		const { hash, size } = await readTo(opened, Number.MAX_SAFE_INTEGER, ignore, () => true);
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

function remarkOf({ mtimeMs }: SourceFacts): string | undefined {
	return mtimeMs === undefined ? TIME_LEFT_OUT : undefined;
}

function ignore(): void {}
