/**
 * At most so many tasks at once. Starting one more waits.
 *
 * @module
 */

/** A bounded set of running tasks. The first failure is kept and thrown by every later call. */
export class TaskSlots {
	readonly #limit: number;
	readonly #running = new Set<Promise<void>>();
	#failure: { readonly error: unknown } | undefined;

	constructor(limit: number) {
		this.#limit = limit;
	}

	/** Resolves once the task has been started. Rejects with the failure of an earlier task. */
	async start(task: () => Promise<void>): Promise<void> {
		while (this.#running.size >= this.#limit) await Promise.race(this.#running);
		this.#throwFailure();
		const running: Promise<void> = task().then(
			() => {
				this.#running.delete(running);
			},
			(error: unknown) => {
				this.#running.delete(running);
				this.#failure ??= { error };
			},
		);
		this.#running.add(running);
	}

	/** Resolves when no task runs, also after a failure. */
	async settled(): Promise<void> {
		while (this.#running.size > 0) await Promise.all(this.#running);
	}

	/** Resolves when no task runs; rejects if one failed. */
	async finish(): Promise<void> {
		await this.settled();
		this.#throwFailure();
	}

	#throwFailure(): void {
		if (this.#failure !== undefined) throw this.#failure.error;
	}
}
