/**
 * A number of places that many share. While there is plenty of room, everybody gets what they ask for. When it becomes scarce, those
 * who hold much get no more, so that the rest is there for those who hold little. Nobody loses a place that they have.
 *
 * @module
 */

/**
 * To whom a place counts: one key for each level, always in the same order, from the narrowest (an identity) to the widest (a network).
 * A level that is `undefined` does not count: the holder is exempt there.
 */
export type PoolKeys = readonly unknown[];

/** What a pool says to somebody who asks for a place. */
export type PoolVerdict =
	| "free"
	/** The rest is for those who hold less: this one, or its network, holds much already. */
	| "crowded"
	/** There is none left. */
	| "full";

/**
 * See the module. Pure: it knows no time, and counts what it is told.
 *
 * The rule is that of buffers that queues of a switch share (Choudhury and Hahne, "Dynamic queue length thresholds", 1998): who holds
 * `held` places gets another one while `held` is less than four times what is free. It follows that
 * - nobody is refused before four fifths of the pool are in use, as then `held` is at most four times what is free;
 * - who holds nothing gets a place until the pool is really full;
 * - `n` greedy holders leave 1/(4 n + 1) of the pool free, however many places each of them asks for.
 *
 * Who is alone in the pool has nobody to share it with, and may go on until a twentieth is free. That rest is there for the first who
 * comes from elsewhere. Pools of fewer than 20 places have no such rest.
 */
export class FairPool {
	readonly #capacity: number;
	readonly #shareAlone: number;
	readonly #held: Map<unknown, number>[] = [];
	#size = 0;

	/**
	 * @param capacity places in all
	 * @param alone whether somebody who has the pool alone may have nearly all of it. Say no where places are few and are waited for only briefly. @default true
	 */
	constructor(capacity: number, alone: boolean = true) {
		this.#capacity = capacity;
		this.#shareAlone = alone ? SHARE_ALONE : SHARE;
	}

	/** Places in use. */
	get size(): number {
		return this.#size;
	}

	/** Whether there is no place left, whoever asks. */
	get full(): boolean {
		return this.#size >= this.#capacity;
	}

	/** Places that a key holds, at whichever level it is. */
	heldBy(key: unknown): number {
		let most = 0;
		for (const held of this.#held) most = Math.max(most, held.get(key) ?? 0);
		return most;
	}

	/** Whether somebody may have another place. Nothing changes. */
	judge(keys: PoolKeys): PoolVerdict {
		const free = this.#capacity - this.#size;
		if (free <= 0) return "full";
		// Most often, and cheap: nobody can hold too much.
		if (free * SHARE >= this.#size + 1) return "free";
		for (let level = 0; level < keys.length; level++) {
			const held = this.#held[level]?.get(keys[level]) ?? 0;
			if (held > 0 && held >= free * (held === this.#size ? this.#shareAlone : SHARE)) return "crowded";
		}
		return "free";
	}

	/** Whether {@link judge} says "free". */
	takes(keys: PoolKeys): boolean {
		return this.judge(keys) === "free";
	}

	/** Takes a place, whatever {@link judge} says. */
	take(keys: PoolKeys): void {
		this.#size++;
		for (let level = 0; level < keys.length; level++) {
			const key = keys[level];
			if (key === undefined) continue;
			let held = this.#held[level];
			if (held === undefined) {
				while (this.#held.length <= level) this.#held.push(new Map());
				held = this.#held[level] as Map<unknown, number>;
			}
			held.set(key, (held.get(key) ?? 0) + 1);
		}
	}

	/** Gives back a place that was taken with the same keys. */
	giveBack(keys: PoolKeys): void {
		this.#size--;
		for (let level = 0; level < keys.length; level++) {
			const key = keys[level];
			const held = this.#held[level];
			if (key === undefined || held === undefined) continue;
			const left = (held.get(key) ?? 1) - 1;
			if (left <= 0) held.delete(key);
			else held.set(key, left);
		}
	}

	/** Keys that hold something, over all levels; for tests. */
	get keys(): number {
		return this.#held.reduce((sum, held) => sum + held.size, 0);
	}
}

/** Somebody may hold less than this many times what is free. */
const SHARE = 4;

/** The same where nobody else holds anything. */
const SHARE_ALONE = 19;
