/**
 * How long it is believed that there is no way to a peer because nothing came through.
 *
 * @module
 */

/**
 * By how many attempts have failed one after the other: 30 s, twice, as a minute of bad luck is common; then twice as long each time, up to
 * 10 min. The Coordinator believes it for a part of that, so that whoever asks again in time is not refused.
 */
export function failureLifeMs(failures: number): number {
	return Math.min(LONGEST_MS, SHORTEST_MS * 2 ** Math.min(16, Math.max(0, failures - 2)));
}

const SHORTEST_MS = 30_000;
const LONGEST_MS = 600_000;
