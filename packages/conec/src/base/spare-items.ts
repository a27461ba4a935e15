/**
 * What may be given up if somebody else needs the place: by holder, those first that have been there longest.
 *
 * @module
 */

/** See the module. Each item is its holder's, and a holder is any value. */
export class SpareItems<K, T> {
	readonly #byHolder: Map<K, Set<T>> = new Map();

	/** Items that may be given up. */
	get size(): number {
		let size = 0;
		for (const items of this.#byHolder.values()) size += items.size;
		return size;
	}

	/** From now on, an item may be given up. */
	add(holder: K, item: T): void {
		const items = this.#byHolder.get(holder);
		if (items === undefined) this.#byHolder.set(holder, new Set([item]));
		else items.add(item);
	}

	/** The item is needed, or gone. */
	delete(holder: K, item: T): void {
		const items = this.#byHolder.get(holder);
		if (items?.delete(item) && items.size === 0) this.#byHolder.delete(holder);
	}

	/** Of the holder that has most in all, as `held` says, and more than `least`: the item that has been here longest. It stays until {@link delete}. */
	victim(held: (holder: K) => number, least: number): T | undefined {
		let most = least;
		let found: Set<T> | undefined;
		for (const [holder, items] of this.#byHolder) {
			const count = held(holder);
			if (count <= most) continue;
			most = count;
			found = items;
		}
		const [item] = found ?? [];
		return item;
	}
}
