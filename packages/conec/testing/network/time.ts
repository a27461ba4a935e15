/**
 * The time of a test network: the machine's own, or one that jumps from timer to timer.
 *
 * @module
 */

import { type Clock, systemClock } from "#conec/base/clock";
import { onAbort, reasonOf, throwIfAborted } from "#conec/base/signals";
import { argumentError, ConecError } from "#conec/errors";
import { createVirtualClock, turn, type VirtualClock } from "../memory/virtual-clock.ts";
import { type HiddenReads, watchHiddenReads } from "./hidden-reads.ts";

/** How time passes in a test network; see `TestNetworkOptions.time`. */
export type TimeMode = "auto" | "manual" | "real";

/** See the module. */
export interface NetworkTime {
	/** What everything in the network runs on. */
	readonly clock: Clock;
	/** Resolves when that much time has passed, and moves it there where it does not pass by itself. */
	advance(ms: number): Promise<void>;
	/** Lets time pass until the promise has settled. Rejects like the promise, or with `PEER_TIMEOUT` after `withinMs`. */
	run<T>(promise: Promise<T>, withinMs: number): Promise<T>;
	/** Resolves when that much time has passed, but does not move it. */
	sleep(ms: number, signal: AbortSignal | undefined): Promise<void>;
	/** No time passes any more. Everything that waits is rejected. */
	stop(error: ConecError): void;
}

/**
 * `startMs`: what the clock on the wall shows at first. `busy`: virtual time stands still while the process is at work at
 * something of that name, as Node says it: FSReqCallback, GetAddrInfoReqWrap, SIGNREQUEST.
 */
export function createTime(mode: TimeMode, startMs: number, busy: RegExp = /req/i): NetworkTime {
	return mode === "real" ? new RealTime() : new VirtualTime(mode === "auto", startMs, busy);
}

/** Waits that `stop` ends, in any time. */
class Waits {
	readonly #clock: Clock;
	readonly #rejects: Set<(error: ConecError) => void> = new Set();

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	/** The promise, unless the network is closed first. */
	async for<T>(promise: Promise<T>): Promise<T> {
		let reject: (error: ConecError) => void = () => undefined;
		const stopped = new Promise<never>((_, rejectStopped) => {
			reject = rejectStopped;
		});
		this.#rejects.add(reject);
		try {
			return await Promise.race([promise, stopped]);
		} finally {
			this.#rejects.delete(reject);
		}
	}

	/** Resolves after `ms`; rejects with `signal.reason`. */
	async sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
		checkMs(ms);
		throwIfAborted(signal);
		let timer: unknown;
		let forget: () => void = () => undefined;
		try {
			await this.for(
				new Promise<void>((resolve, reject) => {
					timer = this.#clock.setTimeout(resolve, ms);
					if (signal !== undefined) forget = onAbort(signal, () => reject(reasonOf(signal)));
				}),
			);
		} finally {
			this.#clock.clearTimeout(timer);
			forget();
		}
	}

	stop(error: ConecError): void {
		for (const reject of [...this.#rejects]) reject(error);
	}
}

class RealTime implements NetworkTime {
	readonly clock: Clock = systemClock;
	readonly #waits: Waits = new Waits(systemClock);

	advance(ms: number): Promise<void> {
		return this.sleep(ms, undefined);
	}

	async run<T>(promise: Promise<T>, withinMs: number): Promise<T> {
		if (withinMs === Number.POSITIVE_INFINITY) return await this.#waits.for(promise);
		let timer: unknown;
		const late = new Promise<never>((_, reject) => {
			timer = this.clock.setTimeout(() => reject(lateError(withinMs)), withinMs);
		});
		try {
			return await this.#waits.for(Promise.race([promise, late]));
		} finally {
			this.clock.clearTimeout(timer);
		}
	}

	sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
		return this.#waits.sleep(ms, signal);
	}

	stop(error: ConecError): void {
		this.#waits.stop(error);
	}
}

/** Somebody wants time to pass, but not beyond a moment. */
interface Goal {
	readonly endMs: number;
	readonly reached: () => void;
}

class VirtualTime implements NetworkTime {
	readonly clock: Clock;
	readonly #clock: VirtualClock;
	readonly #waits: Waits;
	readonly #reads: HiddenReads = watchHiddenReads();
	/** Time passes while there is one. */
	readonly #goals: Set<Goal> = new Set();
	#moves = false;

