/**
 * Which direct channels each Client has, by its own word: what a denied key has to lose.
 *
 * A channel has two ends, and each end has a record of its own here. Nothing that one Client says or does changes the record of another:
 * not the end of its session, not a report, not the number of its channels. Records die with the session of their Client. Knows nothing
 * of connections or messages: a session is any value.
 *
 * @module
 */

import type { CoordinatorLimits } from "../../limits.ts";
import type { OwnChannel } from "../../wire/own-channels.ts";

/** The bounds of {@link LiveChannels}. */
export type LiveChannelsLimits = Pick<CoordinatorLimits, "channels" | "attemptsPerClient">;

/** Direct channels, and attempts that have begun, by session. */
export class LiveChannels<S> {
	readonly #limits: LiveChannelsLimits;
	readonly #ends: Map<S, End> = new Map();

	constructor(limits: LiveChannelsLimits) {
		this.#limits = limits;
	}

	/** Sessions of which anything is kept. */
	get size(): number {
		return this.#ends.size;
	}

	/** This session has been told to begin: a channel may come about at any time, whatever becomes known of the attempt. If it has said nothing by `untilMs`, none has. */
	begun(session: S, { token, peer, fingerprint }: OwnChannel, untilMs: number): void {
		const end = this.#end(session);
		end.begun.set(token, { token, peer, fingerprint, untilMs });
		// As many as it began, and as many to reach it.
		if (end.begun.size <= 2 * this.#limits.attemptsPerClient) return;
		for (const oldest of end.begun.keys()) {
			end.begun.delete(oldest);
			break;
		}
		end.complete = false;
	}

	/** This session says that it has this channel. */
	up(session: S, { token, peer, fingerprint }: OwnChannel): void {
		const end = this.#end(session);
		end.begun.delete(token);
		if (end.live.size < this.#limits.channels || end.live.has(token)) end.live.set(token, { token, peer, fingerprint });
		else end.complete = false;
	}

	/** This session is told that an attempt is over. If a channel has come of it all the same, it says so itself. */
	cancelled(session: S, token: string): void {
		const end = this.#ends.get(session);
		end?.begun.delete(token);
		this.#tidy(session, end);
	}

	/** For this session, as it says, an attempt has come to nothing, or a channel has ended. */
	over(session: S, token: string): void {
		const end = this.#ends.get(session);
		end?.begun.delete(token);
		end?.live.delete(token);
		this.#tidy(session, end);
	}

	/** The session is over. */
	left(session: S): void {
		this.#ends.delete(session);
	}

	/** What this session knows of a channel, or of an attempt that has begun. */
	find(session: S, token: string): OwnChannel | undefined {
		const end = this.#ends.get(session);
		return end?.live.get(token) ?? end?.begun.get(token);
	}

	/** Whether this session says that it has this channel. */
	isUp(session: S, token: string): boolean {
		return this.#ends.get(session)?.live.has(token) ?? false;
	}

	/** Whether this session has this channel, or may have it: it has been told to begin, and is still to say what became of it. */
	mayHave(session: S, token: string, nowMs: number): boolean {
		const end = this.#ends.get(session);
		return end !== undefined && (end.live.has(token) || nowMs < (end.begun.get(token)?.untilMs ?? Number.NEGATIVE_INFINITY));
	}

	/** Channels and attempts that have begun, of this session. */
	of(session: S): OwnChannel[] {
		const end = this.#ends.get(session);
		return end === undefined ? [] : [...end.live.values(), ...end.begun.values()];
	}

	/** Who has a channel with such a key, or may get one; with each of these keys once. */
	*withKeys(wanted: (fingerprint: string) => boolean): Generator<readonly [session: S, fingerprint: string], void> {
		for (const [session, { live, begun }] of [...this.#ends]) {
			// Most have none, so nothing is made before there is one.
			let found: Set<string> | undefined;
			for (const channels of [live, begun]) {
				for (const { fingerprint } of channels.values()) if (wanted(fingerprint)) found = (found ?? new Set()).add(fingerprint);
			}
			for (const fingerprint of found ?? []) yield [session, fingerprint];
		}
	}

	/** What this session has said was not looked at. */
	missed(session: S): void {
		this.#end(session).complete = false;
	}

	/** Sessions that have had more than is kept: only they know all of their channels. */
	*incomplete(): Generator<S, void> {
		for (const [session, { complete }] of [...this.#ends]) if (!complete) yield session;
	}

	/** Forgets everything. */
	clear(): void {
		this.#ends.clear();
	}

	#tidy(session: S, end: End | undefined): void {
		if (end?.complete && end.begun.size === 0 && end.live.size === 0) this.#ends.delete(session);
	}

	#end(session: S): End {
		let end = this.#ends.get(session);
		if (end === undefined) {
			end = { live: new Map(), begun: new Map(), complete: true };
			this.#ends.set(session, end);
		}
		return end;
	}
}

/** What is kept of one session, by token. */
interface End {
	readonly live: Map<string, OwnChannel>;
	/** The first is the oldest. */
	readonly begun: Map<string, OwnChannel & { readonly untilMs: number }>;
	/** Nothing has been left out for want of room. */
	complete: boolean;
}
