/**
 * Things that wait, each of them somebody's.
 *
 * @module
 */

/** Serves the owners in turn, and the things of one owner in the order in which they came. It is bounded in all and for each owner. */
export class FairQueue<K, T> {
	readonly #most: number;
	readonly #mostEach: number;
	/** The owner whose turn is next comes first. */
	readonly #owners: Map<K, Set<T>> = new Map();
	#length = 0;

	/** @param mostEach how many may wait for one owner. @default as many as in all */
	constructor(most: number, mostEach: number = most) {
		this.#most = most;
		this.#mostEach = mostEach;
	}

	/** How many wait. */
	get length(): number {
		return this.#length;
	}

	/** How many wait for one owner. */
	lengthOf(owner: K): number {
		return this.#owners.get(owner)?.size ?? 0;
	}

	/** Lets a thing wait. False: there is no room for it. */
	push(owner: K, thing: T): boolean {
		const own = this.#owners.get(owner);
		if (this.#length >= this.#most || (own?.size ?? 0) >= this.#mostEach) return false;
		if (own === undefined) this.#owners.set(owner, new Set([thing]));
		else own.add(thing);
		this.#length++;
		return true;
	}

	/** Takes the next thing. Owners for whom `may` says no keep their turn. */
	shift(may: (owner: K) => boolean = () => true): T | undefined {
		for (const [owner, own] of this.#owners) {
			if (!may(owner)) continue;
			const [thing] = own as Iterable<T>;
			this.#owners.delete(owner);
			own.delete(thing as T);
			this.#length--;
			if (own.size > 0) this.#owners.set(owner, own);
			return thing;
		}
		return undefined;
	}

	/** Takes one thing out, wherever it waits. False: it is not here. */
	remove(owner: K, thing: T): boolean {
		const own = this.#owners.get(owner);
		if (own === undefined || !own.delete(thing)) return false;
		this.#length--;
		if (own.size === 0) this.#owners.delete(owner);
		return true;
	}

	/** Takes out all that `which` chooses. */
	removeAll(which: (thing: T) => boolean = () => true): T[] {
		const chosen: T[] = [];
		for (const [owner, own] of [...this.#owners]) for (const thing of [...own]) if (which(thing) && this.remove(owner, thing)) chosen.push(thing);
		return chosen;
	}
}
