/**
 * What a line allows one stream: the window once a round trip, and what a congestion controller makes of losses. Pure.
 *
 * @module
 */

/** A line between two machines. */
export interface Line {
	/** There and back. */
	readonly rttMs: number;
	readonly lossPercent: number;
}

/** Each message counts as so much more than its length in a window (docs/limits.md, `receiveBytes`). */
const PER_MESSAGE = 64;
/** Payload of a packet of 1,452 bytes, the most that QUIC finds on Ethernet. */
const SEGMENT = 1_400;
/** RFC 9438: the constant of CUBIC, and what a loss leaves of its window. */
const CUBIC = { c: 0.4, beta: 0.7 };

/** MB/s of payload that a window allows: one of them in each round trip. `rttMs` is that of the two ends of the stream. */
export function windowBound(windowBytes: number, size: number, rttMs: number): number {
	return (windowBytes * (size / (size + PER_MESSAGE))) / (rttMs / 1_000) / 1e6;
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
