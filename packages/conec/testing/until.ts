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
	/** Longer than it takes on a slow and busy machine, and less than what must not help: the idle limit ends connections after 15 s. @default 12_000 */
	readonly timeoutMs?: number;
	/** Between two looks. @default a few milliseconds */
	readonly pause?: () => Promise<void>;
}

/** Looks again and again until it is so. Fails after a while. */
export async function until(condition: () => boolean | Promise<boolean>, options: UntilOptions = {}): Promise<void> {
	const { what = String(condition), timeoutMs = 12_000, pause = shortly } = options;
	for (const end = performance.now() + timeoutMs; !(await condition()); ) {
		assert.ok(performance.now() < end, `not within ${timeoutMs} ms: ${what}`);
		await pause();
	}
}

/** A few milliseconds of the machine's time. */
export function shortly(): Promise<void> {
	return new Promise((resolve) => setTimeout(resolve, 5));
}
