/**
 * Order among things that take time.
 *
 * @module
 */

/** What is given to it may be ready in any order and is finished in the order in which it was given. */
export class Turns {
	#last: Promise<unknown> = Promise.resolve();
	#waiting = 0;

	/** How many wait for their turn: if none, who is ready may go on at once. */
	get waiting(): number {
		return this.#waiting;
	}

	/** Resolves once all that were given before have been. */
	get idle(): Promise<unknown> {
		return this.#last;
	}

	/** Calls `finish` with what `work` gives, when it is its turn, and resolves as that does. The next has its turn as soon as `finish` was called. */
	take<V, R>(work: Promise<V>, finish: (value: V) => R | Promise<R>): Promise<R> {
		this.#waiting++;
		// Its failure is reported when it is its turn.
		work.catch(() => {});
		const turn = this.#last
			.then(() => work)
			.then(
				(value) => {
					this.#waiting--;
					return { finished: finish(value) };
				},
				(error: unknown) => {
					this.#waiting--;
					throw error;
				},
			);
		this.#last = turn.catch(() => {});
		return turn.then(({ finished }) => finished);
	}
}
