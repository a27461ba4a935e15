/**
 * What explains how pairs of Clients reach each other: which channels are up, what failed and is remembered, and what was given out. Only
 * for pairs of which both are connected. Either of a pair may change it, and the oldest are forgotten: nothing that is to hold against a
 * Client may rest on it.
 *
 * @module
 */

import { systemClock } from "../../base/clock.ts";
import { failureLifeMs } from "../../base/failure-life.ts";
import type { PathCandidate } from "../../session/path-report.ts";
import type { ChannelReport } from "../../wire/channel-messages.ts";
import type { WireAddress } from "../../wire/fields.ts";
import { canonicalIp } from "../../wire/ip-address.ts";

/** A channel that is up, as far as is known. */
export interface ReportedChannel {
	readonly token: string;
	readonly requester: string;
	readonly target: string;
	/** Where the target is, if its requester has said so. */
	readonly address?: WireAddress | undefined;
	readonly rttMs?: number | undefined;
}

/** The channel that one of the two reports as up. Where the target is, only its requester can say. */
export function reportedChannel(
	[requester, target]: readonly [requester: string, target: string],
	reporter: string,
	{ token, address, rttMs }: Pick<ChannelReport, "token" | "address" | "rttMs">,
): ReportedChannel {
	const seen = canonicalIp(address?.address ?? "");
	return {
		...{ token, requester, target },
		...(reporter !== requester || address === undefined || seen === undefined ? {} : { address: { address: seen, port: address.port } }),
		...(rttMs === undefined ? {} : { rttMs }),
	};
}

/** What is known of a pair. */
export interface PairFacts {
	readonly live: ReportedChannel | undefined;
	/** Of the latest attempt. */
	readonly reason: string;
	readonly since: Date;
	/** What the first of the two was given of the other. */
	readonly candidates: readonly PathCandidate[];
}

/** Pairs, at most so many: beyond that those without a live channel are forgotten first, the oldest before the others. */
export class PathReports {
	readonly #max: number;
	readonly #wallMs: () => number;
	/** Without a live channel, by both ids; the first is the one whose news is oldest. */
	readonly #quiet: Map<string, Pair> = new Map();
	readonly #live: Map<string, Pair> = new Map();
	readonly #byToken: Map<string, Pair> = new Map();
	readonly #byId: Map<string, Set<Pair>> = new Map();

	/** `max`: pairs that are kept. `wallMs`: the time that is shown. */
	constructor(max: number, wallMs: () => number = systemClock.wallMs) {
		this.#max = max;
		this.#wallMs = wallMs;
	}

	/** Pairs of which anything is kept. */
	get size(): number {
		return this.#quiet.size + this.#live.size;
	}

	/** Channels that are up. */
	get liveCount(): number {
		return this.#live.size;
	}

	/** Notes what an attempt gives out: to the requester of the target, and the other way round. */
	began(requester: string, target: string, toRequester: readonly PathCandidate[], toTarget: readonly PathCandidate[]): void {
		const pair = this.#note(requester, target, "an attempt is under way");
		pair.given = new Map([
			[requester, toRequester],
			[target, toTarget],
		]);
	}

	/** A channel is up; it replaces an older one of the pair. False: it was known. */
	up(channel: ReportedChannel): boolean {
		const known = this.#byToken.get(channel.token);
		if (known?.live !== undefined) {
			known.live = { ...channel, address: channel.address ?? known.live.address, rttMs: channel.rttMs ?? known.live.rttMs };
			return false;
		}
		const pair = this.#note(channel.requester, channel.target, "a direct channel is up");
		if (pair.live !== undefined) this.#byToken.delete(pair.live.token);
		pair.live = channel;
		pair.failures.clear();
		this.#quiet.delete(pair.key);
		this.#live.set(pair.key, pair);
		this.#byToken.set(channel.token, pair);
		return true;
	}

	/** An attempt has failed at `nowMs`; absent: that says nothing of the path, and is not remembered. A live channel of the pair stays, and nothing is noted then: false. */
	failed(requester: string, target: string, reason: string, nowMs?: number): boolean {
		const pair = this.#pair(requester, target);
		if (pair?.live !== undefined) return false;
		const { failures } = this.#note(requester, target, reason);
		const before = failures.get(requester) ?? { reason, count: 0, untilMs: Number.NEGATIVE_INFINITY };
		const count = before.count + 1;
		failures.set(requester, nowMs === undefined ? before : { reason, count, untilMs: nowMs + BELIEVED * failureLifeMs(count) });
		return true;
	}

