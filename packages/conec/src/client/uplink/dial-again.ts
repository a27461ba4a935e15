/**
 * A Coordinator that has as many unfinished handshakes as it bears turns the next ones away. When a thousand Clients start
 * at once, most are, so being turned away is no answer yet: they come again, not all at the same time.
 *
 * @module
 */

import { type Clock, systemClock } from "../../base/clock.ts";
import { type Random, systemRandom } from "../../base/random.ts";
import { deferred, onAbort, reasonOf } from "../../base/signals.ts";
import { isConecError } from "../../errors.ts";

/** What the pauses are made of. */
export interface PauseSource {
	readonly clock: Clock;
	readonly random: Random;
}

/**
 * Dials until it succeeds, or fails for another reason than being turned away (`LIMIT_EXCEEDED`). The pauses grow from 100 ms to
 * 1 s, each cut short at random.
 *
 * On abort it rejects with the reason; with `LIMIT_EXCEEDED` instead if it was turned away and `isDeadline(reason)`.
 */
export async function dialAgain<T>(
	dial: () => Promise<T>,
	signal: AbortSignal,
	isDeadline: (reason: unknown) => boolean,
	{ clock, random }: PauseSource = { clock: systemClock, random: systemRandom },
): Promise<T> {
	let turnedAway: unknown;
	for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(LONGEST_PAUSE_MS, 2 * pauseMs)) {
		try {
			return await dial();
		} catch (error) {
			if (signal.aborted) throw turnedAway !== undefined && isDeadline(reasonOf(signal)) ? turnedAway : error;
			if (!isConecError(error) || error.code !== "LIMIT_EXCEEDED") throw error;
			turnedAway = error;
		}
		await pause(pauseMs * (0.25 + 0.75 * random.fraction()), signal, clock);
		if (signal.aborted) throw isDeadline(reasonOf(signal)) ? turnedAway : reasonOf(signal);
	}
}

const FIRST_PAUSE_MS = 100;

const LONGEST_PAUSE_MS = 1_000;

/** Resolves after the time, or at once on abort. */
function pause(ms: number, signal: AbortSignal, clock: Clock): Promise<void> {
	const { promise, resolve } = deferred<void>();
	const timer = clock.setTimeout(resolve, ms);
	const forget = onAbort(signal, resolve);
	return promise.finally(() => {
		clock.clearTimeout(timer);
		forget();
	});
}
