/**
 * The attempts at direct channels that are under way. Knows nothing of connections or messages: a session is any value. Pure: takes the time.
 *
 * @module
 */

import { FairPool, type PoolKeys } from "../../base/fair-pool.ts";
import type { CoordinatorLimits } from "../../limits.ts";
import type { ChannelRefusedCode } from "../../wire/channel-messages.ts";

/** The bounds of a {@link Broker}. */
export type BrokerLimits = Pick<CoordinatorLimits, "attemptsPerClient" | "attemptsPerMinute" | "requestTimeoutMs">;

/** One attempt. */
export interface BrokeredAttempt<S, D> {
	/** Single use: names the attempt, and is the key of its datagrams. */
	readonly token: string;
	readonly requester: S;
	readonly target: S;
	/** The requester's number. */
	readonly request: number;
	/** What the requester said. */
	readonly details: D;
	/** `asked`: the target's answer is waited for. `gone`: both have been told to begin. */
	state: "asked" | "gone";
	/** When both were told to begin. */
	goneAtMs: number;
	/** When it is over, whatever its state. */
	expiresAtMs: number;
	/** Uses the birthday method. */
	birthday: boolean;
	/** Who has said what became of it. */
	readonly reported: Set<S>;
	/** What the first report says; `up` wins over `failed`. */
	outcome: "up" | "failed" | undefined;
}

/** What {@link Broker.ask} says. */
export type Asked<S, D> =
	/** `madeWay`: another attempt, which is over now, as its place was needed. */
	| { readonly type: "asked"; readonly attempt: BrokeredAttempt<S, D>; readonly madeWay?: BrokeredAttempt<S, D> | undefined }
	| { readonly type: "refused"; readonly code: ChannelRefusedCode; readonly reason: string; readonly retryAfterMs: number };

/** Who asks whom for what. */
export interface Ask<S, D> {
	readonly requester: S;
	readonly target: S;
	/** None that {@link Broker.isLive}. */
	readonly request: number;
	readonly details: D;
	/** Fresh random; nobody may guess it. */
	readonly token: string;
}

/** Pending attempts, by their tokens. */
export class Broker<S, D = undefined> {
	readonly #limits: BrokerLimits;
	readonly #attempts: Map<string, BrokeredAttempt<S, D>> = new Map();
	readonly #sessions: Map<S, Part<S, D>> = new Map();
	readonly #keysOf: (session: S) => PoolKeys;

	/** `keysOf`: to whom the attempts of a requester count. */
	constructor(limits: BrokerLimits, keysOf: (session: S) => PoolKeys = (session) => [session]) {
		this.#limits = limits;
		this.#keysOf = keysOf;
	}

	/** Attempts under way. */
	get size(): number {
		return this.#attempts.size;
	}

	/** Sessions of which anything is kept. */
	get sessions(): number {
		return this.#sessions.size;
	}

	/**
	 * Counts a request of this session, whatever becomes of it. `undefined`: it may go on. Else there have been too many within a minute: when there is room.
	 * Those for which nobody was asked cost little, and honest Clients repeat what there is no room for just now; so there may be many more of them.
	 */
	refusedForMs(session: S, nowMs: number): number | undefined {
		const part = this.#part(session);
		if (nowMs >= part.minuteStartedAtMs + MINUTE_MS) {
			part.minuteStartedAtMs = nowMs;
			part.requestsInMinute = 0;
		}
		part.requestsInMinute++;
		while (part.askedAtMs.length > 0 && (part.askedAtMs[0] as number) <= nowMs - MINUTE_MS) part.askedAtMs.shift();
		const { attemptsPerMinute } = this.#limits;
		if (part.requestsInMinute > attemptsPerMinute * REQUESTS_PER_ATTEMPT) return Math.ceil(part.minuteStartedAtMs + MINUTE_MS - nowMs);
		if (part.askedAtMs.length < attemptsPerMinute) return undefined;
		return Math.ceil((part.askedAtMs[0] ?? nowMs) + MINUTE_MS - nowMs);
	}

	/** Whether the number is that of a live request of this session. */
	isLive(session: S, request: number): boolean {
		return this.#sessions.get(session)?.requests.has(request) ?? false;
	}

