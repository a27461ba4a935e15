/**
 * Streams whose other ends send everything back: each has one message under way at most. Every answer is compared with what was sent.
 *
 * @module
 */

import { setTimeout as delay } from "node:timers/promises";
import { numbered, numberOf } from "../../fan-out.ts";
import type { Latency } from "../../roles/figures.ts";
import { percentile } from "../../stats.ts";

/** The part of a message stream that this needs. */
export interface EchoStream {
	send(message: Uint8Array): Promise<void>;
	receive(): Promise<Uint8Array | null>;
	close(): Promise<void>;
}

/** Microseconds. */
export interface Echoed extends Latency {
	/** Until the last answer was here. */
	readonly seconds: number;
}

const SIZE = 64;

/** See above. */
export class Echoes {
	readonly #streams: readonly EchoStream[];
	#next = 0;

	constructor(streams: readonly EchoStream[]) {
		this.#streams = streams;
	}

	/** Each sends again as soon as its answer is here. */
	async fast(seconds: number): Promise<Echoed> {
		const micros: number[] = [];
		const startedMs = performance.now();
		const untilMs = startedMs + seconds * 1_000;
		await Promise.all(
			this.#streams.map(async (stream) => {
				let now = performance.now();
				do {
					const sentMs = now;
					await this.#exchange(stream);
					now = performance.now();
					micros.push((now - sentMs) * 1_000);
				} while (now < untilMs);
			}),
		);
		return echoed(micros, startedMs);
	}

	/** That many a second in all, one stream after the other. One that is late is counted from when it was due. */
	async paced(seconds: number, perSecond: number): Promise<Echoed> {
		const micros: number[] = [];
		const chains: Promise<void>[] = this.#streams.map(() => Promise.resolve());
		const startedMs = performance.now();
		const total = Math.round(seconds * perSecond);
		for (let begun = 0; begun < total; ) {
			const due = Math.min(total, Math.floor(((performance.now() - startedMs) / 1_000) * perSecond));
			for (; begun < due; begun++) {
				const at = begun % this.#streams.length;
				const dueMs = startedMs + (begun / perSecond) * 1_000;
				const exchange = async (): Promise<void> => {
					await this.#exchange(this.#streams[at] as EchoStream);
					micros.push((performance.now() - dueMs) * 1_000);
				};
				const chained = (chains[at] as Promise<void>).then(exchange);
				// The end of the round tells of it.
				chained.catch(() => undefined);
				chains[at] = chained;
			}
			await delay(1);
		}
		await Promise.all(chains);
		return echoed(micros, startedMs);
	}

	/** Ends the streams. */
	async close(): Promise<void> {
		await Promise.all(
			this.#streams.map(async (stream) => {
				await stream.close();
				await stream.receive();
			}),
		);
	}

	async #exchange(stream: EchoStream): Promise<void> {
		const number = this.#next++;
		await stream.send(numbered(number, SIZE));
		const answer = await stream.receive();
		if (answer === null || answer.length !== SIZE || numberOf(answer) !== number) throw new Error(`an echo is not what was sent: ${answer?.length} bytes`);
	}
}

function echoed(micros: readonly number[], startedMs: number): Echoed {
	return { count: micros.length, p50: percentile(micros, 0.5), p99: percentile(micros, 0.99), seconds: (performance.now() - startedMs) / 1_000 };
}
