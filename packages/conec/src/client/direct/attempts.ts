/**
 * The attempts at direct channels that are under way at one Client, by token, and what is asked of them.
 *
 * @module
 */

import type { Attempt, PunchingPhase } from "./attempt.ts";

/** See the module. */
export class Attempts {
	readonly #byToken: Map<string, Attempt> = new Map();
	/** Tokens of questions that took too long after this side had said yes; the first is the oldest. */
	readonly #lapsed: Set<string> = new Set();
	readonly #maxLapsed: number;

	/** `maxLapsed`: tokens that are remembered of questions that took too long. */
	constructor(maxLapsed: number) {
		this.#maxLapsed = maxLapsed;
	}

	get size(): number {
		return this.#byToken.size;
	}

	/** That with this token. */
	get(token: string): Attempt | undefined {
		return this.#byToken.get(token);
	}

	/** Adds it, or has it go on in another phase. */
	set(attempt: Attempt): void {
		this.#byToken.set(attempt.token, attempt);
	}

	/** It is over. */
	delete(token: string): void {
		this.#byToken.delete(token);
	}

	/** All of them now. */
	all(): Attempt[] {
		return [...this.#byToken.values()];
	}

	/** The first with this peer. Asked for each peer that is kept in mind, so nothing is made for it. */
	with(peer: string): Attempt | undefined {
		for (const attempt of this.#byToken.values()) if (attempt.peer.id === peer) return attempt;
		return undefined;
	}

	/** Those that this side began (`dial`), or its peers. */
	of(role: Attempt["role"]): Attempt[] {
		return this.all().filter((attempt) => attempt.role === role);
	}

	/** Those whose packets fly. */
	punching(): PunchingPhase[] {
		return this.all().flatMap(({ phase }) => (phase.type === "punching" ? [phase] : []));
	}

	/** Whether the packets of this one fly. */
	isPunching(token: string): boolean {
		return this.#byToken.get(token)?.phase.type === "punching";
	}

	/** Peers with whom this side has begun, or has said yes to. */
	agreed(): Attempt["peer"][] {
		return this.all().flatMap(({ phase, peer }) => (phase.type === "punching" || phase.consented ? [peer] : []));
	}

	/** An address has changed: attempts with this peer, or all, began where one of both is no more. */
	outdate(peer?: string): void {
		for (const { phase, peer: other } of this.#byToken.values()) if (phase.type === "punching" && (peer === undefined || other.id === peer)) phase.moved = true;
	}

	/** This side had said yes, and it has taken too long: should the Coordinator begin all the same, it is to be told that nothing begins here. */
	lapse(token: string): void {
		this.#lapsed.add(token);
		const [oldest] = this.#lapsed;
		if (oldest !== undefined && this.#lapsed.size > this.#maxLapsed) this.#lapsed.delete(oldest);
	}

	/** Whether that was so; it is forgotten then. */
	takeLapsed(token: string): boolean {
		return this.#lapsed.delete(token);
	}
}
