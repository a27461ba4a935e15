/**
 * The sender's book of what is announced and not yet settled, and the reader of what the receiver says about it.
 *
 * @module
 */

import type { MessageStream } from "../../index.ts";
import { type OutcomeKind, type TransferObserver, type TransferSummary, transferProtocolError } from "./events.ts";
import type { FileProblemError, KeptMessage } from "./ground/index.ts";
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
	/** The receiver was asked whether it has this content. */
	asked?: Content | undefined;
	sha256?: string;
	resumed?: number;
	remark?: string | undefined;
	refused?: () => void;
	/** What the receiver says of what it has, until it is taken. `undefined`: it is not asked. */
	offers?: Offers | undefined;
}

interface Offers {
	readonly waiting: KeptMessage[];
	wake: (() => void) | undefined;
}

/** Answers about one file that wait to be read: it says first how much there is, then its hash. */
const MOST_OFFERS = 2;

/** What goes with an announcement. */
export interface AnnounceOptions {
	/** Called when the receiver does not take it. */
	readonly refused?: () => void;
	/** Set: the receiver may say that it has this content already. */
	readonly asked?: Content | undefined;
	/** Set: the receiver says what it has of the file, before it gets content. */
	readonly mayResume?: boolean;
}

/** The content of a file. */
export interface Content {
	readonly size: number;
	/** Hex. */
	readonly sha256: string;
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
	#identical = 0;
	#bytes = 0;
	#resumed = 0;
	#allSent = false;
	#ended = false;
	#wake: (() => void) | undefined;

	constructor(stream: MessageStream, observer: TransferObserver) {
		this.#stream = stream;
		this.#observer = observer;
	}

	/** Waits for room, then gives the next index. */
	async announce(kind: OutcomeKind, name: string, remark: string | undefined, { refused, asked, mayResume = false }: AnnounceOptions = {}): Promise<number> {
		while (this.#outstanding.size >= OUTSTANDING && !this.#ended) {
			await new Promise<void>((resolve) => {
				this.#wake = resolve;
			});
		}
		const index = this.#announced;
		this.#announced += 1;
		const offers = mayResume ? { waiting: [], wake: undefined } : undefined;
		this.#outstanding.set(index, { kind, name, size: 0, complete: false, remark, asked, offers, ...(refused === undefined ? {} : { refused }) });
		return index;
	}

	/** Whether the receiver still wants it. */
	isWanted(index: number): boolean {
		return !this.#ended && this.#outstanding.has(index);
	}

	/** What the receiver says of what it has of the file. `undefined`: it does not take the file, or has ended. */
	async offer(index: number): Promise<KeptMessage | undefined> {
		for (;;) {
			const offers = this.#outstanding.get(index)?.offers;
			if (offers === undefined || this.#ended) return undefined;
			const offer = offers.waiting.shift();
			if (offer !== undefined) return offer;
			await new Promise<void>((resolve) => {
				offers.wake = resolve;
			});
		}
	}

	/** The receiver is told which content the file has, and may say that it has it. */
	ask(index: number, content: Content): void {
		const file = this.#outstanding.get(index);
		if (file !== undefined) file.asked = content;
	}

	/** The receiver knows where the content begins: it has no more to say of what it has. */
	begins(index: number, resumed: number): void {
		const file = this.#outstanding.get(index);
		if (file !== undefined) Object.assign(file, { offers: undefined, resumed });
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
			for (const { offers } of this.#outstanding.values()) offers?.wake?.();
		}
	}

	summary(): TransferSummary {
		const resumed = this.#resumed === 0 ? {} : { resumed: this.#resumed };
		return { files: this.#files, directories: this.#directories, bytes: this.#bytes, ...resumed, identical: this.#identical, failed: this.#failed };
	}

	#take(bytes: Uint8Array): void {
		const decoded = decodeTransfer(bytes);
		if (!decoded.ok) throw transferProtocolError(decoded.reason);
		if (decoded.message.type === "asking") return this.#observer.asked?.();
		if (decoded.message.type === "kept") return this.#takeOffer(decoded.message);
		if (decoded.message.type !== "verdict") throw transferProtocolError("a message that only a sender may send");
		const { index, problem, detail, remark } = decoded.message;
		if (index >= this.#announced) throw transferProtocolError("a verdict on a file that was not sent");
		const announced = this.#outstanding.get(index);
		if (announced === undefined) return;
		const { kind, name, size, sha256, asked, resumed } = announced;
		if (problem === undefined && !announced.complete) throw transferProtocolError(`a verdict before the end of the ${kind}`);
		this.#outstanding.delete(index);
		this.#wake?.();
		announced.offers?.wake?.();
		if (problem === "IDENTICAL" && asked !== undefined) {
			this.#identical += 1;
			this.#observer.settled({ kind, name, ...asked, identical: true });
			return;
		}
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
			this.#resumed += resumed ?? 0;
			this.#observer.settled({ kind, name, size, sha256, remark: remarks, ...(resumed ? { resumed } : {}) });
		}
	}

	#takeOffer(offer: KeptMessage): void {
		if (offer.index >= this.#announced) throw transferProtocolError("what it has of a file that was not sent");
		const announced = this.#outstanding.get(offer.index);
		// It may have been given up meanwhile.
		if (announced === undefined) return;
		const { offers } = announced;
		if (offers === undefined || offers.waiting.length >= MOST_OFFERS) throw transferProtocolError("what it has of a file without being asked");
		offers.waiting.push(offer);
		offers.wake?.();
	}
}
