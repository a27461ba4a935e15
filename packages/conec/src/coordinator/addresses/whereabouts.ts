/**
 * Where the connected Clients are: their addresses, each proven by a challenge before it counts.
 *
 * QUIC follows a Client that moves without a word to anybody, and a Client that only keeps its connection alive never says anything
 * on the control stream. So all of them are looked at, each once a second: with very many in slices, so that no turn of the event loop takes long.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { type Random, randomHex, systemRandom } from "../../base/random.ts";
import type { SocketAddress } from "../../transport/transport.ts";
import { encodeDatagram } from "../../wire/datagrams.ts";
import type { WireAddress } from "../../wire/fields.ts";
import { canonicalIp } from "../../wire/ip-address.ts";
import type { ChallengeBudget } from "./challenge-budget.ts";
import { type Challenge, ValidatedAddress } from "./validated-address.ts";

/** A Client as far as its address goes. */
export interface Located {
	readonly acceptedFrom?: SocketAddress | undefined;
	readonly connection: { readonly remoteAddress: SocketAddress };
}

/** What {@link Whereabouts} needs. */
export interface WhereaboutsHost {
	readonly clock: Pick<Clock, "now">;
	/** For nonces. @default the machine's */
	readonly random?: Random;
	readonly challenges: ChallengeBudget;
	readonly isOwn: (address: WireAddress) => boolean;
	readonly sendDatagram: (data: Uint8Array, to: SocketAddress) => boolean;
}

/** See the module. The caller calls {@link tick} every `TICK_MS` while it is {@link busy}, else every `SWEEP_MS`. */
export class Whereabouts<S extends Located> {
	readonly #host: WhereaboutsHost;
	readonly #places: Map<S, Place> = new Map();
	/** Those to whom a challenge is to be repeated. */
	readonly #challenged: Set<Place> = new Set();
	/** Where the sweep has come to. */
	#sweep: Iterator<S> | undefined;
	#sweptAtMs = Number.NEGATIVE_INFINITY;
	/** One for all, as there are many of them. */
	readonly #newNonce: () => string;

	constructor(host: WhereaboutsHost) {
		this.#host = host;
		this.#newNonce = () => randomHex(host.random ?? systemRandom, NONCE_BYTES);
	}

	/** Clients that are looked at. */
	get size(): number {
		return this.#places.size;
	}

	/** Nobody is looked at, and nothing is kept. */
	get idle(): boolean {
		return this.#places.size + this.#host.challenges.size === 0;
	}

	/** Something is due within a tenth of a second. */
	get busy(): boolean {
		return this.#challenged.size > 0 || this.#places.size > AT_ONCE;
	}

	/** From now on it is looked at. */
	enter(session: S): void {
		const { acceptedFrom } = session;
		this.#places.set(session, { validated: new ValidatedAddress(acceptedFrom && unmapped(acceptedFrom), this.#newNonce), seen: undefined, answerByMs: 0 });
		this.heard(session);
	}

	/** It is not any more. */
	leave(session: S): void {
		const place = this.#places.get(session);
		if (place === undefined) return;
		this.#places.delete(session);
		this.#challenged.delete(place);
	}

	/** Forgets everybody. */
	clear(): void {
		this.#places.clear();
		this.#challenged.clear();
		this.#host.challenges.clear();
		this.#sweep = undefined;
	}

	/** Its newest address that is proven. */
	of(session: S): WireAddress | undefined {
		return this.#places.get(session)?.validated.address;
	}

	/** How often that has become another one. */
	moves(session: S): number {
		return this.#places.get(session)?.validated.moves ?? 0;
	}

	/** It seems to be somewhere else, and has been asked there: the answer takes a round trip, and is not waited for longer than a second. */
	moving(session: S): boolean {
		const place = this.#places.get(session);
		return place?.validated.pending === true && this.#host.clock.now() < place.answerByMs;
	}

	/** It seems to be somewhere else, and nobody knows whether it is: that others do not reach it where it was says nothing. */
	unproven(session: S): boolean {
		return this.#places.get(session)?.validated.unproven ?? false;
	}

	/** Something of it has come, or it is its turn: where it is now may be new. */
	heard(session: S): void {
		const place = this.#places.get(session);
		if (place === undefined) return;
		const { remoteAddress } = session.connection;
		// Nearly always it is where it was.
		if (!place.validated.pending && place.seen?.port === remoteAddress.port && place.seen.address === remoteAddress.address) return;
		const now = this.#host.clock.now();
		const from = unmapped(remoteAddress);
		const challenge = place.validated.heardFrom(from, now, () => this.#mayChallenge(from, now));
		place.seen = place.validated.unproven ? undefined : remoteAddress;
		if (challenge === undefined) return;
		place.answerByMs = now + LONGEST_ANSWER_MS;
		this.#send(challenge);
		this.#challenged.add(place);
	}

	/** It has repeated the nonce of a challenge. True: its address is another one now. */
	echoed(session: S, nonce: string): boolean {
		const validated = this.#places.get(session)?.validated;
		if (validated?.echoed(nonce) !== true) return false;
		this.#host.challenges.answered(validated.address?.address ?? "");
		return true;
	}

	/** Repeats what may have been lost, and looks at those whose turn it is. */
	tick(): void {
		const now = this.#host.clock.now();
		this.#host.challenges.sweep(now);
		for (const place of this.#challenged) {
			const repeated = place.validated.repeat(now);
			if (repeated !== undefined) this.#send(repeated);
			if (!place.validated.waiting) this.#challenged.delete(place);
		}
		const part = Math.min(1, (now - this.#sweptAtMs) / SWEEP_MS);
		// A timer may fire a moment early.
		let left = this.#places.size > AT_ONCE ? Math.ceil(this.#places.size * part) : part < 0.9 ? 0 : this.#places.size;
		if (left === 0) return;
		this.#sweptAtMs = now;
		for (; left > 0; left--) {
			let next = this.#sweep?.next();
			if (next === undefined || next.done === true) {
				this.#sweep = this.#places.keys();
				next = this.#sweep.next();
			}
			if (next.done === true) return;
			this.heard(next.value);
		}
	}

	/** Anybody can be named by a forged packet. */
	#mayChallenge(to: WireAddress, now: number): boolean {
		return to.port !== 0 && !this.#host.isOwn(to) && this.#host.challenges.take(to.address, now);
	}

	#send({ nonce, to }: Challenge): void {
		this.#host.sendDatagram(encodeDatagram({ type: "challenge", nonce }, NO_MAC), to);
	}
}

/** How often {@link Whereabouts.tick} is to be called while there is something to do, and else. */
export const TICK_MS = 100;
export const SWEEP_MS = 1000;

/** An address in its one spelling. */
export function unmapped({ address, port }: SocketAddress): WireAddress {
	return { address: canonicalIp(address) ?? address, port };
}

interface Place {
	readonly validated: ValidatedAddress;
	/** What the connection showed when it was last looked at and nothing was new. */
	seen: SocketAddress | undefined;
	/** Until then an answer to the newest challenge is worth waiting for. */
	answerByMs: number;
}

/** As many are looked at in one go: a few milliseconds. */
const AT_ONCE = 1000;

const LONGEST_ANSWER_MS = 1000;

const NONCE_BYTES = 8;

const NO_MAC = (): Uint8Array => new Uint8Array();
