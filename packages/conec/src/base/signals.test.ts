import assert from "node:assert/strict";
import { getEventListeners } from "node:events";
import { test } from "node:test";
import { createVirtualClock } from "../../testing/memory/virtual-clock.ts";
import { abortable, deferred, inTime, linkedAbort, onAbort, quietlyDeferred, within } from "./signals.ts";

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
