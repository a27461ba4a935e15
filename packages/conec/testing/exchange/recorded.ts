/**
 * The machine of a stream with nothing around it: whatever it says is written down.
 *
 * @module
 */

import type { ConecError } from "../../src/errors.ts";
import type { CloseInfo } from "../../src/stream/close-info.ts";
import { Exchange, type ExchangeSink, type ExchangeWire } from "../../src/stream/exchange.ts";
import type { Subject } from "../../src/stream/failures.ts";
import { RESET_CODES } from "../../src/wire/codes.ts";
import { FRAME } from "../../src/wire/frames.ts";

export const SUBJECT: Subject = { peer: "bob", describe: 'stream 7 to "bob"', lostCode: "PEER_LOST" };

/** How long the answer may take in {@link recordedExchange}, which is opened at 0. */
export const ANSWER_MS = 1_000;

/** A machine and what it has said, oldest first. */
export interface RecordedExchange {
	readonly exchange: Exchange;
	readonly log: string[];
	/** What it has said of its end. */
	readonly ends: CloseInfo[];
}

/** A machine that has begun. What it says then is not in the log. */
export function recordedExchange(role: "opener" | "acceptor"): RecordedExchange {
	const log: string[] = [];
	const ends: CloseInfo[] = [];
	const say = (words: string): void => void log.push(words);
	const wire: ExchangeWire = {
		write(kind) {
			say(`write ${nameOfKind(kind)}`);
			return 1;
		},
		queuedBytes: 0,
		finish: () => say("write FIN"),
		reset: (code) => say(`reset ${nameOfCode(code)}`),
		stop: (code) => say(`stop ${nameOfCode(code)}`),
		consumed: () => say("credit"),
	};
	const sink: ExchangeSink = {
		receiving: {
			push: () => say("deliver"),
			finish: (outcome) => say(`read ${outcomeOf(outcome)}`),
			discard: (outcome) => say(`drop for ${outcomeOf(outcome)}`),
		},
		sending: {
			drained: () => say("room"),
			end: () => say("take no more"),
			fail: (error) => say(`fail sends ${outcomeOf(error)}`),
		},
		wakeAt: (ms) => say(ms === undefined ? "forget time" : `wake at ${ms}`),
		opened: () => say("opened"),
		refused: (error) => say(`refused ${outcomeOf(error)}`),
		acknowledged: () => say("acknowledged"),
		unacknowledged: (error) => say(`unacknowledged ${outcomeOf(error)}`),
		over(info) {
			say("over");
			ends.push(info);
		},
	};
	const exchange = new Exchange(role, SUBJECT, sink);
	if (role === "opener") exchange.open(wire, 0, ANSWER_MS);
	else exchange.accept(wire);
	log.length = 0;
	return { exchange, log, ends };
}

/** Name of a kind of frame, or its number. */
export function nameOfKind(kind: number): string {
	return Object.entries(FRAME).find(([, value]) => value === kind)?.[0] ?? `0x${kind.toString(16)}`;
}

/** Name of a reset code, or `APPLICATION`. */
export function nameOfCode(code: number): string {
	return Object.entries(RESET_CODES).find(([, value]) => value === code)?.[0] ?? "APPLICATION";
}

function outcomeOf(outcome: ConecError | null): string {
	return outcome === null ? "end" : outcome.code;
}