	constructor(byItself: boolean, startMs: number, busy: RegExp) {
		const clock = createVirtualClock({
			wallMs: startMs,
			settle: () => settle(() => this.#reads.pending > 0 || process.getActiveResourcesInfo().some((type) => busy.test(type))),
		});
		this.#clock = clock;
		if (byItself) this.#goals.add({ endMs: Number.POSITIVE_INFINITY, reached: () => undefined });
		const setTimer = (callback: () => void, delayMs: number): unknown => {
			const timer = clock.setTimeout(callback, delayMs);
			this.#wake();
			return timer;
		};
		this.clock = {
			now: () => clock.now(),
			wallMs: () => clock.wallMs(),
			setTimeout: setTimer,
			clearTimeout: (timer) => clock.clearTimeout(timer),
			soon: (callback) => void setTimer(callback, 0),
		};
		this.#waits = new Waits(this.clock);
	}

	async advance(ms: number): Promise<void> {
		checkMs(ms);
		await this.#waits.for(
			new Promise<void>((resolve) => {
				this.#want({ endMs: this.#clock.now() + ms, reached: resolve });
			}),
		);
	}

	async run<T>(promise: Promise<T>, withinMs: number): Promise<T> {
		let goal: Goal | undefined;
		const late = new Promise<never>((_, reject) => {
			goal = { endMs: this.#clock.now() + withinMs, reached: () => reject(lateError(withinMs)) };
			this.#want(goal);
		});
		try {
			return await this.#waits.for(Promise.race([promise, late]));
		} finally {
			if (goal !== undefined) this.#goals.delete(goal);
		}
	}

	sleep(ms: number, signal: AbortSignal | undefined): Promise<void> {
		return this.#waits.sleep(ms, signal);
	}

	stop(error: ConecError): void {
		this.#goals.clear();
		this.#reads.stop();
		this.#waits.stop(error);
	}

	#want(goal: Goal): void {
		this.#goals.add(goal);
		this.#wake();
	}

	#wake(): void {
		if (!this.#moves && this.#goals.size > 0) void this.#move();
	}

	/** One at a time. Ends when nobody wants time to pass, or when there is nothing that it could pass for. */
	async #move(): Promise<void> {
		this.#moves = true;
		try {
			do {
				await this.#clock.move(() => this.#endMs());
				for (const goal of [...this.#goals]) {
					if (goal.endMs > this.#clock.now()) continue;
					this.#goals.delete(goal);
					goal.reached();
				}
			} while (this.#goals.size > 0 && (this.#clock.nextInMs !== undefined || this.#endMs() !== Number.POSITIVE_INFINITY));
		} finally {
			this.#moves = false;
		}
	}

	/** The first moment at which somebody wants it to stop. */
	#endMs(): number | undefined {
		let endMs: number | undefined;
		for (const goal of this.#goals) endMs = Math.min(endMs ?? Number.POSITIVE_INFINITY, goal.endMs);
		return endMs;
	}
}

/** Everything that goes on in promises has come to rest, and the process is not busy. (What is done with files is several steps, between which nothing is to be seen.) */
async function settle(isBusy: () => boolean): Promise<void> {
	for (let idle = 0, busy = 0; idle < IDLE_TURNS; ) {
		await turn();
		if (!isBusy()) {
			idle++;
			continue;
		}
		idle = 0;
		// No event says that the process is idle again. Its threads need the core meanwhile, and a timer would itself be something that it waits for.
		if (++busy > EAGER_TURNS) Atomics.wait(NOTHING, 0, 0, PAUSE_MS);
	}
}

const IDLE_TURNS = 3;
/** What most files take. */
const EAGER_TURNS = 16;
const PAUSE_MS = 0.2;
/** Nobody ever wakes those that wait here. */
const NOTHING = new Int32Array(new SharedArrayBuffer(4));

function checkMs(ms: number): void {
	if (!(ms >= 0)) throw argumentError("range", "OPTION_INVALID", `Time moves forward only: it cannot move by ${String(ms)} ms`);
}

function lateError(withinMs: number): ConecError {
	return new ConecError("PEER_TIMEOUT", `Cannot wait any longer: the promise has not settled within ${withinMs} ms of the network's time`);
}
