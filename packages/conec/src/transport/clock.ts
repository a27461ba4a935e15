/**
 * Time as a value, so that tests can step it.
 *
 * @module
 */

/** Where time and timers come from. */
export interface Clock {
	/** Milliseconds since some fixed moment; never goes back. */
	now(): number;
	/** Calls back once, after `delayMs`. */
	setTimeout(callback: () => void, delayMs: number): unknown;
	/** Forgets a timer; does nothing if it has fired. */
	clearTimeout(timer: unknown): void;
}

/** The machine's own time. */
export const systemClock: Clock = {
	now: () => performance.now(),
	setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
	clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
};
