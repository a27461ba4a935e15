/**
 * Waiting that has an end.
 *
 * @module
 */

/**
 * What `work` comes to, or `"late"` if that takes longer than `limitMs`. The signal that `work` gets is aborted then, and with the
 * same reason when `signal` is. Rejects as `work` does.
 */
export async function inTime<Value>(limitMs: number, signal: AbortSignal, work: (signal: AbortSignal) => Promise<Value>): Promise<Value | "late"> {
	signal.throwIfAborted();
	const controller = new AbortController();
	const late = Symbol("late");
	const onAbort = (): void => controller.abort(signal.reason);
	// No AbortSignal.any: in Node 20 the long-lived signal keeps something of each.
	signal.addEventListener("abort", onAbort, { once: true });
	const timer = setTimeout(() => controller.abort(late), limitMs);
	try {
		return await work(controller.signal);
	} catch (error) {
		if (error === late) return "late";
		throw error;
	} finally {
		clearTimeout(timer);
		signal.removeEventListener("abort", onAbort);
	}
}
