/**
 * What the processes of a measurement tell each other. Pure.
 *
 * @module
 */

/** A stream's purpose, named by whoever opens it. */
export type Mode = "sink" | "batch-sink" | "answer" | "flood" | "json-sink" | "lossy-sink" | "stopped-sink" | "echo" | "stall";

/** A sink's count, from its first message to the end. */
export interface Received {
	readonly bytes: number;
	readonly messages: number;
	readonly seconds: number;
}

/** What to send for how long. */
export interface LoadArgument {
	readonly size: number;
	readonly seconds: number;
}

/** Round trips in microseconds, or connects in milliseconds. */
export interface Latency {
	readonly count: number;
	readonly p50: number;
	readonly p99: number;
}

/** Things done in a time. */
export interface Rate {
	readonly count: number;
	readonly seconds: number;
}

/** Streams that were opened at once. */
export interface Crowded {
	readonly done: number;
	readonly seconds: number;
	/** Why the first one failed, if one did. */
	readonly failure?: string;
}

/** What an echo took while nobody read its answers, and how long `close` took once somebody did. */
export interface Answered {
	readonly ms: number;
	readonly bytes: number;
}

/** A chat beside files, and what goes first. */
export interface Beside {
	readonly files: number;
	readonly seconds: number;
	/** @default not said */
	readonly chatPriority?: number;
	/** @default not said */
	readonly filePriority?: number;
}

/** Clients that connected at once. */
export interface Crowd {
	readonly connected: number;
	/** Until the last one was connected. */
	readonly seconds: number;
	readonly p50Seconds: number;
	/** Why the first one failed, if one did. */
	readonly failure?: string;
}

/** Counts messages; the clock starts with the first one. */
export class Counter {
	bytes = 0;
	messages = 0;
	#startedMs = 0;

	add(length: number): void {
		if (this.messages === 0) {
			this.#startedMs = performance.now();
		}
		this.messages++;
		this.bytes += length;
	}

	received(): Received {
		return { bytes: this.bytes, messages: this.messages, seconds: (performance.now() - this.#startedMs) / 1_000 };
	}
}

/** A message of that size. */
export function payload(size: number): Uint8Array {
	return new Uint8Array(size).fill(0x61);
}

/** What a typed stream carries: 100 bytes as JSON. */
export interface Reading {
	readonly id: number;
	readonly sensor: string;
	readonly kind: string;
	readonly value: number;
	readonly unit: string;
	readonly ok: boolean;
}

/** A reading; `index` is at most six digits, so that all are as long. */
export function reading(index: number): Reading {
	return { id: 1_000_000 + index, sensor: "greenhouse-7", kind: "temperature", value: 21.75, unit: "celsius", ok: true };
}

/** JSON as bytes, and back. */
export function encode(value: unknown): Uint8Array {
	return new TextEncoder().encode(JSON.stringify(value));
}

export function decode<T>(bytes: Uint8Array): T {
	return JSON.parse(new TextDecoder().decode(bytes)) as T;
}