	/** Begins an attempt. */
	ask({ requester, target, request, details, token }: Ask<S, D>, nowMs: number): Asked<S, D> {
		const [own, other] = [this.#part(requester), this.#part(target)];
		for (const before of own.requests.values()) {
			if (before.target !== target) continue;
			// It may be over for the requester, which then need not wait for the other side's word.
			if (!before.reported.has(requester)) return refused("LIMIT_EXCEEDED", "there is an attempt to reach this peer already");
			this.#remove(before);
		}
		// Over for one of the two, it takes no place there, though the other has not said so yet.
		const owns = countOf(own.requests.values(), requester);
		if (owns >= this.#limits.attemptsPerClient) return refused("LIMIT_EXCEEDED", `there are ${owns} attempts of this Client already`);
		const asks = this.#asksOf(target, other);
		const room = asks.judge(this.#keysOf(requester));
		const madeWay = room === "full" ? this.#makeWay(requester, target, other, asks, nowMs) : undefined;
		if (room === "full" && madeWay === undefined) return refused("PEER_BUSY", `there are ${asks.size} attempts to reach this peer already`);
		if (room === "crowded") return refused("PEER_BUSY", `there are ${asks.size} attempts to reach this peer, many of them from this key or network`);
		own.askedAtMs.push(nowMs);
		const expiresAtMs = nowMs + this.#limits.requestTimeoutMs;
		const attempt: BrokeredAttempt<S, D> = {
			...{ token, requester, target, request, details },
			state: "asked",
			goneAtMs: Number.POSITIVE_INFINITY,
			expiresAtMs,
			birthday: false,
			reported: new Set(),
			outcome: undefined,
		};
		this.#attempts.set(token, attempt);
		own.requests.set(request, attempt);
		other.asks.add(attempt);
		return { type: "asked", attempt, madeWay };
	}

	/** The attempt that this session answers; `undefined`: it was not asked, or has answered, or it is too late. */
	answered(token: string, session: S, nowMs: number): BrokeredAttempt<S, D> | undefined {
		const attempt = this.#attempts.get(token);
		return attempt?.target === session && attempt.state === "asked" && nowMs < attempt.expiresAtMs ? attempt : undefined;
	}

	/** Both begin; they have `lifeMs`. */
	go(attempt: BrokeredAttempt<S, D>, nowMs: number, lifeMs: number, birthday: boolean): void {
		attempt.state = "gone";
		attempt.goneAtMs = nowMs;
		attempt.birthday = birthday;
		attempt.expiresAtMs = nowMs + lifeMs + REPORT_GRACE_MS;
	}

	/** The other sides of the attempts that this session is in, where they have not reported yet. */
	partnersOf(session: S): S[] {
		const { requests = new Map<number, BrokeredAttempt<S, D>>(), asks = new Set<BrokeredAttempt<S, D>>() } = this.#sessions.get(session) ?? {};
		const partners = [...requests.values(), ...asks].flatMap(({ requester, target, reported }) => {
			const partner = requester === session ? target : requester;
			return reported.has(partner) ? [] : [partner];
		});
		return [...new Set(partners)];
	}

	/** Whether this session is in an attempt that uses the birthday method. */
	inBirthday(session: S): boolean {
		const part = this.#sessions.get(session);
		if (part === undefined) return false;
		const uses = (attempt: BrokeredAttempt<S, D>): boolean => attempt.birthday && !attempt.reported.has(session);
		return [...part.requests.values()].some(uses) || [...part.asks].some(uses);
	}

	/** The begun attempt of which this session reports, once; `undefined`: it is in none of that token. Over when both have reported. */
	report(token: string, session: S): BrokeredAttempt<S, D> | undefined {
		const attempt = this.#attempts.get(token);
		if (attempt?.state !== "gone" || (attempt.requester !== session && attempt.target !== session) || attempt.reported.has(session)) return undefined;
		attempt.reported.add(session);
		if (attempt.reported.has(attempt.requester) && attempt.reported.has(attempt.target)) this.#remove(attempt);
		return attempt;
	}

	/** Ends an attempt. */
	end(attempt: BrokeredAttempt<S, D>): void {
		this.#remove(attempt);
	}

	/** The requester gives up: the attempt, which is over now; `undefined`: there is none, or its end is known already. */
	cancel(session: S, request: number): BrokeredAttempt<S, D> | undefined {
		const attempt = this.#sessions.get(session)?.requests.get(request);
		if (attempt === undefined || attempt.reported.has(session)) return undefined;
		this.#remove(attempt);
		return attempt;
	}

	/** The session is over: all its attempts, which are over now, too. */
	leave(session: S): BrokeredAttempt<S, D>[] {
		const part = this.#sessions.get(session);
		if (part === undefined) return [];
		const ended = [...part.requests.values(), ...part.asks];
		for (const attempt of ended) this.#remove(attempt);
		this.#sessions.delete(session);
		return ended;
	}

	/** Attempts whose time is up, which are over now. */
	expire(nowMs: number): BrokeredAttempt<S, D>[] {
		const expired = [...this.#attempts.values()].filter((attempt) => attempt.expiresAtMs <= nowMs);
		for (const attempt of expired) this.#remove(attempt);
		return expired;
	}

	/** Every attempt, which is over now. */
	clear(): BrokeredAttempt<S, D>[] {
		const all = [...this.#attempts.values()];
		this.#attempts.clear();
		this.#sessions.clear();
		return all;
	}

	/**
	 * Ends the attempt at a target that has gone on for longest, and for long, if this requester has none there, nor anybody of its network. Most
	 * attempts succeed within a few round trips.
	 */
	#makeWay(requester: S, target: S, { asks }: Part<S, D>, pool: FairPool, nowMs: number): BrokeredAttempt<S, D> | undefined {
		if (this.#keysOf(requester).some((key) => pool.heldBy(key) > 0)) return undefined;
		let longest: BrokeredAttempt<S, D> | undefined;
		for (const attempt of asks) {
			if (attempt.outcome === "up" || attempt.reported.has(target)) continue;
			if (attempt.goneAtMs < (longest?.goneAtMs ?? nowMs - LONG_MS)) longest = attempt;
		}
		if (longest !== undefined) this.#remove(longest);
		return longest;
	}

	/** The attempts that take a place at their target. They are few, so they are counted when one more is wanted. */
	#asksOf(target: S, { asks }: Part<S, D>): FairPool {
		const pool = new FairPool(this.#limits.attemptsPerClient, false);
		for (const { requester, reported } of asks) if (!reported.has(target)) pool.take(this.#keysOf(requester));
		return pool;
	}

	#remove(attempt: BrokeredAttempt<S, D>): void {
		if (!this.#attempts.delete(attempt.token)) return;
		this.#sessions.get(attempt.requester)?.requests.delete(attempt.request);
		this.#sessions.get(attempt.target)?.asks.delete(attempt);
	}

	#part(session: S): Part<S, D> {
		let part = this.#sessions.get(session);
		if (part === undefined) {
			part = { requests: new Map(), asks: new Set(), askedAtMs: [], minuteStartedAtMs: Number.NEGATIVE_INFINITY, requestsInMinute: 0 };
			this.#sessions.set(session, part);
		}
		return part;
	}
}

interface Part<S, D> {
	/** By the session's own numbers. */
	readonly requests: Map<number, BrokeredAttempt<S, D>>;
	/** Those in which it is the target. */
	readonly asks: Set<BrokeredAttempt<S, D>>;
	/** When others were asked for it, within the last minute. */
	readonly askedAtMs: number[];
	/** All its requests. */
	minuteStartedAtMs: number;
	requestsInMinute: number;
}

function refused(code: ChannelRefusedCode, reason: string): { readonly type: "refused"; code: ChannelRefusedCode; reason: string; retryAfterMs: number } {
	return { type: "refused", code, reason, retryAfterMs: NEXT_PLACE_MS };
}

/** Those that are not over for this session. */
function countOf<S, D>(attempts: Iterable<BrokeredAttempt<S, D>>, session: S): number {
	let count = 0;
	for (const { reported } of attempts) if (!reported.has(session)) count++;
	return count;
}

const MINUTE_MS = 60_000;

/** Requests that a Client may make for each attempt that it may begin. */
const REQUESTS_PER_ATTEMPT = 10;

/** An attempt that has gone on for so long makes way for those who have none. */
const LONG_MS = 3_000;

/** When a place may be free again: an attempt that succeeds takes a few round trips. */
const NEXT_PLACE_MS = 500;

/** How much longer than the attempt its reports are waited for. */
const REPORT_GRACE_MS = 2000;
