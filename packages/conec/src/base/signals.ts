/**
 * Help for waits that may be given up: promises that are settled from outside, abort signals, and deadlines.
 *
 * @module
 */

import { type Clock, systemClock } from "./clock.ts";

/** A promise and its two ends. */
export interface Deferred<T> {
	readonly promise: Promise<T>;
	readonly resolve: (value: T | PromiseLike<T>) => void;
	readonly reject: (reason: unknown) => void;
}

/** A promise that is settled from outside. */
export function deferred<T>(): Deferred<T> {
	let resolve: Deferred<T>["resolve"] = () => undefined;
	let reject: Deferred<T>["reject"] = () => undefined;
	const promise = new Promise<T>((one, other) => {
		resolve = one;
		reject = other;
	});
	return { promise, resolve, reject };
}

/** Like {@link deferred}, but a rejection that nobody handles is no error of the process. */
export function quietlyDeferred<T>(): Deferred<T> {
	const made = deferred<T>();
	made.promise.catch(() => undefined);
	return made;
}

/**
 * Calls back once when the signal aborts, or at once if it has aborted. Without a signal it never calls back.
 *
 * @returns a function that takes this back. Call it when the wait is over, as signals may live long
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
	if (signal === undefined) return () => undefined;
	if (signal.aborted) {
		callback();
		return () => undefined;
	}
	signal.addEventListener("abort", callback, { once: true });
	return () => signal.removeEventListener("abort", callback);
}

/** Settles like the promise, or rejects with `signal.reason` when that comes first. What the promise does afterwards has no effect. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
	if (signal === undefined) return promise;
	return new Promise<T>((resolve, reject) => {
		const forget = onAbort(signal, () => reject(signal.reason as Error));
		promise.then(resolve, reject).finally(forget);
	});
}

/** A signal of one's own that aborts with another one. */
export interface LinkedAbort {
	readonly signal: AbortSignal;
	/** Aborts it alone, not the other. */
	readonly abort: (reason: unknown) => void;
	/** From now on the other one has no effect on it. */
	readonly unlink: () => void;
}

/** Aborts with the reason of `other`, or with its own. Unlink it when the work is over. */
export function linkedAbort(other: AbortSignal | undefined): LinkedAbort {
	const controller = new AbortController();
	const unlink = onAbort(other, () => controller.abort(other?.reason));
	return { signal: controller.signal, abort: (reason) => controller.abort(reason), unlink };
}

/** Settles like the promise, or rejects with what `late` makes after `timeoutMs`. */
export async function inTime<T>(promise: Promise<T>, timeoutMs: number, late: () => unknown, clock: Clock = systemClock): Promise<T> {
	const { promise: expired, reject } = deferred<never>();
	const timer = clock.setTimeout(() => reject(late()), timeoutMs);
	try {
		return await Promise.race([promise, expired]);
	} finally {
		clock.clearTimeout(timer);
	}
}

/** Waits for the promise, at most so long. Rejects only if the promise does. */
export async function within(timeoutMs: number, promise: Promise<unknown>, clock: Clock = systemClock): Promise<void> {
	const { promise: expired, resolve } = deferred<void>();
	const timer = clock.setTimeout(resolve, timeoutMs);
	try {
		await Promise.race([promise, expired]);
	} finally {
		clock.clearTimeout(timer);
	}
}
