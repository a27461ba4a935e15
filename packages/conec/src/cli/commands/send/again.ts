/**
 * `conec send --resume` comes again by itself when the receiver was started again. A connection that is lost is no reason: the stream outlives it,
 * unless the receiver's version of conec knows no such streams.
 *
 * @module
 */

import { type ConecError, type ConecErrorCode, isConecError } from "../../../index.ts";
import type { CommandContext } from "../../command-line/index.ts";
import { APPLICATION_CODES } from "../../connecting/index.ts";
import { CliError } from "../../outcome/index.ts";
import { delay, type Timer } from "../../surroundings/index.ts";
import { printable, quoted } from "../../text/index.ts";
import { durationText } from "../../words/index.ts";

/** Losses of one command. The help says it. */
const MOST_LOSSES = 100;
/** The first wait after a loss, and the longest. Milliseconds. */
const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 15_000;

/** One attempt at a transfer. */
export interface Attempt {
	readonly isFirst: boolean;
	/** For what waits before the transfer begins: the interruption, or that it takes too long after a loss. */
	readonly signal: AbortSignal;
	/** The transfer begins: a loss from now on is a new one. `false`: it could not go on after one. */
	begins(canGoOn: boolean): void;
}

/** Whose attempts they are. */
export interface Trying {
	readonly peer: string;
	/** So long after a loss another attempt may begin, in milliseconds. */
	readonly patienceMs: number;
	/** Whether there can be no other attempt. */
	readonly isOver: () => boolean;
}

/** Attempts until one does not end with a loss. Rejects with the error of the last one, or the interruption. */
export async function tryAgain<Value>(
	{ peer, patienceMs, isOver }: Trying,
	context: CommandContext,
	attempt: (attempt: Attempt) => Promise<Value>,
): Promise<Value> {
	const { output, signal, surroundings } = context;
	const { clock, random } = surroundings;
	const returns = new Returns(patienceMs);
	let given: AbortSignal = signal;
	let deadline: Timer | undefined;
	for (;;) {
		let begun: boolean | undefined;
		const begins = (canGoOn: boolean): void => {
			deadline?.cancel();
			begun = canGoOn;
		};
		try {
			return await attempt({ isFirst: returns.losses === 0, signal: given, begins });
		} catch (error) {
			deadline?.cancel();
			signal.throwIfAborted();
			if (given.aborted) throw given.reason;
			const cause = lossOf(error, begun !== undefined);
			const waitMs = cause === undefined || begun === false || isOver() ? undefined : returns.waitMs(clock.nowMs(), begun === true);
			if (waitMs === undefined) throw returns.losses === 0 ? error : gaveUp(error);
			const jitteredMs = Math.round(waitMs * (0.75 + (random(1)[0] ?? 0) / 1_024));
			output.event("again", { code: cause?.code, durationMs: jitteredMs });
			const why = cause === undefined ? "" : lossText(peer, cause);
			// One line for a loss; what follows until the peer is reached is no news.
			if (begun === true) output.note(`${why}; trying again for up to ${durationText(patienceMs)}`, "warn");
			else output.note(`${why}; trying again`, "debug");
			await delay(clock, jitteredMs, signal);
			const late = new AbortController();
			deadline = clock.after(returns.leftMs(clock.nowMs()), () => late.abort(gaveUp(error)), "background");
			given = AbortSignal.any([signal, late.signal]);
		}
	}
}

/** When the next attempt is. Pure. */
export class Returns {
	losses = 0;
	readonly #patienceMs: number;
	#lostAtMs = 0;
	#waitMs = FIRST_WAIT_MS;

	constructor(patienceMs: number) {
		this.#patienceMs = patienceMs;
	}

	/** How long to wait after an attempt that has ended; `begun`: its transfer had begun. `undefined`: there is no other attempt. */
	waitMs(nowMs: number, begun: boolean): number | undefined {
		if (begun) {
			this.losses += 1;
			this.#lostAtMs = nowMs;
			this.#waitMs = FIRST_WAIT_MS;
		} else {
			this.#waitMs = Math.min(LONGEST_WAIT_MS, 2 * this.#waitMs);
		}
		const isOver = this.losses === 0 || this.losses > MOST_LOSSES || this.#waitMs >= this.leftMs(nowMs);
		return isOver ? undefined : this.#waitMs;
	}

	/** Until it is too late for an attempt. */
	leftMs(nowMs: number): number {
		return Math.max(0, this.#lostAtMs + this.#patienceMs - nowMs);
	}
}

/** What was lost, if that is why it ended. An end that somebody wanted is none, but for a receiver that was interrupted: it may be restarted. */
function lossOf(error: unknown, hasBegun: boolean): ConecError | undefined {
	const cause = error instanceof CliError ? error.cause : error;
	if (!isConecError(cause)) return undefined;
	const { code, closeCode } = cause;
	if (LOSSES.includes(code)) return cause;
	if (hasBegun) return ENDS.includes(code) && closeCode === APPLICATION_CODES.cancelled ? cause : undefined;
	// The receiver may not know yet that the last transfer is over.
	return NOT_REACHED.includes(code) || (ENDS.includes(code) && closeCode === APPLICATION_CODES.busy) ? cause : undefined;
}

function lossText(peer: string, { message, closeCode }: ConecError): string {
	return closeCode === APPLICATION_CODES.cancelled ? `${quoted(peer)} was interrupted` : printable(message);
}

const LOSSES: readonly ConecErrorCode[] = [
	"RESUME_UNKNOWN",
	"RESUME_EXPIRED",
	"COORDINATOR_LOST",
	"COORDINATOR_CLOSED",
	"CONNECTION_LOST",
	"PEER_LOST",
	"CHANNEL_CLOSED",
	"STREAM_TRUNCATED",
];
const ENDS: readonly ConecErrorCode[] = ["STREAM_RESET", "STREAM_STOPPED"];
const NOT_REACHED: readonly ConecErrorCode[] = ["LIMIT_EXCEEDED", "PEER_UNKNOWN", "PEER_BUSY", "PEER_TIMEOUT", "DIRECT_UNAVAILABLE"];

function gaveUp(error: unknown): unknown {
	if (!(error instanceof Error)) return error;
	const hint = "It was tried again in vain. The same command goes on where it stopped.";
	return error instanceof CliError ? new CliError(error.exitCode, error.message, hint, error.cause) : error;
}
