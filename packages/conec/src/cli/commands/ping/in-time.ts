/**
 * Waiting that has an end.
 *
 * @module
 */

import type { Clock } from "../../surroundings/index.ts";

/**
 * What `work` comes to, or `"late"` if that takes longer than `limitMs`. The signal that `work` gets is aborted then, and with the
 * same reason when `signal` is. Rejects as `work` does.
 */
export async function inTime<Value>(
	clock: Clock,
	limitMs: number,
	signal: AbortSignal,
	work: (signal: AbortSignal) => Promise<Value>,
): Promise<Value | "late"> {
	signal.throwIfAborted();
	const controller = new AbortController();
	const late = Symbol("late");
	const onAbort = (): void => controller.abort(signal.reason);
	// No AbortSignal.any: in Node 20 the long-lived signal keeps something of each.
	signal.addEventListener("abort", onAbort, { once: true });
	const timer = clock.after(limitMs, () => controller.abort(late));
	try {
		return await work(controller.signal);
	} catch (error) {
		if (error === late) return "late";
		throw error;
	} finally {
		timer.cancel();
		signal.removeEventListener("abort", onAbort);
	}
}
