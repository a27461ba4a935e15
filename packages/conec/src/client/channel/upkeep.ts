/**
 * How a live direct channel is kept: when this side says something so that NATs keep their mappings, when it suspects that nothing
 * gets through, and when the channel counts as lost. A pure machine: it is given the time and says what to do.
 *
 * A channel that nobody uses costs little. The side that dialled pings, as seldom as the NATs on the way allow, and learns how seldom
 * that is. The other side takes over only if it hears nothing. A channel in use is watched closely.
 *
 * @module
 */

import type { ClientLimits } from "../../limits.ts";
import type { ConnectionTuning } from "../../transport/transport.ts";

/** The limits that an {@link Upkeep} keeps. */
export type UpkeepLimits = Pick<ClientLimits, "idleTimeoutMs" | "idleChannelTimeoutMs">;

/** The times of an {@link Upkeep}. */
export interface UpkeepTimes {
	/** In use: silence after which this side pings. 0 is never, in use or not. */
	readonly pingInUseMs: number;
	/** In use: silence after which the channel is lost. It counts from when the use began at the earliest. */
	readonly lostInUseMs: number;
	/** Not in use: silence after which the channel is lost. */
	readonly lostIdleMs: number;
	/** Not in use: the silence after which this side pings, at first. */
	readonly firstGapMs: number;
	/** The same after a ping was not answered. */
	readonly leastGapMs: number;
	/** The same when longer and longer silences did no harm. */
	readonly greatestGapMs: number;
}

/** What is known of a channel now. */
export interface UpkeepSample {
	/** How long nothing of the peer has come. */
	readonly silentMs: number;
	/** A stream lives on it, or one is being opened. */
	readonly inUse: boolean;
	readonly rttMs: number;
	/** The peer has another address since the last look: its NAT has forgotten the mapping. @default false */
	readonly moved?: boolean;
}

/** What is to be done now, and when to look again at the latest. */
export interface UpkeepStep {
	/** `suspect`: a ping has not been answered in time, so the path may be broken. `lost`: it is over. */
	readonly act: "none" | "ping" | "suspect" | "lost";
	readonly inMs: number;
}

/** What the channels of one Client know together of the NATs on their way: after one has failed, new ones begin carefully. */
export class LearntGaps {
	#failed = false;

	/** A ping after a long silence was not answered. */
	failed(): void {
		this.#failed = true;
	}

	/** This Client is in another network now. */
	forget(): void {
		this.#failed = false;
	}

	/** The silence with which a new channel begins. */
	first({ firstGapMs, leastGapMs }: UpkeepTimes): number {
		return this.#failed ? Math.min(leastGapMs, firstGapMs) : firstGapMs;
	}
}

/** See the module. One for each channel. */
export class Upkeep {
	readonly #times: UpkeepTimes;
	readonly #learnt: LearntGaps;
	/** Not in use: silence after which this side pings now. */
	#gapMs: number;
	/** No longer silence is tried. */
	#ceilingMs: number;
	/** Silences of the present length that did no harm. */
	#survived = 0;
	/** Since when it has been in use without a pause. It stays so until something has come after that. */
	#usedSinceMs: number | undefined;
	/** Silence before this does not count, as this process itself did not run. */
	#awakeSinceMs = Number.NEGATIVE_INFINITY;
	/** When this side last pinged. */
	#pingedMs = Number.NEGATIVE_INFINITY;
	/** The ping that is not answered yet and was sent while the channel was not in use. */
	#asked: { readonly atMs: number; readonly gapMs: number; patienceMs: number; failed: boolean } | undefined;
	#dueMs: number | undefined;

	constructor(times: UpkeepTimes, learnt: LearntGaps = new LearntGaps()) {
		this.#times = times;
		this.#learnt = learnt;
		this.#gapMs = learnt.first(times);
		this.#ceilingMs = times.greatestGapMs;
	}

	/** The silence after which this side pings a channel that is not in use. */
	get gapMs(): number {
		return this.#gapMs;
	}

