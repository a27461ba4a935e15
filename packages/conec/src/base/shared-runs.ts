/**
 * One after the other, and never more than one that waits.
 *
 * @module
 */

/** Calls made while a run is under way share the one after it: what a call asked for is in that run, and nothing piles up. */
export class SharedRuns<T> {
	readonly #work: () => Promise<T>;
	#running: Promise<T> | undefined;
	#next: Promise<T> | undefined;

	/** `work` looks at what is wanted when it starts. */
	constructor(work: () => Promise<T>) {
		this.#work = work;
	}

	/** Settles as a run that begins now or later. */
	run(): Promise<T> {
		if (this.#running === undefined) return this.#start();
		if (this.#next === undefined) {
			const start = (): Promise<T> => {
				this.#next = undefined;
				return this.#start();
			};
			this.#next = this.#running.then(start, start);
		}
		return this.#next;
	}

	#start(): Promise<T> {
		const running = this.#work();
		this.#running = running;
		const over = (): void => {
			// Whoever waits goes on at once, and has its place already.
			if (this.#next === undefined) this.#running = undefined;
		};
		running.then(over, over);
		return running;
	}
}
