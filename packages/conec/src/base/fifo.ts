/**
 * First in, first out.
 *
 * @module
 */

const INITIAL_SLOTS = 4;
const NO_SLOTS: undefined[] = [];

/** A queue on a ring, so that taking the first costs the same whatever waits behind it. Its users bound its length. */
export class Fifo<T> {
	/** None at first: most queues of most streams stay empty. */
	#slots: (T | undefined)[] = NO_SLOTS;
	#head = 0;
	#length = 0;

	get length(): number {
		return this.#length;
	}

	/** The first item, which stays. */
	peek(): T | undefined {
		return this.#length === 0 ? undefined : this.#slots[this.#head];
	}

	push(item: T): void {
		if (this.#length === this.#slots.length) {
			this.#resize(Math.max(INITIAL_SLOTS, this.#length * 2));
		}
		this.#slots[(this.#head + this.#length) & (this.#slots.length - 1)] = item;
		this.#length++;
	}

	/** Takes the first item; `undefined` if there is none. */
	shift(): T | undefined {
		if (this.#length === 0) {
			return undefined;
		}
		const item = this.#slots[this.#head];
		this.#slots[this.#head] = undefined;
		this.#head = (this.#head + 1) & (this.#slots.length - 1);
		this.#length--;
		return item;
	}

	/** Takes the first `most` items, or all if there are fewer. */
	take(most: number): T[] {
		const count = Math.min(most, this.#length);
		const mask = this.#slots.length - 1;
		const taken: T[] = new Array(count);
		for (let index = 0; index < count; index++) {
			const slot = (this.#head + index) & mask;
			taken[index] = this.#slots[slot] as T;
			this.#slots[slot] = undefined;
		}
		this.#head = (this.#head + count) & mask;
		this.#length -= count;
		return taken;
	}

	/** Takes out one item, wherever it waits; false if it is not here. */
	remove(item: T): boolean {
		const mask = this.#slots.length - 1;
		for (let index = 0; index < this.#length; index++) {
			if (this.#slots[(this.#head + index) & mask] !== item) {
				continue;
			}
			for (let later = index; later < this.#length - 1; later++) {
				this.#slots[(this.#head + later) & mask] = this.#slots[(this.#head + later + 1) & mask];
			}
			this.#length--;
			this.#slots[(this.#head + this.#length) & mask] = undefined;
			return true;
		}
		return false;
	}

	/** Drops the last items, so that at most `most` stay. */
	truncate(most: number): void {
		const mask = this.#slots.length - 1;
		while (this.#length > most) {
			this.#length--;
			this.#slots[(this.#head + this.#length) & mask] = undefined;
		}
	}

	clear(): void {
		this.#slots = NO_SLOTS;
		this.#head = 0;
		this.#length = 0;
	}

	#resize(slots: number): void {
		const moved: (T | undefined)[] = new Array(slots).fill(undefined);
		for (let index = 0; index < this.#length; index++) {
			moved[index] = this.#slots[(this.#head + index) & (this.#slots.length - 1)];
		}
		this.#slots = moved;
		this.#head = 0;
	}
}