	/** To be called when the last step says so, and when the channel comes into use. */
	look(nowMs: number, sample: UpkeepSample): UpkeepStep {
		if (this.#dueMs !== undefined && nowMs - this.#dueMs > LATE_MS) this.#awakeSinceMs = nowMs;
		const step = this.#step(nowMs, sample);
		const inMs = Math.max(1, step.inMs);
		this.#dueMs = nowMs + inMs;
		return { act: step.act, inMs };
	}

	#step(nowMs: number, sample: UpkeepSample): UpkeepStep {
		const heardMs = nowMs - sample.silentMs;
		if (sample.inUse) this.#usedSinceMs ??= nowMs;
		else if (this.#usedSinceMs !== undefined && heardMs > this.#usedSinceMs) this.#usedSinceMs = undefined;
		if (sample.moved === true && this.#usedSinceMs === undefined) this.#forgotten(this.#times.leastGapMs);
		return this.#usedSinceMs === undefined ? this.#idle(nowMs, heardMs, sample.rttMs) : this.#inUse(nowMs, heardMs, this.#usedSinceMs);
	}

	#inUse(nowMs: number, heardMs: number, usedSinceMs: number): UpkeepStep {
		const { pingInUseMs, lostInUseMs } = this.#times;
		this.#asked = undefined;
		const sinceMs = Math.max(heardMs, usedSinceMs, this.#awakeSinceMs);
		const lostMs = sinceMs + lostInUseMs;
		if (pingInUseMs === 0) return nowMs >= lostMs ? LOST : { act: "none", inMs: lostMs - nowMs };
		if (nowMs >= lostMs && this.#pingedMs >= sinceMs) return LOST;
		const pingMs = Math.max(sinceMs, this.#pingedMs) + pingInUseMs;
		const isDue = nowMs >= pingMs || nowMs >= lostMs;
		if (isDue) this.#pingedMs = nowMs;
		const nextMs = isDue ? nowMs + pingInUseMs : pingMs;
		return { act: isDue ? "ping" : "none", inMs: Math.min(nextMs, lostMs > nowMs ? lostMs : nextMs) - nowMs };
	}

	#idle(nowMs: number, heardMs: number, rttMs: number): UpkeepStep {
		const { pingInUseMs, lostIdleMs } = this.#times;
		const lostMs = Math.max(heardMs, this.#awakeSinceMs) + lostIdleMs;
		if (pingInUseMs === 0) return nowMs >= lostMs ? LOST : { act: "none", inMs: lostMs - nowMs };
		const asked = this.#asked;
		if (asked !== undefined && heardMs >= asked.atMs) {
			this.#asked = undefined;
			if (!asked.failed) this.#answered(asked.gapMs);
		} else if (asked !== undefined) {
			if (nowMs >= lostMs) return LOST;
			const untilMs = asked.atMs + asked.patienceMs;
			if (nowMs < untilMs) return { act: "none", inMs: Math.min(untilMs, lostMs) - nowMs };
			if (!asked.failed) this.#unanswered(asked.gapMs);
			asked.failed = true;
			asked.patienceMs *= 2;
			return { act: "suspect", inMs: Math.min(asked.atMs + asked.patienceMs, lostMs) - nowMs };
		}
		const pingMs = heardMs + this.#gapMs;
		if (nowMs < pingMs) return { act: "none", inMs: pingMs - nowMs };
		const patienceMs = Math.max(Math.min(LEAST_PATIENCE_MS, this.#gapMs / 2), 8 * rttMs);
		this.#asked = { atMs: nowMs, gapMs: nowMs - heardMs, patienceMs, failed: false };
		this.#pingedMs = nowMs;
		return { act: "ping", inMs: patienceMs };
	}

	/** The mappings have outlived a silence of that length. */
	#answered(gapMs: number): void {
		// A shorter one, for whatever reason, says nothing.
		if (gapMs < 0.9 * this.#gapMs || ++this.#survived < SURVIVED_BEFORE_MORE) return;
		this.#survived = 0;
		this.#gapMs = Math.min(this.#ceilingMs, this.#gapMs + this.#stepMs);
	}

	#unanswered(gapMs: number): void {
		// After sleep, the silence says nothing of the NATs.
		this.#forgotten(gapMs <= this.#gapMs * 1.5 ? this.#gapMs - this.#stepMs : this.#ceilingMs);
		this.#learnt.failed();
	}

	/** A NAT has forgotten the mapping. From now on silences are no longer than `ceilingMs`. */
	#forgotten(ceilingMs: number): void {
		const { leastGapMs } = this.#times;
		this.#ceilingMs = Math.max(leastGapMs, Math.min(this.#ceilingMs, ceilingMs));
		this.#survived = 0;
		this.#gapMs = leastGapMs;
	}

	get #stepMs(): number {
		return (this.#times.greatestGapMs - this.#times.leastGapMs) / 3;
	}
}

/** The times of one side of a channel, from the options of its Client. `keepAliveIntervalMs` 0: it never pings. */
export function upkeepTimes({ idleTimeoutMs, idleChannelTimeoutMs }: UpkeepLimits, keepAliveIntervalMs: number, dialled: boolean): UpkeepTimes {
	// A fixed share of the time after which the channel is lost, where that time is short.
	const [leastGapMs, firstGapMs, greatestGapMs] = [11_000, 15_000, 25_000].map((ms) => Math.min(ms, Math.round((ms * idleChannelTimeoutMs) / 60_000))) as [
		number,
		number,
		number,
	];
	const times = { pingInUseMs: Math.min(keepAliveIntervalMs, dialled ? 2_000 : 5_000), lostInUseMs: idleTimeoutMs, lostIdleMs: idleChannelTimeoutMs };
	if (dialled) return { ...times, leastGapMs, firstGapMs, greatestGapMs };
	// It takes over from a side that does not ping, or too seldom. It is always the later one, so that they do not both ping.
	return { ...times, leastGapMs: Math.round(leastGapMs * 1.2), firstGapMs: Math.round(greatestGapMs * 1.1), greatestGapMs: Math.round(greatestGapMs * 1.1) };
}

/** How QUIC is set for a direct channel: it sends no keep-alive packets of its own, and the shorter idle limit of both sides counts. */
export function channelTuning({ idleTimeoutMs, idleChannelTimeoutMs }: UpkeepLimits): ConnectionTuning {
	return { keepAliveIntervalMs: 0, idleTimeoutMs: Math.max(idleTimeoutMs, idleChannelTimeoutMs) };
}

const LOST: UpkeepStep = { act: "lost", inMs: 1 };

/** A lost packet is sent again well before that. */
const LEAST_PATIENCE_MS = 2_000;

const SURVIVED_BEFORE_MORE = 3;

/** Whoever looks that late has not run for a while. */
const LATE_MS = 1_000;