	/** The requester is told that there is no way, whatever is said to be up: it is to hear when that may be otherwise. */
	refused(requester: string, target: string, reason: string): void {
		const known = this.#pair(requester, target);
		const { failures } = known?.live === undefined ? this.#note(requester, target, reason) : known;
		if (!failures.has(requester)) failures.set(requester, { reason, count: 0, untilMs: Number.NEGATIVE_INFINITY });
	}

	/** The live channel of this token. */
	liveOf(token: string): ReportedChannel | undefined {
		return this.#byToken.get(token)?.live;
	}

	/** A channel that was up is not any more. */
	down(token: string, reason: string): ReportedChannel | undefined {
		const pair = this.#byToken.get(token);
		const live = pair?.live;
		if (pair === undefined || live === undefined) return undefined;
		pair.live = undefined;
		this.#byToken.delete(token);
		this.#live.delete(pair.key);
		this.#quiet.set(pair.key, pair);
		this.#note(live.requester, live.target, reason);
		return live;
	}

	/** Why `auto` need not try again now, if so, and when it may. */
	remembered(requester: string, target: string, nowMs: number): { readonly reason: string; readonly retryAfterMs: number } | undefined {
		const failure = this.#pair(requester, target)?.failures.get(requester);
		if (failure === undefined || nowMs >= failure.untilMs) return undefined;
		return { reason: failure.reason, retryAfterMs: Math.ceil(failure.untilMs - nowMs) };
	}

	/** The network of this Client is another: failures with it are forgotten. Returns with whom it has had one, whoever asked: both sides remember it. */
	changed(id: string): string[] {
		const concerned: string[] = [];
		for (const pair of this.#byId.get(id) ?? []) {
			if (pair.failures.size > 0) concerned.push(otherOf(pair, id));
			pair.failures.clear();
		}
		return concerned;
	}

	/** This Client is gone: its pairs are forgotten. Returns what {@link changed} does. */
	left(id: string): string[] {
		const concerned = this.changed(id);
		for (const pair of [...(this.#byId.get(id) ?? [])]) this.#forget(pair);
		return concerned;
	}

	/** What is known of a pair; `candidates` are those that `own` was given. */
	facts(own: string, peer: string): PairFacts | undefined {
		const pair = this.#pair(own, peer);
		return pair === undefined ? undefined : { live: pair.live, reason: pair.reason, since: pair.since, candidates: pair.given.get(own) ?? [] };
	}

	/** Forgets everything. */
	clear(): void {
		for (const map of [this.#quiet, this.#live, this.#byToken, this.#byId]) map.clear();
	}

	#pair(a: string, b: string): Pair | undefined {
		const key = keyOf(a, b);
		return this.#live.get(key) ?? this.#quiet.get(key);
	}

	/** The pair with news, which makes it the youngest. */
	#note(a: string, b: string, reason: string): Pair {
		const key = keyOf(a, b);
		const pair = this.#pair(a, b) ?? this.#make(key, a, b);
		pair.reason = reason;
		pair.since = new Date(this.#wallMs());
		if (pair.live === undefined) {
			this.#quiet.delete(key);
			this.#quiet.set(key, pair);
		}
		return pair;
	}

	#make(key: string, a: string, b: string): Pair {
		if (this.size >= this.#max) {
			const oldest = this.#quiet.values().next().value ?? this.#live.values().next().value;
			if (oldest !== undefined) this.#forget(oldest);
		}
		const pair: Pair = { key, ids: [a, b], live: undefined, reason: "", since: new Date(this.#wallMs()), given: new Map(), failures: new Map() };
		for (const id of pair.ids) {
			const pairs = this.#byId.get(id) ?? new Set();
			pairs.add(pair);
			this.#byId.set(id, pairs);
		}
		return pair;
	}

	#forget(pair: Pair): void {
		this.#quiet.delete(pair.key);
		this.#live.delete(pair.key);
		if (pair.live !== undefined) this.#byToken.delete(pair.live.token);
		for (const id of pair.ids) {
			const pairs = this.#byId.get(id);
			pairs?.delete(pair);
			if (pairs?.size === 0) this.#byId.delete(id);
		}
	}
}

interface Pair {
	readonly key: string;
	readonly ids: readonly [string, string];
	live: ReportedChannel | undefined;
	reason: string;
	since: Date;
	given: ReadonlyMap<string, readonly PathCandidate[]>;
	/** By requester. */
	readonly failures: Map<string, { readonly reason: string; readonly count: number; readonly untilMs: number }>;
}

/** Part of the time for which a Client believes in a failure; it leaves a fifth of that to chance. */
const BELIEVED = 0.75;

/** Ids have no spaces. */
function keyOf(a: string, b: string): string {
	return a < b ? `${a} ${b}` : `${b} ${a}`;
}

function otherOf({ ids: [a, b] }: Pair, id: string): string {
	return a === id ? b : a;
}
