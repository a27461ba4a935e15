/**
 * Which pairs of a memory network cannot reach each other.
 *
 * @module
 */

/** See the module. A pair may be parted more than once, and passes again when each time is over. */
export class Partitions<T> {
	readonly #counts: Map<T, Map<T, number>> = new Map();

	/** Whether nothing keeps the two apart. */
	passes(one: T, other: T): boolean {
		return this.#counts.get(one)?.has(other) !== true;
	}

	/** Parts two. True: they were not parted before. */
	part(one: T, other: T): boolean {
		return this.#add(one, other, 1) === 1;
	}

	/** Takes that back. True: they are not parted any more. */
	join(one: T, other: T): boolean {
		return this.#add(one, other, -1) === 0;
	}

	#add(one: T, other: T, change: 1 | -1): number {
		const count = (this.#counts.get(one)?.get(other) ?? 0) + change;
		this.#set(one, other, count);
		this.#set(other, one, count);
		return count;
	}

	#set(from: T, to: T, count: number): void {
		const row = this.#counts.get(from) ?? new Map<T, number>();
		if (count === 0) row.delete(to);
		else row.set(to, count);
		if (row.size === 0) this.#counts.delete(from);
		else this.#counts.set(from, row);
	}
}
