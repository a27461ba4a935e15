/**
 * The address of a Client that others may be told. QUIC follows a Client to whatever address a packet of it comes from, and
 * an attacker can send such a packet from anywhere: a new address counts only when a challenge sent there has come back over the
 * control stream. Pure: takes the time.
 *
 * @module
 */

import type { WireAddress } from "../../wire/fields.ts";

/** A datagram to be sent. */
export interface Challenge {
	/** 16 hexadecimal digits. */
	readonly nonce: string;
	readonly to: WireAddress;
}

/** One Client's address. */
export class ValidatedAddress {
	readonly #newNonce: () => string;
	#address: WireAddress | undefined;
	#pending: { readonly challenge: Challenge; readonly startedAtMs: number; repeated: boolean } | undefined;
	readonly #challengedAtMs: number[] = [];
	#moves = 0;
	/** Where it was heard from last. */
	#heardFrom: WireAddress | undefined;

	/** `initial`: the one that the handshake has proven, as far as is known. `newNonce`: 16 random hexadecimal digits. */
	constructor(initial: WireAddress | undefined, newNonce: () => string) {
		this.#address = initial;
		this.#newNonce = newNonce;
	}

	/** The newest address that is validated; `undefined`: there is none now. */
	get address(): WireAddress | undefined {
		return this.#address;
	}

	/** How often it has become another one. */
	get moves(): number {
		return this.#moves;
	}

	/** It was last heard from elsewhere, and has not been found to be there: no challenge has come back, or none could be sent. */
	get unproven(): boolean {
		return this.#heardFrom !== undefined && (this.#address === undefined || !sameAddress(this.#heardFrom, this.#address));
	}

	/** A challenge has not come back. */
	get pending(): boolean {
		return this.#pending !== undefined;
	}

	/** A challenge is still to be repeated. */
	get waiting(): boolean {
		return this.#pending !== undefined && !this.#pending.repeated;
	}

	/** The Client was heard from there: the challenge to be sent now, if one is needed. `may`: whether one may be sent there, and then it is counted; else the Client is none the worse for it. */
	heardFrom(from: WireAddress, nowMs: number, may: () => boolean = () => true): Challenge | undefined {
		this.#heardFrom = from;
		if (this.#address !== undefined && sameAddress(from, this.#address)) {
			this.#pending = undefined;
			return undefined;
		}
		const pending = this.#pending;
		if (pending !== undefined && sameAddress(from, pending.challenge.to) && nowMs < pending.startedAtMs + AGAIN_MS) return undefined;
		while (this.#challengedAtMs.length > 0 && (this.#challengedAtMs[0] as number) <= nowMs - MINUTE_MS) this.#challengedAtMs.shift();
		if (this.#challengedAtMs.length >= CHALLENGES_PER_MINUTE || !may()) return undefined;
		this.#challengedAtMs.push(nowMs);
		const challenge = { nonce: this.#newNonce(), to: from };
		this.#pending = { challenge, startedAtMs: nowMs, repeated: false };
		return challenge;
	}

	/** The challenge that is to be sent once more now. */
	repeat(nowMs: number): Challenge | undefined {
		const pending = this.#pending;
		if (pending === undefined || pending.repeated || nowMs < pending.startedAtMs + REPEAT_MS) return undefined;
		pending.repeated = true;
		return pending.challenge;
	}

	/** The Client says that a challenge has arrived. True: its address is another one now. */
	echoed(nonce: string): boolean {
		const pending = this.#pending;
		if (pending === undefined || pending.challenge.nonce !== nonce) return false;
		this.#pending = undefined;
		this.#address = pending.challenge.to;
		this.#moves++;
		return true;
	}
}

/** Whether two addresses are one. */
export function sameAddress(a: WireAddress, b: WireAddress): boolean {
	return a.port === b.port && a.address === b.address;
}

const MINUTE_MS = 60_000;

/** A datagram may be lost. */
const REPEAT_MS = 300;

/** Both may: then the next word of the Client begins anew. */
const AGAIN_MS = 3000;

/** New addresses of one Client that are looked at. */
const CHALLENGES_PER_MINUTE = 10;
