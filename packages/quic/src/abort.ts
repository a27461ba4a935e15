/**
 * Abort signals of whoever calls: also those of another realm, and of polyfills that have no `reason` and no `throwIfAborted`.
 *
 * @module
 */

/** Who waits for an abort, by signal. A signal gets one listener of ours however many wait: Node warns of more than ten. */
const waiting = new WeakMap<AbortSignal, { readonly calls: Set<() => void>; readonly forget: () => void }>();

/** Calls back once when the signal aborts. Gives a function that takes this back. */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
	if (signal === undefined) return () => undefined;
	const call = (): void => callback();
	const { calls, forget } = waiting.get(signal) ?? listen(signal);
	calls.add(call);
	return () => {
		if (calls.delete(call) && calls.size === 0) forget();
	};
}

function listen(signal: AbortSignal): { readonly calls: Set<() => void>; readonly forget: () => void } {
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

/** Why the signal has aborted. */
export function reasonOf(signal: AbortSignal): unknown {
	return signal.reason ?? new DOMException("This operation was aborted", "AbortError");
}
