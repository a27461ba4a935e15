/**
 * How long the ends of a stream wait for each other.
 *
 * @module
 */

/** Never. */
export const NEVER: number = Number.POSITIVE_INFINITY;

/** How long an answer is awaited: to a further leg's OPEN, after a stop that may have overtaken a REJECT, and FIN after everything else. */
export const ANSWER_MS = 10_000;

/** How much longer than the opener an acceptor waits for a leg. */
export const ACCEPTOR_MORE_MS = 20_000;
