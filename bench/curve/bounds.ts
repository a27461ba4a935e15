/**
 * What a line allows one stream: the window once a round trip, and what a congestion controller makes of losses. Pure.
 *
 * @module
 */

import type { Path } from "./catalogue.ts";
import { QUIC_STREAM_WINDOW, STREAM_WINDOW } from "./limits.ts";
import type { Bound } from "./outcome.ts";

/** A line between two machines. */
export interface Line {
	/** There and back. */
	readonly rttMs: number;
	readonly lossPercent: number;
}

/** Each message counts as so much more than its length in a window (docs/limits.md, `receiveBytes`). */
const PER_MESSAGE = 64;
/** Bytes before each message on the wire. */
const FRAME_HEADER = 4;
/** Payload of a packet of 1,452 bytes, the most that QUIC finds on Ethernet. */
const SEGMENT = 1_400;
/** RFC 9438: the constant of CUBIC, and what a loss leaves of its window. */
const CUBIC = { c: 0.4, beta: 0.7 };

/** MB/s of payload that a window of a stream of messages allows: one of them in each round trip. `rttMs` is that of the two ends of the stream. */
export function windowBound(windowBytes: number, size: number, rttMs: number): number {
	return onceInARoundTrip(windowBytes, size, PER_MESSAGE, rttMs);
}

/** The same of a window of a stream of QUIC. `rttMs` is that of one connection: a proxied stream has one window after the other. */
export function quicWindowBound(windowBytes: number, size: number, rttMs: number): number {
	return onceInARoundTrip(windowBytes, size, FRAME_HEADER, rttMs);
}

function onceInARoundTrip(windowBytes: number, size: number, more: number, rttMs: number): number {
	return (windowBytes * (size / (size + more))) / (rttMs / 1_000) / 1e6;
}

/**
 * MB/s that CUBIC reaches while packets are lost at random: the larger of its own mean window and that of Reno, which it is never below (RFC 9438, 5.1 and 4.3).
 * Reno's is what Mathis et al. found: 1.22 packets / sqrt(loss).
 */
export function lossBound({ rttMs, lossPercent }: Line): number {
	const loss = lossPercent / 100;
	const rtt = rttMs / 1_000;
	const reno = Math.sqrt(1.5 / loss);
	const cubic = ((CUBIC.c * (3 + CUBIC.beta)) / (4 * (1 - CUBIC.beta))) ** 0.25 * (rtt / loss) ** 0.75;
	return (Math.max(reno, cubic) * SEGMENT) / rtt / 1e6;
}

/** What a line allows one stream of messages of that size, in MB/s. Nothing is known of a line without delay. */
export function lineBound(line: Line, path: Path, size: number): Bound | undefined {
	if (line.rttMs === 0) return undefined;
	const bounds: Bound[] = [
		// Between the two ends, which are two lines apart where a Coordinator is between them.
		{
			value: windowBound(STREAM_WINDOW, size, path === "direct" ? line.rttMs : 2 * line.rttMs),
			what: "the window of the stream (`streamWindowBytes`), one in a round trip",
		},
		{ value: quicWindowBound(QUIC_STREAM_WINDOW, size, line.rttMs), what: "the window of QUIC for a stream (`quicStreamWindowBytes`), one in a round trip" },
		...(line.lossPercent > 0 ? [{ value: lossBound(line), what: "the congestion controller: what it makes of these losses" }] : []),
	];
	return bounds.reduce((least, bound) => (bound.value < least.value ? bound : least));
}
