/**
 * Whose turn it is. Pure.
 *
 * @module
 */

/** Rounds that processes live for. How V8 and the allocators settle differs from process to process, so that all are made anew now and then. */
export const ROUNDS_PER_CAST = 3;

/** The rounds, in casts. */
export function castsOf(rounds: number): number[][] {
	const all = Array.from({ length: rounds }, (_, round) => round);
	const casts: number[][] = [];
	while (all.length > 0) casts.push(all.splice(0, ROUNDS_PER_CAST));
	return casts;
}

/** Whether one that is far behind takes part: once with every cast. */
export function takesPart(far: boolean, round: number): boolean {
	return !far || round % ROUNDS_PER_CAST === 0;
}

/**
 * One round: all tasks of a figure are next to each other, and every other round goes backwards. A machine that is disturbed for a while then touches all that
 * are compared, and none is always the one that follows the same neighbour.
 */
export function orderOf<T>(tasks: readonly T[], round: number): T[] {
	return round % 2 === 0 ? [...tasks] : [...tasks].reverse();
}
