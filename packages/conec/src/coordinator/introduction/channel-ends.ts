/**
 * Direct channels by the word of each of their ends, and what follows from it: who is told to end one, and who is told of whom.
 *
 * @module
 */

import { Allowance } from "../../base/allowance.ts";
import type { CoordinatorLimits } from "../../limits.ts";
import type { ChannelReport } from "../../wire/channel-messages.ts";
import type { OwnChannel } from "../../wire/own-channels.ts";
import type { Session } from "../sessions/index.ts";
import { LiveChannels } from "./live-channels.ts";

/** What {@link ChannelEnds} needs. */
export interface ChannelEndsHost {
	readonly limits: CoordinatorLimits;
	/** Whether a key is not welcome. */
	readonly denied: (fingerprint: string) => boolean;
	readonly now: () => number;
	/** A Client that takes part in direct channels. */
	readonly find: (id: string) => Session | undefined;
}

/** Two sessions that have been told to begin. */
interface BegunPair {
	readonly token: string;
	readonly requester: Session;
	readonly target: Session;
}

/** See the module. */
export class ChannelEnds {
	readonly #host: ChannelEndsHost;
	readonly #live: LiveChannels<Session>;
	/** Messages that name the keys of channels, by who has said them. */
	readonly #named: WeakMap<Session, Allowance> = new WeakMap();

	constructor(host: ChannelEndsHost) {
		this.#host = host;
		this.#live = new LiveChannels(host.limits);
	}

	/** Sessions of which anything is kept. */
	get size(): number {
		return this.#live.size;
	}

	/** Both have been told to begin, and say by then what became of it. */
	begun({ token, requester, target }: BegunPair, untilMs: number): void {
		this.#live.begun(requester, { token, peer: target.id, fingerprint: target.fingerprint }, untilMs);
		this.#live.begun(target, { token, peer: requester.id, fingerprint: requester.fingerprint }, untilMs);
	}

	/** What a Client says of an attempt or a channel. */
	reported(session: Session, { token, outcome, peer, fingerprint }: Pick<ChannelReport, "token" | "outcome" | "peer" | "fingerprint">): void {
		if (outcome !== "up") return this.#live.over(session, token);
		const said = peer === undefined || fingerprint === undefined ? this.#live.find(session, token) : { token, peer, fingerprint };
		if (said !== undefined) this.listed(session, [said]);
	}

	/** What a Client says that it has. It may have got a channel with a key that has been denied meanwhile, here or before it came back. What is too much is not looked at before it is asked for. */
	listed(session: Session, channels: readonly OwnChannel[]): void {
		if (!this.#mayName(session)) return this.#live.missed(session);
		for (const channel of channels) this.#live.up(session, channel);
		const keys = new Set(channels.map(({ fingerprint }) => fingerprint));
		for (const fingerprint of keys) if (this.#host.denied(fingerprint)) deny(session, fingerprint);
	}

	/** A Client has given an attempt up. */
	over(session: Session, token: string): void {
		this.#live.over(session, token);
	}

	/** A Client is told that an attempt is over. */
	cancelled(session: Session, token: string): void {
		this.#live.cancelled(session, token);
	}

	/** The session is over. */
	left(session: Session): void {
		this.#live.left(session);
	}

	/**
	 * Other keys are denied than before: whoever has a channel with a denied one, or is about to get one, is told to end it. Goes by what
	 * each says of itself, so it does not matter what the denied key has said, nor whether it is connected.
	 */
	denyListChanged(): void {
		for (const [session, fingerprint] of this.#live.withKeys(this.#host.denied)) deny(session, fingerprint);
		for (const session of this.#live.incomplete()) {
			this.#named.delete(session);
			session.control.send({ type: "channel-list-wanted" });
		}
	}

	/** Clients with a channel to this one, where both have said so or have just been told to begin. So the word of one alone tells it nothing of the other. */
	connectedTo(session: Session): Session[] {
		const now = this.#host.now();
		return this.#live.of(session).flatMap(({ token, peer, fingerprint }) => {
			const other = this.#host.find(peer);
			if (other?.fingerprint !== fingerprint || ![session, other].every((side) => this.#live.mayHave(side, token, now))) return [];
			return this.#live.isUp(session, token) || this.#live.isUp(other, token) ? [other] : [];
		});
	}

	/** Each message that names keys is looked up, and answered where one is denied. */
	#mayName(session: Session): boolean {
		const now = this.#host.now();
		let named = this.#named.get(session);
		if (named === undefined) {
			named = new Allowance(MESSAGES_PER_MINUTE, now);
			this.#named.set(session, named);
		}
		return named.take(now).type === "taken";
	}

	/** Forgets everything. */
	clear(): void {
		this.#live.clear();
	}
}

function deny(session: Session, fingerprint: string): void {
	session.control.send({ type: "peer-denied", fingerprint, reason: "its key is on the deny list" });
}

/** As many as the most channels that a Client can have need, 64 in each. */
const MESSAGES_PER_MINUTE = 1024;
