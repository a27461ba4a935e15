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

/** Whether a value can serve as an `AbortSignal`. It may be of another realm (`vm`, jsdom, Jest), or of a polyfill. */
export function isAbortSignal(value: unknown): value is AbortSignal {
	if (typeof value !== "object" || value === null) return false;
	const { aborted, addEventListener, removeEventListener } = value as Partial<AbortSignal>;
	return typeof aborted === "boolean" && typeof addEventListener === "function" && typeof removeEventListener === "function";
}

interface Waiting {
	readonly calls: Set<() => void>;
	/** Takes the listener away. */
	readonly forget: () => void;
}

/** Who waits for an abort, by signal. A signal gets one listener of ours however many wait: Node warns of more than ten. */
const waiting = new WeakMap<AbortSignal, Waiting>();

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
	// Two waits may share a callback.
	const call = (): void => callback();
	const { calls, forget } = waiting.get(signal) ?? listen(signal);
	calls.add(call);
	return () => {
		if (calls.delete(call) && calls.size === 0) forget();
	};
}

function listen(signal: AbortSignal): Waiting {
	const calls = new Set<() => void>();
	const forget = (): void => {
		signal.removeEventListener("abort", aborted);
		if (waiting.get(signal)?.calls === calls) waiting.delete(signal);
	};
	const aborted = (): void => {
		forget();
		for (const call of calls) {
			calls.delete(call);
			call();
		}
	};
	const made = { calls, forget };
	signal.addEventListener("abort", aborted);
	waiting.set(signal, made);
	return made;
}

const reasons = new WeakMap<AbortSignal, DOMException>();

/** Why the signal has aborted: its own reason. Older polyfills have none, and get one that stays the same. */
export function reasonOf(signal: AbortSignal): unknown {
	if (signal.reason !== undefined) return signal.reason;
	const made = reasons.get(signal) ?? new DOMException("This operation was aborted", "AbortError");
	reasons.set(signal, made);
	return made;
}

/** Throws the reason if the signal has aborted. */
export function throwIfAborted(signal: AbortSignal | undefined): void {
	if (signal?.aborted === true) throw reasonOf(signal);
}

/** Settles like the promise, or rejects with `signal.reason` when that comes first. What the promise does afterwards has no effect. */
export function abortable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
	if (signal === undefined) return promise;
	return new Promise<T>((resolve, reject) => {
		const done = onAbort(signal, () => reject(reasonOf(signal)));
		promise.then(resolve, reject).finally(done);
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
	const unlink = onAbort(other, () => controller.abort(other === undefined ? undefined : reasonOf(other)));
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
