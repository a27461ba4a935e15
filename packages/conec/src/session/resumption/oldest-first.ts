/**
 * Things that are kept for a while, until newer ones need their place.
 *
 * @module
 */

/** So many are kept, and a quarter of them for one owner. */
export class OldestFirst<K, T> {
	readonly #most: number;
	readonly #all: Set<T> = new Set();
	readonly #byOwner: Map<K, Set<T>> = new Map();

	constructor(most: number) {
		this.#most = most;
	}

	/** How many are kept. */
	get size(): number {
		return this.#all.size;
	}

	/** Keeps one more, and gives the one that has to go for it: the oldest of that owner, or of all. {@link delete} forgets it. */
	add(owner: K, thing: T): T | undefined {
		this.#all.add(thing);
		const own = this.#byOwner.get(owner) ?? new Set();
		this.#byOwner.set(owner, own.add(thing));
		const [ownFirst] = own;
		const [first] = this.#all;
		if (own.size > Math.ceil(this.#most / 4)) return ownFirst;
		return this.#all.size > this.#most ? first : undefined;
	}

	/** Keeps it no more. */
	delete(owner: K, thing: T): void {
		const own = this.#byOwner.get(owner);
		if (!this.#all.delete(thing) || own === undefined) return;
		own.delete(thing);
		if (own.size === 0) this.#byOwner.delete(owner);
	}
}
