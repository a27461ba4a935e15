/** What a full run of the lab measures, what it has to come to, and whether it did. Pure. */

import type { NatKind } from "../nat-kind.ts";
import { median, percentile } from "./figures.ts";

/** What the theory has for a pair: a direct channel; one by prediction of the next port; none, so a proxied stream; no connection at all. */
export type Expectation = "direct" | "predicted" | "proxied" | "blocked";

/** Direct channels, except with `predicted`. */
export const DIRECT_MS = 1_500;
export const PROXIED_MS = 3_000;
export const CONNECT_MS = 10_000;
export const BIRTHDAY_MS = 8_000;
/** Transfers after a fault, and channels after the discovery that one is dead; 95 of 100. */
export const GO_ON_MS = 3_000;
export const DETECTION_MS = 15_000;
/** A first direct stream or channel where nothing is in its way: 250 ms, and ten times the 100 ms there and back. */
export const BRISK_MS = 1_250;
/** From the end of a trouble to the next direct stream. */
export const RECOVERED_MS = 35_000;
/** For all pairs of a crowd. */
export const CROWD_MS = 60_000;
/** Share of tries that has to succeed where luck is in it. */
export const LUCKY_SHARE = 0.95;
/** Throughput of a direct stream, of raw quinn's. */
export const THROUGHPUT_SHARE = 0.8;

/** Another port for another address or port. */
const HARD: readonly NatKind[] = ["adm", "sym", "symseq"];
/** Only an address and port that was sent to gets in. */
const FILTERS: readonly NatKind[] = ["fw", "port", "reject", "masq", "eim"];

/** Of a dialling Client behind `a` and one that answers behind `b`. */
export function expectationOf(a: NatKind, b: NatKind): Expectation {
	if (a === "blocked" || b === "blocked") return "blocked";
	const hard = [a, b].filter((kind) => HARD.includes(kind));
	if (hard.length === 2) return "proxied";
	const filters = [a, b].some((kind) => FILTERS.includes(kind));
	if (hard.length === 0 || !filters) return "direct";
	return hard[0] === "symseq" ? "predicted" : "proxied";
}

/** One try. */
export interface Try {
	/** As expected, whatever it took. */
	readonly ok: boolean;
	readonly ms: number;
	/** Why it is not ok. */
	readonly note?: string;
}
export interface Pair {
	readonly a: NatKind;
	readonly b: NatKind;
	readonly tries: readonly Try[];
}
/** One side behind `sym`, both with the option. */
export interface Birthday {
	readonly name: string;
	readonly tries: readonly Try[];
}
/** Tries of one thing, each of which has to come to what is expected within so many milliseconds. */
export interface Case {
	readonly name: string;
	readonly expectation: "direct" | "proxied";
	readonly limitMs: number;
	readonly tries: readonly Try[];
}
/** Many Clients at once. */
export interface Crowd {
	readonly name: "stream" | "channel";
	readonly pairs: number;
	/** Of them, those that can have a direct channel. */
	readonly able: number;
	/** When those of them that have one had it, in milliseconds since the start. */
	readonly direct: readonly number[];
	/** Others that had one all the same. */
	readonly unexpected: number;
	readonly note?: string;
}
export interface FaultRow {
	readonly name: string;
	readonly side: "dialling" | "accepting";
	readonly tries: readonly FaultTry[];
}
/** How one went; see `FaultOutcome`. */
export interface FaultTry {
	readonly problem?: string;
	readonly late?: string;
	readonly pauseMs?: number;
	readonly detectionMs?: number;
	readonly againMs?: number;
}
/** Mbit/s by round; `correct`: every byte arrived. */
export interface Throughput {
	readonly rttMs: number;
	readonly lossPercent: number;
	readonly direct: readonly number[];
	readonly quinn: readonly number[];
	readonly correct: boolean;
	readonly note?: string;
}

/** Text for a table, and whether the figure is reached. */
export interface Verdict {
	readonly met: boolean;
	readonly text: string;
}

export function judgePair({ a, b, tries }: Pair): Verdict {
	const expectation = expectationOf(a, b);
	const limitMs = { direct: DIRECT_MS, predicted: Number.POSITIVE_INFINITY, proxied: PROXIED_MS, blocked: CONNECT_MS }[expectation];
	return judgeTries(tries, limitMs, expectation === "predicted" ? LUCKY_SHARE : 1);
}

export function judgeBirthday({ tries }: Birthday): Verdict {
	return judgeTries(tries, BIRTHDAY_MS, LUCKY_SHARE);
}

export function judgeCase({ tries, limitMs }: Case): Verdict {
	return judgeTries(tries, limitMs, 1);
}

export function judgeCrowd({ able, direct }: Crowd): Verdict {
	const inTime = direct.filter((ms) => ms <= CROWD_MS).length;
	const last = direct.length < able ? "the last one" : "all";
	const spread = direct.length === 0 ? "" : `, half of them after ${seconds(median(direct))} s, ${last} after ${seconds(Math.max(...direct))} s`;
	return { met: able > 0 && inTime >= able, text: `${inTime} of ${able}${spread}` };
}

const seconds = (ms: number): string => (ms / 1_000).toFixed(1);

function judgeTries(tries: readonly Try[], limitMs: number, share: number): Verdict {
	const good = tries.filter(({ ok, ms }) => ok && ms <= limitMs);
	const times = tries.filter(({ ok }) => ok).map(({ ms }) => ms);
	const spread = times.length === 0 ? "" : `, ${Math.round(median(times))} ms, at most ${Math.round(Math.max(...times))}`;
	return { met: tries.length > 0 && good.length >= tries.length * share, text: `${good.length}/${tries.length}${spread}` };
}

/** None may have a problem, or on the accepting side be silent for longer than a discovery may take; of the other times 95 of 100 have to be short. */
export function judgeFault({ side, tries }: FaultRow): Verdict {
	const silent = ({ pauseMs = 0, detectionMs = 0 }: FaultTry): boolean => side === "accepting" && Math.max(pauseMs, detectionMs) > DETECTION_MS;
	const bad = tries.filter((one) => one.problem !== undefined || silent(one)).length;
	const texts = [`${tries.length - bad}/${tries.length}`];
	for (const [name, of] of [
		["pause", "pauseMs"],
		["discovery", "detectionMs"],
		["next channel", "againMs"],
	] as const) {
		const values = tries.flatMap((one) => (one[of] === undefined ? [] : [one[of]]));
		if (values.length > 0) texts.push(`${name} ${Math.round(median(values))} ms, p95 ${Math.round(percentile(values, 0.95))}`);
	}
	const decisive = tries.map((one) => (side === "dialling" ? one.pauseMs : one.againMs) ?? 0);
	return { met: tries.length > 0 && bad === 0 && percentile(decisive, 0.95) <= GO_ON_MS, text: texts.join("; ") };
}

export function judgeThroughput({ direct, quinn, correct }: Throughput): Verdict {
	const ratio = median(direct) / median(quinn);
	return { met: correct && ratio >= THROUGHPUT_SHARE, text: `${median(direct).toFixed(2)} of ${median(quinn).toFixed(2)} Mbit/s, ${ratio.toFixed(2)}` };
}
