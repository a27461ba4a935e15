/**
 * Time as a value, so that tests can step it.
 *
 * @module
 */

/** Where time and timers come from. */
export interface Clock {
	/** Milliseconds since some fixed moment; never goes back. For how long things take. */
	now(): number;
	/** Milliseconds since 1970, which somebody may set back. For times that are shown or kept, and for dates of certificates. */
	wallMs(): number;
	/** Calls back once, after `delayMs`. */
	setTimeout(callback: () => void, delayMs: number): unknown;
	/** Forgets a timer; does nothing if it has fired. */
	clearTimeout(timer: unknown): void;
	/** Calls back once, before time passes, when everything that is already going on has had its turn. */
	soon(callback: () => void): void;
}

/** The machine's own time. */
export const systemClock: Clock = {
	now: () => performance.now(),
	wallMs: () => Date.now(),
	setTimeout: (callback, delayMs) => setTimeout(callback, delayMs),
	clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout),
	soon: (callback) => void setImmediate(callback),
};

/** The same, with timers that do not keep the process alive. */
export const backgroundClock: Clock = {
	...systemClock,
	setTimeout: (callback, delayMs) => setTimeout(callback, delayMs).unref(),
};
