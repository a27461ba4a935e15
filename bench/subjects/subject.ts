/**
 * Something that can be measured again and again.
 *
 * @module
 */

import type { Context } from "../context.ts";

/** One round's outcome. */
export interface Sample {
	readonly value: number;
	readonly details?: Readonly<Record<string, number>>;
}

/** Measures for about that many seconds. The first call may set up; a warm-up round comes before those that count. */
export type Subject = (context: Context, seconds: number) => Promise<Sample>;

/** Megabytes of payload per second, at the receiver. */
export function megabytes(received: { bytes: number; seconds: number }): Sample {
	return { value: received.bytes / received.seconds / 1e6 };
}

/** Messages per second, at the receiver. */
export function messages(received: { messages: number; seconds: number }): Sample {
	return { value: received.messages / received.seconds };
}

/** The median latency, with the 99th percentile beside it. */
export function latency(figures: { p50: number; p99: number }): Sample {
	return { value: figures.p50, details: { p99: figures.p99 } };
}
