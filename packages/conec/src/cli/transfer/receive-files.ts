/**
 * The receiving side of `conec-files/1` and `conec-files/2`: streams to disk, several files being put in place at once, and answers each
 * file and directory with a verdict.
 *
 * @module
 */

import { createHash } from "node:crypto";
import type { MessageStream } from "../../index.ts";
import { turnAway } from "../connecting/index.ts";
import { failureCode, type OutcomeKind, type TransferObserver, type TransferSummary, transferProtocolError } from "./events.ts";
import { textOf } from "./given-content.ts";
import {
	CONTENT_BYTES,
	type DirectoryMessage,
	decodeTransfer,
	encodeTransfer,
	type FileMessage,
	FileProblemError,
	type FileSystem,
	type FromMessage,
	type TransferMessage,
	writeProblem,
} from "./ground/index.ts";
import { type Arriving, type Beginning, type Keeping, KeptArrivals } from "./kept-arrivals.ts";
import { MemorySink } from "./memory-sink.ts";
import { MAX_COMPONENTS, parseSafePath, unusualName, unusualNameBelow } from "./names/index.ts";
import { IncomingDirectory, isIdentical, PartFile, PlacedFiles } from "./placing/index.ts";
import { TaskSlots } from "./task-slots.ts";

/** Where received files go and what is refused. */
export interface ReceiveOptions {
	/** Exists. */
	readonly directory: string;
	/** Replace existing files. */
	readonly force: boolean;
	/** Most bytes of content in this transfer, counted as they come, without those of files that did not stay; a file whose announced size would exceed it is refused before anything of it is written. */
	readonly maxBytes?: number | undefined;
	/** Asked about a name that `unusualName` finds: `reason` follows "its name". Must not reject. @default no such name is taken */
	readonly allowName?: ((name: string, reason: string) => Promise<boolean>) | undefined;
	/** Taken away from every mode. */
	readonly umask: number;
	readonly files: FileSystem;
	/** In `conec-files/2`: what is received in part stays, and goes on when its sender comes again. @default nothing stays */
	readonly keeping?: Keeping | undefined;
}

/** Files being written and put in place at once; together they hold at most this many times 256 KiB. */
const PARALLEL_FILES = 16;

