import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { createVirtualClock } from "../../testing/memory/virtual-clock.ts";
import { abortable, deferred, inTime, isAbortSignal, linkedAbort, onAbort, quietlyDeferred, reasonOf, throwIfAborted, within } from "./signals.ts";

const never = (): Promise<never> => new Promise(() => undefined);
const listenersOf = (signal: AbortSignal): number => getEventListeners(signal, "abort").length;

test("deferred: is settled from outside, once; a quiet one may be rejected unheard", async () => {
	const one = deferred<number>();
	one.resolve(1);
	one.reject(new Error("late"));
	assert.equal(await one.promise, 1);
	const quiet = quietlyDeferred<void>();
	quiet.reject(new RangeError("no"));
	await new Promise((resolve) => setImmediate(resolve));
	await assert.rejects(quiet.promise, RangeError);
});

test("on abort: calls back once, at once if it is too late already, and not after it was taken back", () => {
	const called: string[] = [];
	const abort = new AbortController();
	onAbort(abort.signal, () => called.push("first"));
	const forget = onAbort(abort.signal, () => called.push("forgotten"));
	forget();
	forget();
	onAbort(undefined, () => called.push("no signal"))();
	abort.abort();
	onAbort(abort.signal, () => called.push("late"))();
	assert.deepEqual(called, ["first", "late"]);
	assert.equal(listenersOf(abort.signal), 0);
});

test("abortable: settles like the promise, or with the signal's own reason, and leaves no listener", async () => {
	const abort = new AbortController();
	assert.equal(await abortable(Promise.resolve(1), abort.signal), 1);
	await assert.rejects(abortable(Promise.reject(new RangeError("no")), abort.signal), RangeError);
	assert.equal(await abortable(Promise.resolve(2), undefined), 2);
	assert.equal(listenersOf(abort.signal), 0);
	const late = deferred<number>();
	const waiting = abortable(late.promise, abort.signal);
	abort.abort("enough");
	await assert.rejects(waiting, (reason) => reason === "enough");
	await assert.rejects(abortable(never(), abort.signal), (reason) => reason === "enough");
	// Nobody waits for it any more, and its failure troubles nobody.
	late.reject(new Error("late"));
	await new Promise((resolve) => setImmediate(resolve));
});

test("linked abort: aborts with the other's reason or its own, and not after it was unlinked", () => {
	const other = new AbortController();
	const [linked, alone, unlinked, free] = [linkedAbort(other.signal), linkedAbort(other.signal), linkedAbort(other.signal), linkedAbort(undefined)];
	unlinked.unlink();
	alone.abort("mine");
	assert.equal(other.signal.aborted, false);
	other.abort("theirs");
	free.abort("free");
	free.unlink();
	assert.deepEqual(
		[linked, alone, unlinked, free].map(({ signal }) => signal.reason),
		["theirs", "mine", undefined, "free"],
	);
	assert.equal(linkedAbort(other.signal).signal.reason, "theirs", "it was too late");
	assert.equal(listenersOf(other.signal), 0);
});

test("in time: settles like the promise, or is late at its moment; no timer is left", async () => {
	const clock = createVirtualClock();
	const late = (): Error => new RangeError("late");
	assert.equal(await inTime(Promise.resolve(1), 10, late, clock), 1);
	await assert.rejects(inTime(Promise.reject(new TypeError("no")), 10, late, clock), TypeError);
	assert.equal(clock.pending, 0);
	const waiting = inTime(never(), 10, late, clock);
	waiting.catch(() => undefined);
	await clock.advance(9);
	assert.equal(clock.pending, 1);
	await clock.advance(1);
	await assert.rejects(waiting, RangeError);
});

test("within: waits for the promise, and not for ever", async () => {
	await within(60_000, Promise.resolve());
	const started = performance.now();
	await within(20, new Promise(() => undefined));
	assert.ok(performance.now() - started >= 19);
});

test("within: what the promise rejects with is heard, and no timer is left", async () => {
	const clock = createVirtualClock();
	await assert.rejects(within(10, Promise.reject(new TypeError("no")), clock), TypeError);
	assert.equal(clock.pending, 0);
});

test("on abort: a signal gets one listener, however many wait for it, and none when nobody does", () => {
	const abort = new AbortController();
	const called: number[] = [];
	const callback = (): void => void called.push(0);
	const forgets = Array.from({ length: 50 }, (_, i) => onAbort(abort.signal, i < 2 ? callback : () => called.push(i)));
	assert.equal(listenersOf(abort.signal), 1);
	for (const forget of forgets) forget();
	assert.equal(listenersOf(abort.signal), 0);
	const kept = [onAbort(abort.signal, callback), onAbort(abort.signal, callback)];
	kept[0]?.();
	abort.abort();
	assert.deepEqual(called, [0], "each wait is taken back alone");
});

test("on abort: who is taken back by another's callback is not called, and who comes during the abort is called", () => {
	const abort = new AbortController();
	const called: string[] = [];
	onAbort(abort.signal, () => {
		called.push("first");
		forget();
		onAbort(abort.signal, () => called.push("during"));
	});
	const forget = onAbort(abort.signal, () => called.push("second"));
	onAbort(abort.signal, () => called.push("third"));
	abort.abort();
	assert.deepEqual(called, ["first", "during", "third"]);
});

/** As an older polyfill has it: no `reason`, no `throwIfAborted`, and no options of listeners. */
class OldSignal {
	aborted = false;
	readonly listeners: (() => void)[] = [];
	addEventListener(_type: string, listener: () => void): void {
		this.listeners.push(listener);
	}
	removeEventListener(_type: string, listener: () => void): void {
		const at = this.listeners.indexOf(listener);
		if (at >= 0) this.listeners.splice(at, 1);
	}
	abort(): void {
		this.aborted = true;
		for (const listener of [...this.listeners]) listener();
	}
}

test("signals of a polyfill: serve like any other, and their abort has one reason", async () => {
	const old = new OldSignal();
	const signal = old as unknown as AbortSignal;
	assert.ok(isAbortSignal(signal));
	throwIfAborted(signal);
	const linked = linkedAbort(signal);
	const waits = Array.from({ length: 20 }, () => abortable(never(), signal));
	assert.equal(old.listeners.length, 1);
	old.abort();
	const reasons = (await Promise.allSettled(waits)).map((result) => (result as PromiseRejectedResult).reason as Error);
	assert.equal(old.listeners.length, 0);
	assert.equal(reasons[0]?.name, "AbortError");
	assert.deepEqual(new Set([...reasons, linked.signal.reason, reasonOf(signal)]).size, 1);
	assert.throws(() => throwIfAborted(signal), { name: "AbortError" });
	await assert.rejects(abortable(never(), signal), (reason) => reason === reasons[0]);
});

test("signals: a reason of one's own is kept as it is, and what is no signal is not taken for one", () => {
	for (const reason of [null, 0, "", "enough", new RangeError("enough")]) {
		const abort = new AbortController();
		abort.abort(reason);
		assert.equal(reasonOf(abort.signal), reason);
	}
	throwIfAborted(undefined);
	const none = [null, undefined, 1, "signal", {}, new AbortController(), new EventTarget(), { aborted: false }, { aborted: false, onabort: null }];
	for (const value of none) assert.equal(isAbortSignal(value), false);
});
