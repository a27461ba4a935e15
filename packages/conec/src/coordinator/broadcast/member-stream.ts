/**
 * The stream of one member of a broadcast, at the Coordinator.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import { ConecError, type ConecErrorCode } from "../../errors.ts";
import { Bulk, Exchange, type ExchangeSink, WORDS } from "../../stream/exchange/index.ts";
import { type Lent, NOTHING_KEPT } from "../../stream/lent.ts";
import { WakeTimer } from "../../stream/wake-timer.ts";
import type { IncomingStream, TransportStream } from "../../transport/transport.ts";
import { errorCodeOfReset } from "../../wire/codes.ts";
import { FRAME } from "../../wire/frames.ts";
import type { Broadcast } from "./broadcast.ts";
import { MEMBER_HIGH_WATER_BYTES, type Member, type MemberLine } from "./member.ts";

/** What OPEN says of a new stream. */
export interface FirstLeg {
	readonly limit: number;
	readonly messageBytes: number;
}

/** Takes messages when their time has come. */
export interface MessageTaking {
	readonly waiting: number;
	add(payloadBytes: number): void;
	flush(): void;
	end(): void;
}

/** What the stream of a member needs. */
export interface MemberStreamHost {
	readonly clock: Clock;
	readonly random: Random;
	readonly messageBytes: number;
	readonly lent: Lent;
	/** Takes its messages no faster than it may send. `undefined`: as they come. */
	readonly taking?: ((take: (payloadBytes: number) => void) => MessageTaking | undefined) | undefined;
	/** The member is out, and its place is free. Called once. */
	readonly out: () => void;
	/** The stream is over. Called once, after {@link out}. */
	readonly over: () => void;
}

/**
 * It is an ordinary stream. The member sends no more after its END, and is sent nothing more after its STOP. When both have come, it is
 * out. Its END is acknowledged when every message before it has its number.
 */
export class MemberStream implements MemberLine, ExchangeSink {
	readonly broadcast: Broadcast;
	readonly member: Member;
	readonly bulk: Bulk;
	readonly #host: MemberStreamHost;
	readonly #exchange: Exchange;
	#stream: TransportStream | undefined;
	readonly #timer: WakeTimer;
	/** Whether the member sends no more, and all that it sent has its number. */
	#ended = false;
	readonly #taking: MessageTaking | undefined;
	#accepted = false;
	#out = false;

	constructor(broadcast: Broadcast, member: Member, host: MemberStreamHost) {
		this.broadcast = broadcast;
		this.member = member;
		this.#host = host;
		const { id } = member.peer;
		const taking = host.taking?.((payloadBytes) => this.#take(payloadBytes));
		this.#taking = taking;
		const init = {
			subject: { peer: id, describe: `the membership of "${id}" in broadcast "${broadcast.name}"`, lostCode: "PEER_LOST" as const },
			identity: id,
			windows: host.lent.windows,
			kept: NOTHING_KEPT,
			messageBytes: host.messageBytes,
			highWaterBytes: MEMBER_HIGH_WATER_BYTES,
			now: () => host.clock.now(),
			fraction: () => host.random.fraction(),
			unitKinds: member.sends ? 1 << FRAME.DATA : 0,
			holdsEnd: true,
		};
		this.receiving = {
			get waiting() {
				return member.unstamped === 0 && (taking === undefined || taking.waiting === 0);
			},
			push: (message) => broadcast.receive(member, message),
			finish: (error) => {
				// Without a last unit, the stream has failed.
				if (error === null || this.#exchange.incoming.endCame) this.#endCame();
			},
			discard() {},
		};
		const drained = (): void => {
			if (this.#accepted) broadcast.drained(member);
		};
		this.sending = { drained, end() {}, fail: () => this.#deafen() };
		this.#exchange = new Exchange("acceptor", init, this);
		this.#timer = new WakeTimer(host.clock, () => this.#exchange.expired());
		this.bulk = new Bulk(this.#exchange.sending, () => broadcast.gaveBack(member));
		member.line = this;
	}

	get stream(): TransportStream {
		return this.#stream as TransportStream;
	}

	/** Answers OPEN. */
	accept(incoming: IncomingStream, resume: FirstLeg): void {
		const { lent, messageBytes } = this.#host;
		this.#exchange.accept((leg) => {
			this.#stream = incoming.accept(leg, { messageBytes, highWaterBytes: MEMBER_HIGH_WATER_BYTES });
			return { wire: this.#stream, shares: lent.shares, acks: lent.acks };
		}, resume);
		this.#accepted = true;
	}

	/** Ends the stream at once, with one of `RESET_CODES`. */
	kill(wireCode: number): void {
		const code: ConecErrorCode = errorCodeOfReset(wireCode) ?? "STREAM_CLOSED";
		this.#exchange.destroy(new ConecError(code, `Cannot continue ${this.#exchange.describe}: ${WORDS[code] ?? code}`), wireCode);
	}

	// What the broadcast does.

	taken(payloadBytes: number): void {
		if (this.#taking === undefined) this.#take(payloadBytes);
		else this.#taking.add(payloadBytes);
	}

	#take(payloadBytes: number): void {
		const { incoming } = this.#exchange;
		incoming.taken(payloadBytes);
		if (this.receiving.waiting) incoming.waits(true);
	}

	end(): void {
		// The member is done when it has this END: it need not say STOP, so its place is free before.
		if (this.#ended) this.#leave();
		this.#exchange.close(0);
	}

	// What the machine says.

	readonly receiving: ExchangeSink["receiving"];
	readonly sending: ExchangeSink["sending"];

	wakeAt(ms: number | undefined): void {
		this.#timer.set(ms);
	}

	over(): void {
		this.#leave();
		this.#host.over();
	}

	opened(): void {}
	refused(): void {}
	acknowledged(): void {}
	unacknowledged(): void {}
	gone(): void {}
	suspended(): void {}
	openLeg(): undefined {}

	/** END has come, or RESET. */
	#endCame(): void {
		this.broadcast.finishSending(this.member, () => {
			this.#taking?.flush();
			this.#ended = true;
			// Its place is free before it hears so.
			if (this.member.deaf || this.#exchange.outcome.state !== "open") this.#leave();
			this.#exchange.endTaken();
		});
	}

	/** STOP has come. Then the last unit of this side follows, or the stream has failed. */
	#deafen(): void {
		this.broadcast.deafen(this.member);
		if (this.#ended) this.#leave();
	}

	#leave(): void {
		if (this.#out) return;
		this.#out = true;
		this.#taking?.end();
		this.broadcast.leave(this.member);
		this.#host.out();
	}
}
