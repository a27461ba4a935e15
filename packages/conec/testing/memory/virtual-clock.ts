/**
 * A clock that stands still until a test moves it.
 *
 * @module
 */

import type { Clock } from "#conec/base/clock";
import { argumentError, ConecError } from "#conec/errors";

interface VirtualTimer {
	readonly at: number;
	/** Breaks ties: timers of one moment fire in the order they were set. */
	readonly order: number;
	readonly callback: () => void;
	set: boolean;
}

/** See {@link createVirtualClock}. */
export interface VirtualClock extends Clock {
	/** Timers that are set. */
	readonly pending: number;
	/** How long until the first of them; `undefined` without one. */
	readonly nextInMs: number | undefined;
	/**
	 * Moves time forward, firing each timer at its moment; between two timers everything that was already going on in
	 * promises runs to its end, and between two moments immediates do, too. Timers set on the way fire if they are due.
	 *
	 * Calls at the same time follow each other, each to the moment that it meant when it was made. Rejects with what a timer's callback throws.
	 */
	advance(ms: number): Promise<void>;
	/**
	 * Moves time forward until the promise has settled, and gives what it gives. Time stops at the very moment.
	 *
	 * Rejects like the promise, or with `PEER_TIMEOUT` if it has not settled after `withinMs`.
	 */
	until<T>(promise: Promise<T>, withinMs: number): Promise<T>;
	/**
	 * Moves time forward from moment to moment, as far as `end` says. It is asked before each step, when everything has had its
	 * turn; `undefined` stops. With `Infinity` it stops where no timer is left.
	 */
	move(end: () => number | undefined): Promise<void>;
}

/** How a virtual clock begins. */
export interface VirtualClockOptions {
	/** What {@link Clock.wallMs} is at first. @default 2026-01-01T00:00:00Z */
	readonly wallMs?: number;
	/** Turns of the event loop between two moments, beside the one in which timers fire. None is needed where nothing but promises and this clock is at work. @default 2, so that what an immediate schedules as an immediate has run as well */
	readonly turns?: number;
	/** Resolves when everything that is going on has had its turn. @default after `turns` turns of the event loop */
	readonly settle?: () => Promise<void>;
}

/** A clock at 0 that only {@link VirtualClock.advance} and {@link VirtualClock.until} move. */
export function createVirtualClock(options: VirtualClockOptions = {}): VirtualClock {
	const { wallMs = Date.UTC(2026, 0, 1), turns = 2 } = options;
	const timers = new TimerHeap();
	let now = 0;
	let order = 0;
	let moving: Promise<void> = Promise.resolve();
	const setTimer = (callback: () => void, delayMs: number): VirtualTimer => {
		const timer: VirtualTimer = { at: now + Math.max(0, delayMs), order: order++, callback, set: true };
		timers.push(timer);
		return timer;
	};
	/** Calls when everything has had its turn. Callbacks, as there are thousands of moments, and each would take a dozen promises. */
	const settle = (atLeast: number, then: () => void, failed: (error: unknown) => void): void => {
		if (options.settle === undefined) afterTurns(Math.max(atLeast, turns), then);
		else options.settle().then(then).catch(failed);
	};
	const move = async (end: () => number | undefined): Promise<void> => {
		const moved = moving.then(() => new Promise<void>((done, failed) => settle(1, () => moveOn(end, done, failed), failed)));
		moving = moved.catch(() => undefined);
		await moved;
	};
	/** `end` throws nothing. */
	const moveOn = (end: () => number | undefined, done: () => void, failed: (error: unknown) => void): void => {
		const endMs = end();
		if (endMs === undefined) return done();
		const first = timers.peek();
		if (first === undefined || first.at > endMs) {
			if (endMs < Number.POSITIVE_INFINITY) now = Math.max(now, endMs);
			return done();
		}
		now = Math.max(now, first.at);
		const fire = turns === 0 && options.settle === undefined ? fireOnPromises : fireInTurns;
		fire(timers.take(now), (error) => {
			if (error !== undefined) failed(error.thrown);
			else settle(0, () => moveOn(end, done, failed), failed);
		});
	};
	return {
		now: () => now,
		wallMs: () => wallMs + Math.floor(now),
		setTimeout: setTimer,
		clearTimeout(timer) {
			if (timer !== undefined) timers.forget(timer as VirtualTimer);
		},
		soon: (callback) => void setTimer(callback, 0),
		get pending() {
			return timers.size;
		},
		get nextInMs() {
			const first = timers.peek();
			return first === undefined ? undefined : Math.max(0, first.at - now);
		},
		async advance(ms) {
			if (!(ms >= 0)) throw argumentError("range", "OPTION_INVALID", "Time moves forward only");
			const endMs = now + ms;
			await move(() => endMs);
		},
		async until(promise, withinMs) {
			let settled = false;
			const settles = (): void => {
				settled = true;
			};
			promise.then(settles, settles);
			const endMs = now + withinMs;
			await move(() => (settled ? undefined : endMs));
			if (!settled) throw new ConecError("PEER_TIMEOUT", `Cannot wait any longer: nothing has settled within ${withinMs} ms of virtual time`);
			return await promise;
		},
		move,
	};
}

