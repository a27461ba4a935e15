/**
 * The receiving side of `conec-files/1`: streams to disk, several files being put in place at once, and answers each
 * file with a verdict.
 *
 * @module
 */

import { createHash, type Hash } from "node:crypto";
import type { MessageStream } from "../../index.ts";
import { turnAway } from "../application.ts";
import { FileProblemError, writeProblem } from "./file-problem.ts";
import { PartFile } from "./part-file.ts";
import { CONTENT_BYTES, decodeTransfer, encodeTransfer, type FileMessage, type TransferMessage } from "./protocol.ts";
import { parseSafePath } from "./safe-path.ts";
import { TaskSlots } from "./task-slots.ts";
import { failureCode, type TransferObserver, type TransferSummary, transferProtocolError } from "./transfer-events.ts";

/** Where received files go and what is refused. */
export interface ReceiveOptions {
	/** Exists. */
	readonly directory: string;
	/** Replace existing files. */
	readonly force: boolean;
	/** Most bytes of content in this transfer; a file that would exceed it is refused before anything of it is written. */
	readonly maxBytes?: number | undefined;
}

/** Files being written and put in place at once; together they hold at most this many times 256 KiB. */
const PARALLEL_FILES = 16;

/**
 * Receives files until the sender ends the stream, then ends it too.
 *
 * Problems of single files go to `observer` and the summary. Rejects when the stream fails or the sender breaks the
 * protocol; then, and when the caller resets the stream, unfinished files are removed before it rejects.
 */
export async function receiveFiles(stream: MessageStream, options: ReceiveOptions, observer: TransferObserver): Promise<TransferSummary> {
	const receiver = new Receiver(stream, options, observer);
	try {
		for await (const bytes of stream) {
			const decoded = decodeTransfer(bytes);
			if (!decoded.ok) throw transferProtocolError(decoded.reason);
			await receiver.take(decoded.message);
		}
		await receiver.finish();
		await stream.close();
		return receiver.summary();
	} catch (error) {
		turnAway(stream, failureCode(error));
		await receiver.discard();
		throw error;
	}
}

/** The file whose content is arriving. */
interface Arriving {
	readonly file: FileMessage;
	readonly hash: Hash;
	received: number;
	/** `undefined`: refused, what still comes is dropped. */
	sink: MemorySink | PartFile | undefined;
}

/** A small file is collected here, so that many can be written at once. */
class MemorySink {
	readonly components: readonly string[];
	readonly content: Uint8Array;

	constructor(components: readonly string[], size: number) {
		this.components = components;
		this.content = new Uint8Array(size);
	}
}

class Receiver {
	readonly #stream: MessageStream;
	readonly #options: ReceiveOptions;
	readonly #observer: TransferObserver;
	readonly #slots = new TaskSlots(PARALLEL_FILES);
	#arriving: Arriving | undefined;
	#nextIndex = 0;
	#acceptedBytes = 0;
	#files = 0;
	#bytes = 0;
	#failed = 0;

	constructor(stream: MessageStream, options: ReceiveOptions, observer: TransferObserver) {
		this.#stream = stream;
		this.#options = options;
		this.#observer = observer;
	}

