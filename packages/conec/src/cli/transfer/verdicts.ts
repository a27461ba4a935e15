/**
 * The sender's book of what is announced and not yet settled, and the reader of what the receiver says about it.
 *
 * @module
 */

import type { MessageStream } from "../../index.ts";
import { type OutcomeKind, type TransferObserver, type TransferSummary, transferProtocolError } from "./events.ts";
import type { FileProblemError } from "./ground/index.ts";
import { decodeTransfer } from "./ground/index.ts";

/** Files and directories whose verdict is outstanding. */
const OUTSTANDING = 1_024;

interface Outstanding {
	readonly kind: OutcomeKind;
	readonly name: string;
	/** Bytes that were sent. */
	size: number;
	/** Whether all of it was sent. */
	complete: boolean;
	sha256?: string;
	remark?: string | undefined;
	refused?: () => void;
}

/** Counts what is outstanding and listens to what the receiver says about it. */
export class Verdicts {
	readonly #stream: MessageStream;
	readonly #observer: TransferObserver;
	readonly #outstanding = new Map<number, Outstanding>();
	#announced = 0;
	#files = 0;
	#directories = 0;
	#failed = 0;
	#bytes = 0;
	#allSent = false;
	#ended = false;
	#wake: (() => void) | undefined;

	constructor(stream: MessageStream, observer: TransferObserver) {
		this.#stream = stream;
		this.#observer = observer;
	}

	/** Waits for room, then gives the next index. `refused` is called when the receiver does not take it. */
	async announce(kind: OutcomeKind, name: string, remark: string | undefined, refused?: () => void): Promise<number> {
		while (this.#outstanding.size >= OUTSTANDING && !this.#ended) {
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
		}
		const index = this.#announced;
		this.#announced += 1;
		this.#outstanding.set(index, { kind, name, size: 0, complete: false, remark, ...(refused === undefined ? {} : { refused }) });
		return index;
	}

	/** Whether the receiver still wants it. */
	isWanted(index: number): boolean {
		return this.#outstanding.has(index);
	}

	/** Everything of the file is about to be sent. */
	completeFile(index: number, size: number, sha256: string): void {
		const file = this.#outstanding.get(index);
		if (file !== undefined) Object.assign(file, { size, sha256, complete: true });
	}

	/** Everything in the directory was sent. */
	completeDirectory(index: number): void {
		const directory = this.#outstanding.get(index);
		if (directory !== undefined) directory.complete = true;
	}

	/** A file that never got an index. */
	skipped(name: string, error: FileProblemError): void {
		this.#failed += 1;
		this.#observer.settled({ kind: "file", name, problem: error.problem, detail: error.message });
	}

	/** The sender gave the file up: whatever the receiver says of it, this is the reason. */
	abandoned(index: number, error: FileProblemError): void {
		const file = this.#outstanding.get(index);
		if (file === undefined) return;
		this.#outstanding.delete(index);
		this.#failed += 1;
		this.#observer.settled({ kind: "file", name: file.name, problem: error.problem, detail: error.message });
	}

	allSent(): void {
		this.#allSent = true;
	}

	/** Resolves when the receiver has ended and answered for everything. */
	async read(): Promise<void> {
		try {
			for await (const bytes of this.#stream) this.#take(bytes);
			if (!this.#allSent || this.#outstanding.size > 0)
				throw transferProtocolError(`its end before it had answered for ${this.#outstanding.size} files or directories`);
		} finally {
			this.#ended = true;
			this.#wake?.();
		}
	}

	summary(): TransferSummary {
		return { files: this.#files, directories: this.#directories, bytes: this.#bytes, failed: this.#failed };
	}

	#take(bytes: Uint8Array): void {
		const decoded = decodeTransfer(bytes);
		if (!decoded.ok) throw transferProtocolError(decoded.reason);
		if (decoded.message.type === "asking") return this.#observer.asked?.();
		if (decoded.message.type !== "verdict") throw transferProtocolError("a message that only a sender may send");
		const { index, problem, detail, remark } = decoded.message;
		if (index >= this.#announced) throw transferProtocolError("a verdict on a file that was not sent");
		const announced = this.#outstanding.get(index);
		if (announced === undefined) return;
		const { kind, name, size, sha256 } = announced;
		if (problem === undefined && !announced.complete) throw transferProtocolError(`a verdict before the end of the ${kind}`);
		this.#outstanding.delete(index);
		this.#wake?.();
		if (problem !== undefined) {
			this.#failed += 1;
			announced.refused?.();
			this.#observer.settled({ kind, name, problem, detail });
			return;
		}
		const remarks = [announced.remark, remark].filter((text) => text !== undefined).join("; ");
		if (kind === "directory") {
			this.#directories += 1;
			this.#observer.settled({ kind, name, remark: remarks });
		} else {
			this.#files += 1;
			this.#bytes += size;
			this.#observer.settled({ kind, name, size, sha256, remark: remarks });
		}
	}
}