/** The machine's own, also where a test puts its timers in the place of those. */
const immediate: (callback: () => void) => void = setImmediate;

/** A turn of the event loop. */
export function turn(): Promise<void> {
	return new Promise((resolve) => immediate(resolve));
}

function afterTurns(turns: number, then: () => void): void {
	if (turns === 0) then();
	else immediate(() => afterTurns(turns - 1, then));
}

/** `undefined`: no callback has thrown. */
type Fired = (error: { readonly thrown: unknown } | undefined) => void;

/**
 * Calls the timers of one moment, each in a turn of its own, so that promises run to their end in between; `then` comes after the last of them and its promises.
 * Nothing is called of those that another one forgets.
 */
function fireInTurns(due: readonly VirtualTimer[], then: Fired): void {
	let failed: { readonly thrown: unknown } | undefined;
	for (const timer of due) {
		immediate(() => {
			failed = call(timer) ?? failed;
		});
	}
	immediate(() => then(failed));
}

/** The same without the event loop, which costs as much as what most timers do. */
function fireOnPromises(due: readonly VirtualTimer[], then: Fired): void {
	let failed: { readonly thrown: unknown } | undefined;
	let index = 0;
	const next = (): void => {
		const timer = due[index++];
		if (timer === undefined) return then(failed);
		failed = call(timer) ?? failed;
		afterPromises(next);
	};
	next();
}

/** Calls when all promises have run to their end: Node calls what `nextTick` is given when no more of them wait. */
function afterPromises(then: () => void): void {
	queueMicrotask(() => process.nextTick(then));
}

function call(timer: VirtualTimer): { readonly thrown: unknown } | undefined {
	if (!timer.set) return undefined;
	timer.set = false;
	try {
		timer.callback();
		return undefined;
	} catch (error) {
		return { thrown: error };
	}
}

/** Timers by their moments: a binary heap. Forgotten ones stay in it until they are on top, or are the greater part. */
class TimerHeap {
	#heap: VirtualTimer[] = [];
	#forgotten = 0;
	/** Taken, but not fired yet. */
	#taken: VirtualTimer[] = [];

	get size(): number {
		return this.#heap.length - this.#forgotten + this.#taken.filter((timer) => timer.set).length;
	}

	push(timer: VirtualTimer): void {
		const heap = this.#heap;
		let at = heap.length;
		heap.push(timer);
		while (at > 0) {
			const parent = (at - 1) >> 1;
			if (!isBefore(timer, heap[parent] as VirtualTimer)) break;
			heap[at] = heap[parent] as VirtualTimer;
			at = parent;
		}
		heap[at] = timer;
	}

	/** The earliest one that is set. */
	peek(): VirtualTimer | undefined {
		while (this.#heap[0]?.set === false) {
			this.#pop();
			this.#forgotten--;
		}
		return this.#heap[0];
	}

	/** All of a moment that has come, in their order. */
	take(now: number): readonly VirtualTimer[] {
		this.#taken = [];
		for (let first = this.peek(); first !== undefined && first.at <= now; first = this.peek()) this.#taken.push(this.#pop());
		return this.#taken;
	}

	forget(timer: VirtualTimer): void {
		if (!timer.set) return;
		timer.set = false;
		if (this.#taken.includes(timer)) return;
		this.#forgotten++;
		if (this.#forgotten < 64 || this.#forgotten < this.#heap.length / 2) return;
		const kept = this.#heap.filter((one) => one.set);
		this.#heap = [];
		this.#forgotten = 0;
		for (const one of kept) this.push(one);
	}

	#pop(): VirtualTimer {
		const heap = this.#heap;
		const first = heap[0] as VirtualTimer;
		const last = heap.pop() as VirtualTimer;
		if (heap.length === 0) return first;
		let at = 0;
		for (let child = 1; child < heap.length; child = 2 * at + 1) {
			const right = heap[child + 1];
			if (right !== undefined && isBefore(right, heap[child] as VirtualTimer)) child++;
			if (!isBefore(heap[child] as VirtualTimer, last)) break;
			heap[at] = heap[child] as VirtualTimer;
			at = child;
		}
		heap[at] = last;
		return first;
	}
}

function isBefore(one: VirtualTimer, other: VirtualTimer): boolean {
	return one.at < other.at || (one.at === other.at && one.order < other.order);
}
