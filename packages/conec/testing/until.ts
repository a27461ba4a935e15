/**
 * Waiting in tests for what has no event of its own.
 *
 * @module
 */

import assert from "node:assert/strict";

/** How {@link until} looks. */
export interface UntilOptions {
	/** What is waited for, where the condition does not say it itself. */
	readonly what?: string;
	/**
	 * Less than what must not help: the idle limit ends connections after 15 s. A machine that is so busy that this process can look but seldom has longer.
	 * @default 12_000
	 */
	readonly timeoutMs?: number;
	/** Between two looks. @default a few milliseconds */
	readonly pause?: () => Promise<void>;
}

/** Looks again and again until it is so. Fails after a while. */
export async function until(condition: () => boolean | Promise<boolean>, options: UntilOptions = {}): Promise<void> {
	const { what = String(condition), timeoutMs = 12_000, pause = shortly } = options;
	const started = performance.now();
	for (let looks = 0; !(await condition()); looks++) {
		const [ms, enough] = [performance.now() - started, timeoutMs / LOOK_MS];
		assert.ok(ms < timeoutMs || (looks < enough && ms < PATIENCE * timeoutMs), `not within ${timeoutMs} ms: ${what}`);
		await pause();
	}
}

/** Two looks are seldom that far apart where the machine has time for this process. */
const LOOK_MS = 20;
/** How many times as long a busy machine may take. */
const PATIENCE = 8;

/** A few milliseconds of the machine's time. */
export function shortly(): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, 5));
}
