/**
 * Time as a value: commands take it from their surroundings, so that a test can give them another one.
 *
 * @module
 */

/** Time. */
export interface Clock {
	/** Milliseconds that never go back. Only differences mean something. */
	nowMs(): number;
	/** The date and the time of day. */
	date(): Date;
	/** Calls back once, after so many milliseconds. A `background` timer alone does not keep the process. */
	after(delayMs: number, callback: () => void, how?: "background"): Timer;
}

/** A call that is still to come. */
export interface Timer {
	/** Cancels the call. Does nothing if it has come already. */
	cancel(): void;
}

/** Resolves after so many milliseconds. Rejects with the signal's reason when that is aborted. */
export async function delay(clock: Clock, delayMs: number, signal: AbortSignal): Promise<void> {
	signal.throwIfAborted();
	await new Promise<void>((resolve, reject) => {
		const abort = (): void => {
			timer.cancel();
			reject(signal.reason);
		};
		const timer = clock.after(delayMs, () => {
			signal.removeEventListener("abort", abort);
			resolve();
		});
		signal.addEventListener("abort", abort, { once: true });
	});
}