/**
 * Receives files until the sender ends the stream, then ends it too.
 *
 * Problems of single files go to `observer` and the summary. Rejects when the stream fails or the sender breaks the
 * protocol; then, and when the caller resets the stream, unfinished files are removed or kept before it rejects.
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

class Receiver {
	readonly #stream: MessageStream;
	readonly #options: ReceiveOptions;
	readonly #files: FileSystem;
	readonly #umask: number;
	readonly #observer: TransferObserver;
	readonly #placed: PlacedFiles;
	readonly #slots = new TaskSlots(PARALLEL_FILES);
	/** The directories that the sender is in, from the outside in. */
	readonly #open: IncomingDirectory[] = [];
	/** Where what was received in part may go on. */
	readonly #kept: KeptArrivals | undefined;
	#arriving: Arriving | undefined;
	#nextIndex = 0;
	#acceptedBytes = 0;
	#arrivedFiles = 0;
	#arrivedDirectories = 0;
	#bytes = 0;
	#resumed = 0;
	#identical = 0;
	#failed = 0;

	constructor(stream: MessageStream, options: ReceiveOptions, observer: TransferObserver) {
		this.#stream = stream;
		this.#options = options;
		this.#files = options.files;
		this.#placed = new PlacedFiles(this.#files);
		this.#umask = options.umask;
		this.#observer = observer;
		const { directory, force, files, keeping } = options;
		this.#kept = keeping === undefined ? undefined : new KeptArrivals({ stream, observer, keeping, directory, force, files, placed: this.#placed });
	}

	async take(message: TransferMessage): Promise<void> {
		switch (message.type) {
			case "file":
				return this.#begin(message);
			case "content":
				return this.#content(this.#expectContent(), message.data);
			case "verify":
				return this.#verify(this.#expectContent(), message.size, message.sha256);
			case "from":
				return this.#from(this.#expectArriving(), message);
			case "abandon":
				return this.#abandon(this.#expectArriving(), new FileProblemError(message.problem, message.detail));
			case "directory":
				return this.#enter(message);
			case "leave":
				return this.#leave();
			case "skipped":
				this.#expectNoFile();
				this.#failed += 1;
				this.#observer.settled({ kind: "file", name: message.name, problem: message.problem, detail: `the sender skipped it: ${message.detail}` });
				return;
			case "verdict":
			case "asking":
			case "kept":
				throw transferProtocolError("a message that only a receiver may send");
		}
	}

	/** The sender has ended: everything must be whole. */
	async finish(): Promise<void> {
		if (this.#arriving !== undefined) throw transferProtocolError("its end in the middle of a file");
		if (this.#open.length > 0) throw transferProtocolError("its end in the middle of a directory");
		await this.#slots.finish();
	}

	async discard(): Promise<void> {
		const arriving = this.#arriving;
		const sink = arriving?.sink;
		this.#arriving = undefined;
		if (arriving !== undefined && sink instanceof PartFile) await this.#left(arriving, sink);
		await this.#slots.settled();
	}

	summary(): TransferSummary {
		const resumed = this.#resumed === 0 ? {} : { resumed: this.#resumed };
		return {
			files: this.#arrivedFiles,
			directories: this.#arrivedDirectories,
			bytes: this.#bytes,
			...resumed,
			identical: this.#identical,
			failed: this.#failed,
		};
	}

	async #enter(message: DirectoryMessage): Promise<void> {
		const parent = this.#announced(message);
		if (this.#open.length >= MAX_COMPONENTS) throw transferProtocolError("directories that are nested too deeply");
		const components = await this.#components(message.name, parent);
		const directory =
			components instanceof FileProblemError
				? new IncomingDirectory(message, parent, components)
				: await IncomingDirectory.enter(this.#files, this.#options.directory, components, message, parent);
		this.#open.push(directory);
		// The sender hears of a refusal at once, so that it can leave out what is in the directory.
		if (directory.problem !== undefined) await this.#verdict("directory", message, directory.problem);
	}

	async #leave(): Promise<void> {
		this.#expectNoFile();
		const directory = this.#open.pop();
		if (directory === undefined) throw transferProtocolError("the end of a directory that it did not begin");
		if (directory.leave()) await this.#slots.start(() => this.#complete(directory));
	}

	/** Finishes a directory in which everything is settled, and those above that are complete by that. */
	async #complete(directory: IncomingDirectory): Promise<void> {
		if (directory.problem === undefined) {
			let outcome: FileProblemError | string[];
			try {
				outcome = await directory.finish(this.#files, this.#umask);
			} catch (error) {
				outcome = writeProblem("chmod", error);
			}
			await this.#verdict("directory", directory.message, outcome);
		}
		await this.#settled(directory.parent);
	}

	async #settled(parent: IncomingDirectory | undefined): Promise<void> {
		if (parent?.settleChild() === true) await this.#complete(parent);
	}

	async #begin(file: FileMessage): Promise<void> {
		const parent = this.#announced(file);
		const components = await this.#components(file.name, parent);
		const arriving: Arriving = {
			file,
			parent,
			components: components instanceof FileProblemError ? [] : components,
			hash: createHash("sha256"),
			told: 0,
			received: 0,
			counted: 0,
			sink: undefined,
		};
		this.#arriving = arriving;
		if (components instanceof FileProblemError) return this.#refuse(arriving, components);
		const { maxBytes } = this.#options;
		const { size, sha256 } = file;
		// What follows waits meanwhile, so little of a file that is here comes again.
		if (size !== undefined && sha256 !== undefined && (await isIdentical(this.#files, this.#options.directory, components, { size, sha256 })))
			return this.#isHere(arriving, { size, sha256 });
		if (maxBytes !== undefined && this.#acceptedBytes + (size ?? 0) > maxBytes) return this.#refuse(arriving, tooLarge(maxBytes));
		this.#observer.started(file.name);
		if (file.resume === true && size !== undefined && this.#kept !== undefined) return this.#begun(arriving, await this.#kept.offer(arriving, size));
		if (size === undefined || size <= CONTENT_BYTES) {
			arriving.sink = new MemorySink(size ?? 0, CONTENT_BYTES);
			return;
		}
		try {
			arriving.sink = await this.#createPart(file, components);
		} catch (error) {
			await this.#refuse(arriving, writeProblem("create", error));
		}
	}

	/** Goes on as the sender and what is kept of the file say. */
	async #begun(arriving: Arriving, beginning: Beginning): Promise<void> {
		if (beginning.type === "identical") return this.#isHere(arriving, beginning);
		if (beginning.type === "problem") return this.#refuse(arriving, beginning.error, "leave");
		arriving.counted = arriving.resumed ?? 0;
		this.#acceptedBytes += arriving.counted;
	}

	/** Says where the content begins. What it was refused before it came is dropped. */
	async #from(arriving: Arriving, message: FromMessage): Promise<void> {
		if (this.#kept === undefined) throw transferProtocolError("a beginning that it was not asked for");
		if (arriving.awaits === undefined && arriving.sink === undefined) return;
		await this.#begun(arriving, await this.#kept.begin(arriving, message));
	}

	async #content(arriving: Arriving, data: Uint8Array): Promise<void> {
		arriving.received += data.length;
		this.#observer.moved(data.length);
		const { sink } = arriving;
		if (sink === undefined || data.length === 0) return;
		const { maxBytes } = this.#options;
		this.#acceptedBytes += data.length;
		arriving.counted += data.length;
		if (maxBytes !== undefined && this.#acceptedBytes > maxBytes) return this.#refuse(arriving, tooLarge(maxBytes));
		arriving.hash.update(data);
		if (sink instanceof MemorySink && sink.add(data)) return;
		try {
			await (sink instanceof MemorySink ? await this.#spill(arriving, sink) : sink).write(data);
		} catch (error) {
			await this.#refuse(arriving, writeProblem("write", error), "leave");
		}
	}

	/** The file is larger than was announced: it goes on as a part file. */
	async #spill(arriving: Arriving, sink: MemorySink): Promise<PartFile> {
		const part = await this.#createPart(arriving.file, arriving.components);
		arriving.sink = part;
		await part.write(sink.content);
		return part;
	}

	async #verify(arriving: Arriving, size: number, announced: string): Promise<void> {
		this.#arriving = undefined;
		const { file, sink, received } = arriving;
		if (sink === undefined) return;
		const sha256 = arriving.hash.digest("hex");
		const problem = verificationProblem(received, size, sha256, announced);
		if (problem !== undefined) return this.#refuse(arriving, problem);
		const text = file.isText === true && arriving.parent === undefined && sink instanceof MemorySink ? textOf(sink.content) : undefined;
		if (text !== undefined && this.#observer.text !== undefined) {
			this.#observer.text(text);
			return this.#verdict("file", file, [], { size, sha256 }, true);
		}
		await this.#slots.start(async () => {
			let outcome: FileProblemError | string[];
			let part = sink instanceof PartFile ? sink : undefined;
			try {
				part ??= await this.#createPart(file, arriving.components);
				if (sink instanceof MemorySink) await part.write(sink.content);
				outcome = await part.finish({ mode: this.#fileMode(arriving), mtimeMs: file.mtimeMs });
			} catch (error) {
				await this.#discarded(arriving, part);
				outcome = writeProblem("write", error);
			}
			await this.#verdict("file", file, outcome, { size, sha256, ...(arriving.resumed === undefined ? {} : { resumed: arriving.resumed }) });
			await this.#settled(arriving.parent);
		});
	}

	async #abandon(arriving: Arriving, error: FileProblemError): Promise<void> {
		this.#arriving = undefined;
		if (arriving.sink === undefined && arriving.awaits === undefined) return;
		await this.#refuse(arriving, new FileProblemError(error.problem, `the sender gave it up: ${error.message}`), "leave");
	}

	/** Refuses a file, and answers. What has been written of it is removed; with `leave` it stays if it is one that is kept. */
	async #refuse(arriving: Arriving, problem: FileProblemError, how: "discard" | "leave" = "discard"): Promise<void> {
		const { sink } = arriving;
		arriving.sink = undefined;
		arriving.awaits = undefined;
		if (how === "leave" && sink instanceof PartFile) await this.#left(arriving, sink);
		else await this.#discarded(arriving, sink instanceof PartFile ? sink : undefined);
		await this.#verdict("file", arriving.file, problem);
		// The directory is still open: the sender is in this file.
		arriving.parent?.settleChild();
	}

	/** The file is there already. What still comes of it is dropped. */
	async #isHere({ file, parent }: Arriving, content: { readonly size: number; readonly sha256: string }): Promise<void> {
		this.#identical += 1;
		this.#observer.settled({ kind: "file", name: file.name, ...content, identical: true });
		await this.#stream.send(encodeTransfer({ type: "verdict", index: file.index, problem: "IDENTICAL", detail: "it is there already" }));
		parent?.settleChild();
	}

	/** Keeps what has been written of the file, or removes it. What is kept counts against `maxBytes`. */
	async #left(arriving: Arriving, part: PartFile): Promise<void> {
		const bytes = await part.leave();
		if (bytes === undefined) return this.#discarded(arriving, part);
		this.#observer.kept?.(arriving.file.name, bytes);
	}

	/** Removes what has been written of the file. When nothing of it is left, its bytes do not count against `maxBytes` any more. */
	async #discarded(arriving: Arriving, part: PartFile | undefined): Promise<void> {
		if (part !== undefined && !(await part.discard())) return;
		this.#acceptedBytes -= arriving.counted;
		arriving.counted = 0;
	}

	#createPart(file: FileMessage, components: readonly string[]): Promise<PartFile> {
		const { directory, force } = this.#options;
		return PartFile.create({ files: this.#files, directory, components, size: file.size, force, placed: this.#placed });
	}

	/** Never wider than at the sender; private where the sender does not say. */
	#fileMode({ file, parent }: Arriving): number | undefined {
		if (file.mode === undefined || !this.#files.hasModes) return undefined;
		return file.mode & (parent?.reach() ?? 0o777) & ~this.#umask;
	}

	/** Checks the place of an announcement in the order of things; the directory that it is in. */
	#announced({ index, name }: FileMessage | DirectoryMessage): IncomingDirectory | undefined {
		this.#expectNoFile();
		if (index !== this.#nextIndex) throw transferProtocolError("a file out of turn");
		this.#nextIndex += 1;
		const parent = this.#open.at(-1);
		if (parent === undefined) return undefined;
		const prefix = `${parent.message.name}/`;
		if (!name.startsWith(prefix) || name.includes("/", prefix.length)) throw transferProtocolError("a name that is not in its directory");
		parent.enterChild();
		return parent;
	}

	/** The components of a name that is taken, or why it is not. */
	async #components(name: string, parent: IncomingDirectory | undefined): Promise<readonly string[] | FileProblemError> {
		const parsed = parseSafePath(name);
		if (!parsed.safe) return new FileProblemError("NAME_UNSAFE", parsed.reason);
		if (parent?.problem !== undefined) return new FileProblemError(parent.problem.problem, `its directory was refused: ${innermost(parent.problem.message)}`);
		const { components } = parsed;
		const reason = parent === undefined ? unusualName(components) : unusualNameBelow(components.at(-1) ?? "");
		if (reason === undefined || (await this.#options.allowName?.(name, reason)) === true) return components;
		return new FileProblemError("NAME_HIDDEN", `it ${reason}; \`conec receive --allow-hidden\` takes it`);
	}

	async #verdict(
		kind: OutcomeKind,
		{ index, name }: FileMessage | DirectoryMessage,
		outcome: FileProblemError | string[],
		content?: { readonly size: number; readonly sha256: string; readonly resumed?: number | undefined },
		isShown?: true,
	): Promise<void> {
		if (outcome instanceof FileProblemError) {
			this.#failed += 1;
			this.#observer.settled({ kind, name, problem: outcome.problem, detail: outcome.message });
			await this.#stream.send(encodeTransfer({ type: "verdict", index, problem: outcome.problem, detail: outcome.message }));
			return;
		}
		if (kind === "file") this.#arrivedFiles += 1;
		else this.#arrivedDirectories += 1;
		this.#bytes += content?.size ?? 0;
		this.#resumed += content?.resumed ?? 0;
		const remark = outcome.length === 0 ? undefined : outcome.join("; ");
		this.#observer.settled({ kind, name, ...content, remark, ...(isShown === undefined ? {} : { isShown }) });
		await this.#stream.send(encodeTransfer({ type: "verdict", index, remark }));
	}

	#expectArriving(): Arriving {
		if (this.#arriving === undefined) throw transferProtocolError("content without a file");
		return this.#arriving;
	}

	#expectContent(): Arriving {
		const arriving = this.#expectArriving();
		if (arriving.awaits !== undefined) throw transferProtocolError("content before it said where that begins");
		return arriving;
	}

	#expectNoFile(): void {
		if (this.#arriving !== undefined) throw transferProtocolError("a file within a file");
	}
}

function tooLarge(maxBytes: number): FileProblemError {
	return new FileProblemError("TOO_LARGE", `the receiver takes at most ${maxBytes} bytes in one transfer`);
}

function innermost(detail: string): string {
	return detail.replace(/^(?:its directory was refused: )+/, "");
}

function verificationProblem(received: number, size: number, sha256: string, announced: string): FileProblemError | undefined {
	if (received !== size) return new FileProblemError("VERIFICATION_FAILED", `${received} of ${size} bytes arrived`);
	if (sha256 !== announced) return new FileProblemError("VERIFICATION_FAILED", "the SHA-256 of what arrived is another than that of what was sent");
	return undefined;
}
