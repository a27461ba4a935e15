/**
 * Works ahead on the next items while the current one is used, in order.
 *
 * @module
 */

/**
 * Starts `work` for up to `width` items beyond the one being used and yields the results in the order of the items.
 * Ending early waits for what was started. `work` must not reject and must not leave anything to release in its result.
 */
export async function* orderedAhead<Item, Result>(
	items: AsyncIterable<Item>,
	width: number,
	work: (item: Item) => Promise<Result>,
): AsyncGenerator<Result, void, void> {
	const ring: Promise<Result>[] = [];
	const iterator = items[Symbol.asyncIterator]();
	try {
		for (let exhausted = false; ; ) {
			while (!exhausted && ring.length < width) {
				const next = await iterator.next();
				if (next.done === true) exhausted = true;
				else ring.push(work(next.value));
			}
			const first = ring.shift();
			if (first === undefined) return;
			yield await first;
		}
	} finally {
		await iterator.return?.();
		await Promise.allSettled(ring);
	}
}
