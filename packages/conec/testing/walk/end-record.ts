/**
 * One end of a stream in a walk: sends messages that can be told apart, reads at a pace, and remembers how all of it went.
 *
 * @module
 */

import type { CloseInfo } from "../../src/base/close-info.ts";
import type { MessageStream } from "../../src/stream/message-stream.ts";
import type { Party } from "./party.ts";
import { ReadingGate } from "./reading-gate.ts";
import { codeOf, type Verdict } from "./verdict.ts";

/** A message that was given to `send`. */
export interface Sending {
	readonly size: number;
	state: "waiting" | "sent" | "failed";
	received: boolean;
}

/** See the module. Reads from the beginning. */
export class StreamEnd {
	readonly party: Party;
	readonly stream: MessageStream;
	/** "end": everything, and the peer's end. Else the code of the error. */
	reading: "open" | "end" | (string & {}) = "open";
	/** What has become of `close`, once it was called. */
	closing: "waiting" | "acknowledged" | (string & {}) | undefined;
	closed: CloseInfo | undefined;
	/** This side has said that it wants no more, or that it sends no more. */
	stopped = false;
	didReset = false;
	/** Messages that came here. */
	received = 0;
	/** It may take another. */
	readonly firstPath: MessageStream["path"];
	readonly #key: number;
	/** What the other end has sent so far. */
	readonly #expected: () => readonly Sending[];
	readonly #side: 0 | 1;
	readonly #verdict: Verdict;
	readonly #note: (line: string) => void;
	readonly #sends: Sending[] = [];
	/** The next message of the other end that may come. */
	#next = 0;
	readonly #gate: ReadingGate = new ReadingGate();

	constructor(
		key: number,
		side: 0 | 1,
		party: Party,
		stream: MessageStream,
		expected: () => readonly Sending[],
		verdict: Verdict,
		note: (line: string) => void,
	) {
		this.#key = key;
		this.#expected = expected;
		this.#side = side;
		this.party = party;
		this.stream = stream;
		this.firstPath = stream.path;
		this.#verdict = verdict;
		this.#note = note;
		void stream.closed.then((info) => {
			this.closed = info;
			note(`${this.#name} closed ${JSON.stringify(info)}`);
		});
		void this.#read();
	}

	get #name(): string {
		return `stream ${this.#key}${this.#side === 0 ? ">" : "<"} ${this.party.name}`;
	}

	/** Whether an application would still do something with it. */
	get live(): boolean {
		return this.closed === undefined;
	}

	get paused(): boolean {
		return this.#gate.paused;
	}

	/** Messages whose sending has succeeded. */
	get sent(): number {
		return this.#sends.filter(({ state }) => state === "sent").length;
	}

	get waitingSends(): number {
		return this.#sends.filter(({ state }) => state === "waiting").length;
	}

	describe(): string {
		return `${this.sent} sent, ${this.received} received, reading ${this.reading}, closing ${this.closing}${this.#gate.paused ? ", paused" : ""}`;
	}

	send(size: number, signal?: AbortSignal): void {
		const index = this.#sends.length;
		const sending: Sending = { size, state: "waiting", received: false };
		this.#sends.push(sending);
		this.stream.send(content(this.#key, this.#side, index, size), signal === undefined ? {} : { signal }).then(
			() => {
				sending.state = "sent";
			},
			(error: unknown) => {
				sending.state = "failed";
				this.#note(`${this.#name} send ${index} failed ${codeOf(error)}`);
				this.#verdict.must(!sending.received, () => `${this.#name}: message ${index} was refused here and has come there`);
			},
		);
	}

	close(): void {
		if (this.closing !== undefined) return;
		this.closing = "waiting";
		this.stream.close().then(
			() => {
				this.closing = "acknowledged";
			},
			(error: unknown) => {
				this.closing = codeOf(error);
			},
		);
	}

	reset(code: number): void {
		this.didReset = true;
		this.stream.reset(code);
	}

	stop(code: number): void {
		this.stopped = true;
		this.stream.stop(code);
		this.resume();
	}

	pause(): void {
		this.#gate.pause();
	}

	resume(): void {
		this.#gate.resume();
	}

	async #read(): Promise<void> {
		try {
			for (;;) {
				if (this.#gate.opened !== undefined) await this.#gate.opened;
				const messages = await this.#messages();
				if (messages === null) break;
				for (const message of messages) this.#received(message);
			}
			this.reading = "end";
		} catch (error) {
			this.reading = codeOf(error);
		}
		this.#note(`${this.#name} read ${this.received}, then ${this.reading}`);
	}

	/** What comes next: every other stream is read in batches. `null` at the end. */
	async #messages(): Promise<readonly Uint8Array[] | null> {
		if (this.#key % 2 === 1) {
			const message = await this.stream.receive();
			return message === null ? null : [message];
		}
		for await (const batch of this.stream.batches({ maxMessages: 1 + (this.#key % 7) })) return batch;
		return null;
	}

	#received(message: Uint8Array): void {
		this.received++;
		const sends = this.#expected();
		while (sends[this.#next]?.state === "failed") this.#next++;
		const index = this.#next++;
		const expected = sends[index];
		if (expected === undefined) return this.#verdict.wrong(`${this.#name}: message ${index} came, which nobody has sent`);
		expected.received = true;
		const right = content(this.#key, this.#side === 0 ? 1 : 0, index, expected.size);
		if (Buffer.compare(right, message) === 0) return;
		this.#verdict.wrong(`${this.#name}: message ${index} of ${expected.size} bytes is another one, of ${message.length} bytes: ${headOf(message)}`);
	}

	/** Of the other end, for what it has sent. */
	get sends(): readonly Sending[] {
		return this.#sends;
	}
}

const HEAD_BYTES = 9;

/** No two messages of a walk are the same, unless they are very short. */
function content(key: number, side: number, index: number, size: number): Uint8Array {
	const bytes = new Uint8Array(size).fill((key * 31 + side * 17 + index) & 0xff);
	if (size < HEAD_BYTES) return bytes;
	const view = new DataView(bytes.buffer);
	view.setUint32(0, key);
	view.setUint8(4, side);
	view.setUint32(5, index);
	return bytes;
}

function headOf(message: Uint8Array): string {
	if (message.length < HEAD_BYTES) return Buffer.from(message).toString("hex");
	const view = new DataView(message.buffer, message.byteOffset);
	return `stream ${view.getUint32(0)}, side ${view.getUint8(4)}, message ${view.getUint32(5)}`;
}
