/**
 * Takes the steps of a run: each has a deadline, one that fails says why, and the run ends in time.
 *
 * @module
 */

import type { Failure, Outcome, Step } from "./outcome.ts";

/** What a step gives. */
export type Measured = Omit<Step, "curve" | "x">;

/** A whole run takes no longer. What is not begun then has failed. */
export const RUN_SECONDS = 600;
/** What is kept for the end of a run. */
const END_SECONDS = 15;

/** See above. */
export class Recorder {
	readonly outcome: Outcome = { steps: [], failures: [], skipped: [] };
	readonly #now: () => number;
	readonly #untilMs: number;
	readonly #log: (line: string) => void;

	/** `now`: milliseconds of a clock that only goes forward. */
	constructor(log: (line: string) => void, now: () => number = () => performance.now(), seconds: number = RUN_SECONDS) {
		this.#log = log;
		this.#now = now;
		this.#untilMs = now() + (seconds - END_SECONDS) * 1_000;
	}

	/** Seconds that a step that begins now may take. */
	left(seconds: number): number {
		return Math.min(seconds, (this.#untilMs - this.#now()) / 1_000);
	}

	/** Takes a step in at most so many seconds. Whether it gave figures; if not, its processes may still be at it and are to be ended. */
	async step(curve: string, x: number, seconds: number, work: () => Promise<Measured>): Promise<boolean> {
		const measured = await this.within(seconds, work, (reason) => this.fail({ curve, x, reason }));
		if (measured === undefined) return false;
		this.outcome.steps.push({ curve, x, ...measured });
		this.#log(`${curve} ${x}: ${textOf(measured.values)}`);
		return true;
	}

	/** Does some work in at most so many seconds. `undefined` if it failed, and `failed` has the reason. */
	async within<T>(seconds: number, work: () => Promise<T>, failed: (reason: string) => void): Promise<T | undefined> {
		const left = this.left(seconds);
		if (left <= 0) {
			failed(`no time was left: a run takes at most ${RUN_SECONDS} s`);
			return undefined;
		}
		let timer: NodeJS.Timeout | undefined;
		const late = new Promise<never>((_, reject) => {
			timer = setTimeout(() => reject(new Error(`it took longer than ${Math.round(left)} s`)), left * 1_000);
		});
		const working = work();
		// It may fail after its deadline, when nobody listens.
		working.catch(() => undefined);
		try {
			return await Promise.race([working, late]);
		} catch (error) {
			failed((error as Error).message.split("\n")[0] ?? "");
			return undefined;
		} finally {
			clearTimeout(timer);
		}
	}

	/** A step has no figures. */
	fail(failure: Failure): void {
		this.outcome.failures.push(failure);
		this.#log(`${failure.curve} ${failure.x} failed: ${failure.reason}`);
	}

	/** Curves cannot be measured here. */
	skip(what: string, reason: string): void {
		this.outcome.skipped.push({ what, reason });
		this.#log(`skipping ${what}: ${reason}`);
	}
}

function textOf(values: Readonly<Record<string, number>>): string {
	return Object.entries(values)
		.map(([name, value]) => `${name} ${Number(value.toPrecision(4))}`)
		.join(", ");
}
