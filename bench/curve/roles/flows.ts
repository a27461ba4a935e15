/**
 * Streams that are filled at once, and how much of each has come. Every message of a stream has its number, and the receiver looks at it.
 *
 * @module
 */

import { numbered, numberOf } from "../../fan-out.ts";
import type { LoadArgument } from "../../roles/figures.ts";

/** The part of a message stream that its sender needs. */
export interface Outflow {
	send(message: Uint8Array): Promise<void>;
	close(): Promise<void>;
}

/** What has come on each stream so far. */
export interface FlowMark {
	readonly atMs: number;
	readonly bytes: readonly number[];
}

/** What has come on each stream until its end. */
export interface FlowTotals {
	readonly messages: readonly number[];
	/** Messages that were not the next of their stream. */
	readonly wrong: number;
}

/** The sending ends. */
export class Flows {
	readonly #streams: readonly Outflow[];

	constructor(streams: readonly Outflow[]) {
		this.#streams = streams;
	}

	/** Fills all of them for that long, and ends them. Gives the messages sent on each. */
	async run({ size, seconds }: LoadArgument): Promise<readonly number[]> {
		const untilMs = performance.now() + seconds * 1_000;
		return Promise.all(
			this.#streams.map(async (stream) => {
				let sent = 0;
				do await stream.send(numbered(sent++, size));
				while (performance.now() < untilMs);
				await stream.close();
				return sent;
			}),
		);
	}
}

/** The receiving ends. */
export class Inflows {
	readonly #bytes: number[] = [];
	readonly #messages: number[] = [];
	#ended = 0;
	#wrong = 0;
	#onEnd: () => void = () => undefined;

	/** Reads a stream to its end. */
	async take(stream: AsyncIterable<Uint8Array>, index: number): Promise<void> {
		this.#bytes[index] = 0;
		this.#messages[index] = 0;
		for await (const message of stream) {
			const count: number = this.#messages[index] ?? 0;
			if (numberOf(message) !== count) this.#wrong++;
			this.#messages[index] = count + 1;
			this.#bytes[index] = (this.#bytes[index] ?? 0) + message.length;
		}
		this.#ended++;
		this.#onEnd();
	}

	mark(): FlowMark {
		return { atMs: performance.now(), bytes: [...this.#bytes] };
	}

	/** Waits until so many have ended. */
	async totals(count: number, timeoutMs: number): Promise<FlowTotals> {
		await new Promise<void>((resolve, reject) => {
			const timer = setTimeout(() => reject(new Error(`${this.#ended} of ${count} streams have ended after ${timeoutMs} ms`)), timeoutMs);
			this.#onEnd = () => {
				if (this.#ended < count) return;
				clearTimeout(timer);
				resolve();
			};
			this.#onEnd();
		});
		return { messages: [...this.#messages], wrong: this.#wrong };
	}
}