	async take(message: TransferMessage): Promise<void> {
		switch (message.type) {
			case "file":
				if (this.#arriving !== undefined) throw transferProtocolError("a file within a file");
				return this.#begin(message);
			case "content":
				return this.#content(this.#expectArriving(), message.data);
			case "verify":
				return this.#verify(this.#expectArriving(), message.sha256);
			case "abandon":
				return this.#abandon(this.#expectArriving(), new FileProblemError(message.problem, message.detail));
			case "skipped":
				if (this.#arriving !== undefined) throw transferProtocolError("a file within a file");
				this.#failed += 1;
				this.#observer.settled({ name: message.name, size: 0, problem: message.problem, detail: `the sender skipped it: ${message.detail}` });
				return;
			case "verdict":
				throw transferProtocolError("a message that only a receiver may send");
		}
	}

	/** The sender has ended: everything must be whole. */
	async finish(): Promise<void> {
		if (this.#arriving !== undefined) throw transferProtocolError("its end in the middle of a file");
		await this.#slots.finish();
	}

	async discard(): Promise<void> {
		const sink = this.#arriving?.sink;
		this.#arriving = undefined;
		if (sink instanceof PartFile) await sink.discard();
		await this.#slots.settled();
	}

	summary(): TransferSummary {
		return { files: this.#files, bytes: this.#bytes, failed: this.#failed };
	}

	async #begin(file: FileMessage): Promise<void> {
		if (file.index !== this.#nextIndex) throw transferProtocolError("a file out of turn");
		this.#nextIndex += 1;
		const arriving: Arriving = { file, hash: createHash("sha256"), received: 0, sink: undefined };
		this.#arriving = arriving;
		const parsed = parseSafePath(file.name);
		if (!parsed.safe) return this.#verdict(file, new FileProblemError("NAME_UNSAFE", parsed.reason));
		const { maxBytes } = this.#options;
		if (maxBytes !== undefined && this.#acceptedBytes + file.size > maxBytes)
			return this.#verdict(file, new FileProblemError("TOO_LARGE", `the receiver takes at most ${maxBytes} bytes in one transfer`));
		this.#acceptedBytes += file.size;
		this.#observer.started(file.name, file.size);
		if (file.size <= CONTENT_BYTES) {
			arriving.sink = new MemorySink(parsed.components, file.size);
			return;
		}
		try {
			arriving.sink = await this.#createPart(file, parsed.components);
		} catch (error) {
			await this.#verdict(file, writeProblem(error));
		}
	}

	async #content(arriving: Arriving, data: Uint8Array): Promise<void> {
		const position = arriving.received;
		arriving.received += data.length;
		if (arriving.received > arriving.file.size) throw transferProtocolError("more content than it had announced");
		this.#observer.moved(data.length);
		const { sink } = arriving;
		if (sink === undefined || data.length === 0) return;
		if (sink instanceof MemorySink) {
			arriving.hash.update(data);
			sink.content.set(data, position);
			return;
		}
		try {
			const written = sink.write(data);
			arriving.hash.update(data);
			await written;
		} catch (error) {
			arriving.sink = undefined;
			await sink.discard();
			await this.#verdict(arriving.file, writeProblem(error));
		}
	}

	async #verify(arriving: Arriving, announced: string): Promise<void> {
		this.#arriving = undefined;
		const { file, sink } = arriving;
		if (sink === undefined) return;
		const sha256 = arriving.hash.digest("hex");
		const problem = verificationProblem(arriving, sha256, announced);
		if (problem !== undefined) {
			if (sink instanceof PartFile) await sink.discard();
			return this.#verdict(file, problem);
		}
		await this.#slots.start(async () => {
			let failure: FileProblemError | undefined;
			try {
				const part = sink instanceof PartFile ? sink : await this.#writeSmall(file, sink);
				await part.finish(file.mtimeMs);
			} catch (error) {
				failure = writeProblem(error);
			}
			await this.#verdict(file, failure, sha256);
		});
	}

	async #abandon(arriving: Arriving, error: FileProblemError): Promise<void> {
		this.#arriving = undefined;
		const { file, sink } = arriving;
		if (sink === undefined) return;
		if (sink instanceof PartFile) await sink.discard();
		await this.#verdict(file, new FileProblemError(error.problem, `the sender gave it up: ${error.message}`));
	}

	async #writeSmall(file: FileMessage, sink: MemorySink): Promise<PartFile> {
		const part = await this.#createPart(file, sink.components);
		try {
			await part.write(sink.content);
		} catch (error) {
			await part.discard();
			throw error;
		}
		return part;
	}

	#createPart(file: FileMessage, components: readonly string[]): Promise<PartFile> {
		return PartFile.create({ directory: this.#options.directory, components, size: file.size, mode: file.mode, force: this.#options.force });
	}

	async #verdict(file: FileMessage, error: FileProblemError | undefined, sha256?: string): Promise<void> {
		const outcome = { name: file.name, size: file.size };
		if (error === undefined) {
			this.#files += 1;
			this.#bytes += file.size;
			this.#observer.settled({ ...outcome, sha256 });
			await this.#stream.send(encodeTransfer({ type: "verdict", index: file.index }));
		} else {
			this.#failed += 1;
			this.#observer.settled({ ...outcome, problem: error.problem, detail: error.message });
			await this.#stream.send(encodeTransfer({ type: "verdict", index: file.index, problem: error.problem, detail: error.message }));
		}
	}

	#expectArriving(): Arriving {
		if (this.#arriving === undefined) throw transferProtocolError("content without a file");
		return this.#arriving;
	}
}

function verificationProblem(arriving: Arriving, sha256: string, announced: string): FileProblemError | undefined {
	const { received, file } = arriving;
	if (received !== file.size) return new FileProblemError("VERIFICATION_FAILED", `${received} of ${file.size} bytes arrived`);
	if (sha256 !== announced) return new FileProblemError("VERIFICATION_FAILED", "the SHA-256 of what arrived is another than that of what was sent");
	return undefined;
}
