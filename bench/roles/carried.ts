/**
 * The loads on a stream of messages, both ends, whatever carries them.
 *
 * A message says by its first byte what it is, and a payload by its second where it is in the ring that it was sent from: so the receiver sees one that is
 * missing, that came twice, or that came in another order. A message that begins with a brace is a reading as JSON.
 *
 * @module
 */

import { percentile } from "../stats.ts";
import { type Latency, type LoadArgument, type Reading, reading } from "./figures.ts";

/** What a message is, by its first byte. */
export const KIND = { payload: 1, echo: 2, ask: 3, answer: 4, json: 0x7b } as const;

/** A receiver's count, from its first message to the question. */
export interface Counted {
	readonly messages: number;
	readonly bytes: number;
	/** Messages that were not the next of their ring. */
	readonly wrong: number;
	readonly seconds: number;
}

/** What was sent, and what the receiver says of it. */
export interface Carried extends Counted {
	readonly sent: number;
}

/**
 * Whether all came, once, and in order.
 *
 * @throws Error that says what is missing.
 */
export function checkCarried({ sent, messages, bytes, wrong }: Carried, size: number): void {
	if (messages !== sent || bytes !== sent * size || wrong !== 0)
		throw new Error(`${sent} messages were sent, ${messages} came with ${bytes} bytes, and ${wrong} of them were not the next`);
}

/** Takes a message. What it gives back, if anything, is to be awaited before the next. */
export type Push<T> = (message: T) => Promise<unknown> | undefined;

/** Payloads of a round are made before it, so many, so that none is changed while something still holds it. */
export function ringOf(size: number): number {
	return size > 4_096 ? 16 : 256;
}

function payload(index: number, size: number): Uint8Array {
	const message = new Uint8Array(size).fill(0x61);
	message[0] = KIND.payload;
	message[1] = index;
	return message;
}

/** Readings come round again after so many, so that all are equally long. */
const READINGS = 100_000;

/** The receiving end of a stream: counts what comes until it is asked, and sends echoes back. */
export class Player {
	readonly #reply: (message: Uint8Array) => unknown;
	#messages = 0;
	#bytes = 0;
	#wrong = 0;
	#startedMs = 0;

	constructor(reply: (message: Uint8Array) => unknown) {
		this.#reply = reply;
	}

	/** A message has come. */
	message(message: Uint8Array): void {
		switch (message[0]) {
			case KIND.payload:
				if (message[1] !== this.#messages % ringOf(message.length)) this.#wrong++;
				this.#count(message.length);
				return;
			case KIND.json:
				this.value(JSON.parse(new TextDecoder().decode(message)) as Reading);
				return;
			case KIND.echo:
				this.#reply(message);
				return;
			case KIND.ask:
				this.#reply(answerOf(this.take()));
				return;
			default:
				throw new Error(`a message of ${message.length} bytes begins with ${message[0]}`);
		}
	}

	/** A reading has come, decoded. */
	value({ id, value }: Reading): void {
		if (id !== 1_000_000 + (this.#messages % READINGS) || value !== 21.75) this.#wrong++;
		this.#count(100);
	}

	/** The count, which begins again. */
	take(): Counted {
		const counted = { messages: this.#messages, bytes: this.#bytes, wrong: this.#wrong, seconds: (performance.now() - this.#startedMs) / 1_000 };
		this.#messages = 0;
		this.#bytes = 0;
		this.#wrong = 0;
		return counted;
	}

	#count(bytes: number): void {
		if (this.#messages === 0) this.#startedMs = performance.now();
		this.#messages++;
		this.#bytes += bytes;
	}
}

function answerOf(counted: Counted): Uint8Array {
	const text = new TextEncoder().encode(JSON.stringify(counted));
	const message = new Uint8Array(1 + text.length);
	message[0] = KIND.answer;
	message.set(text, 1);
	return message;
}

/** The sending end of a stream. */
export class Sender {
	readonly #push: Push<Uint8Array>;
	readonly #pushValue: Push<Reading>;
	#answered: (message: Uint8Array) => void = () => undefined;

	/** `pushValue`: how the system sends a value. Default: JSON as bytes. */
	constructor(push: Push<Uint8Array>, pushValue: Push<Reading> = (value) => push(new TextEncoder().encode(JSON.stringify(value)))) {
		this.#push = push;
		this.#pushValue = pushValue;
	}

	/** A message has come back. */
	received(message: Uint8Array): void {
		this.#answered(message);
	}

	/** Sends for that long, then asks what has come. */
	async bulk({ size, seconds }: LoadArgument): Promise<Carried> {
		const ring = Array.from({ length: ringOf(size) }, (_, index) => payload(index, size));
		return this.#send((index) => this.#push(ring[index % ring.length] as Uint8Array), size, seconds);
	}

	/** The same with readings, each a new object. */
	async json({ seconds }: Pick<LoadArgument, "seconds">): Promise<Carried> {
		return this.#send((index) => this.#pushValue(reading(index % READINGS)), 100, seconds);
	}

	/** One message there and back at a time. Microseconds. */
	async roundTrips({ size, seconds }: LoadArgument): Promise<Latency> {
		const message = new Uint8Array(size).fill(0x61);
		message[0] = KIND.echo;
		const micros: number[] = [];
		const deadline = performance.now() + seconds * 1_000;
		let now = performance.now();
		do {
			const startedMs = now;
			const answer = this.#answer();
			// Nothing is on the way, so there is room.
			void this.#push(message);
			await answer;
			now = performance.now();
			micros.push((now - startedMs) * 1_000);
		} while (now < deadline);
		return { count: micros.length, p50: percentile(micros, 0.5), p99: percentile(micros, 0.99) };
	}

	async #send(next: (index: number) => Promise<unknown> | undefined, size: number, seconds: number): Promise<Carried> {
		const burst = Math.max(1, Math.floor(16_384 / size));
		const deadline = performance.now() + seconds * 1_000;
		let sent = 0;
		do {
			for (let index = 0; index < burst; index++) {
				const wait = next(sent++);
				if (wait !== undefined) await wait;
			}
		} while (performance.now() < deadline);
		const answer = this.#answer();
		await this.#push(Uint8Array.of(KIND.ask));
		return { ...(JSON.parse(new TextDecoder().decode((await answer).subarray(1))) as Counted), sent };
	}

	#answer(): Promise<Uint8Array> {
		return new Promise((resolve) => {
			this.#answered = resolve;
		});
	}
}
