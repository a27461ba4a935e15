/**
 * What happens to live channels when an address changes, or seems to have changed.
 *
 * However often somebody says so, a channel is asked about at most a few times a second, and packets beside QUIC stay within
 * the limits of one address and of one channel.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { type Random, randomHex, systemRandom } from "../../base/random.ts";
import type { SocketAddress } from "../../transport/transport.ts";
import type { OwnPlace } from "../network/index.ts";
import { createPunchKeys } from "../punch/index.ts";
import type { CoordinatorLink } from "../uplink/index.ts";
import type { DirectChannel } from "./channel.ts";
import { PacketLimiter } from "./packet-limiter.ts";
import { usableAddress } from "./peer-addresses.ts";

/** What {@link ChannelMoves} needs. */
export interface MovesHost {
	readonly clock: Clock;
	/** @default the machine's */
	readonly random?: Random;
	/** Counts raw datagrams to one IP address over everything that this Client does. */
	readonly limiter: PacketLimiter;
	link(): CoordinatorLink | undefined;
	/** Where this Client is now. */
	place(): OwnPlace;
}

interface Mover {
	nextPokeAt: number;
	poke: unknown;
	checking: boolean;
	verdict: unknown;
	readonly probes: Set<unknown>;
}

/** See the module. */
export class ChannelMoves {
	readonly #host: MovesHost;
	readonly #movers: Map<DirectChannel, Mover> = new Map();
	/** By token of the channel, so that many addresses of one peer cost no more than one. */
	readonly #perChannel: PacketLimiter = new PacketLimiter({ packetsPerMinute: PROBES_PER_MINUTE });

	constructor(host: MovesHost) {
		this.#host = host;
	}

	/** Channels of which anything is kept. */
	get size(): number {
		return this.#movers.size;
	}

	/** A channel hears nothing: what is sent now, here and to the Coordinator, shows a new address to both. */
	suspect(channel: DirectChannel): void {
		this.#poke(channel);
		this.#host.link()?.poke();
	}

	/** This side's own address is another one. */
	ownMoved(channel: DirectChannel): void {
		this.#poke(channel);
		if (!channel.dialled) this.#check(channel);
	}

	/** This machine has slept, or has other addresses (`moved`). `long`: the peer has most likely given the channel up. */
	awoke(channel: DirectChannel, moved: boolean, long: boolean): void {
		this.#poke(channel);
		if (long || (moved && !channel.dialled)) this.#check(channel);
	}

	/** The peer's address is another one. */
	peerMoved(channel: DirectChannel, address: SocketAddress): void {
		this.#poke(channel);
		if (channel.dialled) this.#check(channel);
		else this.#letIn(channel, address);
	}

	/** The peer has lost its Coordinator, or has come back as another process: it may not be there any more. */
	peerChanged(channel: DirectChannel): void {
		this.#check(channel);
	}

	/** The channel is over. */
	delete(channel: DirectChannel): void {
		const mover = this.#movers.get(channel);
		if (mover === undefined) return;
		this.#movers.delete(channel);
		for (const timer of [mover.poke, mover.verdict, ...mover.probes]) this.#host.clock.clearTimeout(timer);
	}

	/** Says something on it, now or soon. */
	#poke(channel: DirectChannel): void {
		const mover = this.#mover(channel);
		const { clock } = this.#host;
		if (mover.poke !== undefined) return;
		const poke = (): void => {
			mover.poke = undefined;
			mover.nextPokeAt = clock.now() + POKE_GAP_MS;
			channel.poke();
		};
		const leftMs = mover.nextPokeAt - clock.now();
		if (leftMs <= 0) poke();
		else mover.poke = clock.setTimeout(poke, leftMs);
	}

	/** Where the side that accepted has moved, QUIC cannot follow (RFC 9000, 9). */
	#check(channel: DirectChannel): void {
		const mover = this.#mover(channel);
		if (mover.checking) return;
		mover.checking = true;
		const { clock } = this.#host;
		const sinceMs = clock.now();
		const patienceMs = Math.max(LEAST_PATIENCE_MS, 4 * channel.rttMs);
		channel.silentMs();
		void channel.ping(patienceMs).then((alive) => {
			mover.checking = false;
			if (alive || this.#movers.get(channel) !== mover) return;
			// Its machine acknowledges what is sent: a process that is busy is no path that is broken. A ping that has failed at once is
			// one on a connection that is over.
			const waitedMs = clock.now() - sinceMs;
			if (waitedMs > patienceMs / 2 && channel.silentMs() <= waitedMs) return this.#check(channel);
			// A connection that has just ended fails the ping too, and is about to say better why.
			mover.verdict = clock.setTimeout(() => channel.fail("no answer comes from there any more"), VERDICT_MS);
		});
	}

	/** The peer dials from another address now: this side's NAT has to expect it there before its packets get in. */
	#letIn(channel: DirectChannel, said: SocketAddress): void {
		const { clock, limiter, place } = this.#host;
		const { probes } = this.#mover(channel);
		// What was to open the way for an older address is of no use any more.
		for (const timer of probes) clock.clearTimeout(timer);
		probes.clear();
		const address = usableAddress(said, place(), [{ address: said.address, kind: "reflexive" }]);
		if (address === undefined) return;
		for (const delayMs of PROBES_AFTER_MS) {
			const timer = clock.setTimeout(() => {
				probes.delete(timer);
				const now = clock.now();
				if (!this.#perChannel.take(now, channel.token) || !limiter.take(now, address.address)) return;
				const nonce = randomHex(this.#host.random ?? systemRandom, 8);
				channel.transport.sendDatagram(createPunchKeys(channel.token, "accept").probe(nonce), address);
			}, delayMs);
			probes.add(timer);
		}
	}

	#mover(channel: DirectChannel): Mover {
		let mover = this.#movers.get(channel);
		if (mover === undefined) {
			mover = { nextPokeAt: Number.NEGATIVE_INFINITY, poke: undefined, checking: false, verdict: undefined, probes: new Set() };
			this.#movers.set(channel, mover);
		}
		return mover;
	}
}

/** Twenty moves. */
const PROBES_PER_MINUTE = 60;
const PROBES_AFTER_MS = [0, 50, 150];
const POKE_GAP_MS = 100;
const LEAST_PATIENCE_MS = 500;
const VERDICT_MS = 20;
