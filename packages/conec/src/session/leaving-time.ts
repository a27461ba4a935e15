/**
 * How a Client or a Coordinator that closes divides its time.
 *
 * @module
 */

/** What is said where a side has announced that it leaves, has not ended the connection in `limits.closeTimeoutMs`, and is ended by the other one. */
export const STAYED = "it said that it leaves, and did not go";

/**
 * How many milliseconds of the `leftMs` that are left of `limits.closeTimeoutMs` streams may take. What handlers of protocols have taken
 * before is not to cost the connections their end: for that, up to a third is kept. Where handlers have taken nothing, it is all of it.
 */
export function leavingTimeMs(closeTimeoutMs: number, leftMs: number): number {
	const takenMs = Math.max(0, closeTimeoutMs - leftMs);
	return leftMs - Math.min(takenMs, leftMs / 3);
}
