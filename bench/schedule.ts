/**
 * The order of measurements. Pure.
 *
 * @module
 */

/**
 * Round-robin over `names`, `rounds` times, every other round backwards: a machine that slows down or is disturbed for
 * a while touches subjects and references alike, and none is always the one that follows the same neighbour.
 */
export function interleave(names: readonly string[], rounds: number): string[] {
	const order: string[] = [];
	for (let round = 0; round < rounds; round++) {
		order.push(...(round % 2 === 0 ? names : [...names].reverse()));
	}
	return order;
}
