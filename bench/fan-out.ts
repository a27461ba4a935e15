/**
 * One sender, many receivers: numbered messages, what a window of them is, and whether everyone got all. The same for every
 * system that is compared. Pure but for the clock.
 *
 * @module
 */

/** The receivers' process acknowledges every so many messages, once the last of its members has them. */
export const ACK_EVERY = 128;

/** How far the publisher may be ahead of the slowest member: at most half of the 1 MiB that is kept for a member, and 4,096 messages. */
export function windowOf(size: number): number {
	const messages = Math.min(4_096, Math.floor(524_288 / size));
	return Math.max(ACK_EVERY, messages - (messages % ACK_EVERY));
}

/** A new message of `size` bytes, at least 16, that carries its number. */
export function numbered(index: number, size: number): Uint8Array {
	const message = new Uint8Array(size);
	message[0] = index;
	message[1] = index >>> 8;
	message[2] = index >>> 16;
	message[3] = index >>> 24;
	return message;
}

/** The number of a message. */
export function numberOf(message: Uint8Array): number {
	return ((message[0] ?? 0) | ((message[1] ?? 0) << 8) | ((message[2] ?? 0) << 16) | ((message[3] ?? 0) << 24)) >>> 0;
}

/** Writes the time of sending behind the number, in microseconds of a clock that all processes of a machine share. */
export function stamp(message: Uint8Array): Uint8Array {
	new DataView(message.buffer, message.byteOffset).setFloat64(8, nowMicros());
	return message;
}

/** Microseconds since `stamp`. */
export function ageMicros(message: Uint8Array): number {
	return nowMicros() - new DataView(message.buffer, message.byteOffset).getFloat64(8);
}

function nowMicros(): number {
	return Number(process.hrtime.bigint()) / 1_000;
}

/** What all members of a process got in one round. */
export interface Delivered {
	/** Messages times members. */
	readonly deliveries: number;
	/** From the first delivery until the last member had the last acknowledged message. */
	readonly seconds: number;
	/** Messages that a gap event announced, at the place where they are missing. */
	readonly reported: number;
	/** Messages that were missing without a word, came again, or are not missing though announced. */
	readonly unreported: number;
}

/** Follows the members of one process through one round. */
export class FanOut {
	readonly #next: Uint32Array;
	/** Members that have passed each multiple of `ACK_EVERY`. */
	readonly #passed: number[] = [];
	readonly #onPassed: (messages: number) => void;
	#acknowledged = 0;
	#startedMs = Number.NaN;
	#lastMs = Number.NaN;
	#deliveries = 0;
	#reported = 0;
	#unreported = 0;

	/** `onPassed` hears of every multiple of `ACK_EVERY` that all members have passed. */
	constructor(members: number, onPassed: (messages: number) => void = () => undefined) {
		this.#next = new Uint32Array(members);
		this.#onPassed = onPassed;
	}

	/** The member has the message of that number. */
	add(member: number, index: number): void {
		if (this.#deliveries++ === 0) {
			this.#startedMs = performance.now();
		}
		const expected = this.#next[member] ?? 0;
		if (index < expected) {
			this.#unreported++;
			return;
		}
		this.#unreported += index - expected;
		this.#advance(member, expected, index + 1);
	}

	/** The member was told that the next `lost` messages are missing. */
	lose(member: number, lost: number): void {
		this.#reported += lost;
		const expected = this.#next[member] ?? 0;
		this.#advance(member, expected, expected + lost);
	}

	/** Whether all members have passed that many messages. */
	has(messages: number): boolean {
		return this.#next.every((next) => next >= messages);
	}

	delivered(): Delivered {
		return {
			deliveries: this.#deliveries,
			seconds: (this.#lastMs - this.#startedMs) / 1_000,
			reported: this.#reported,
			unreported: this.#unreported,
		};
	}

	#advance(member: number, from: number, to: number): void {
		this.#next[member] = to;
		for (let level = Math.floor(from / ACK_EVERY); level < Math.floor(to / ACK_EVERY); level++) {
			this.#passed[level] = (this.#passed[level] ?? 0) + 1;
		}
		let acknowledged = this.#acknowledged;
		while (this.#passed[acknowledged] === this.#next.length) {
			acknowledged++;
		}
		if (acknowledged > this.#acknowledged) {
			this.#acknowledged = acknowledged;
			this.#lastMs = performance.now();
			this.#onPassed(acknowledged * ACK_EVERY);
		}
	}
}
