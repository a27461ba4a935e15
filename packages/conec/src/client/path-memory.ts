/**
 * What is remembered of paths to peers: how the last attempt went, and whether another one is worth the wait.
 *
 * @module
 */

import type { NatReport } from "../wire/channel-messages.ts";
import type { PathAttempt } from "./holepunch-plan.ts";

/** How the last attempt for a peer went. */
export interface PastAttempt {
	readonly at: Date;
	readonly outcome: "up" | "failed";
	/** In words. */
	readonly reason: string;
	readonly durationMs: number;
	readonly candidates: readonly PathAttempt[];
	readonly peerNat: NatReport;
}

/** Bounded by peers; the oldest are forgotten. */
export class PathMemory {
	readonly #capacity: number;
	readonly #attempts: Map<string, PastAttempt> = new Map();
	/** Why there is no direct path, where that holds until a network changes. */
	readonly #hopeless: Map<string, string> = new Map();

	/** `capacity`: peers remembered. */
	constructor(capacity: number) {
		this.#capacity = capacity;
	}

	/** The last attempt. */
	attempt(peer: string): PastAttempt | undefined {
		return this.#attempts.get(peer);
	}

	/** Why not to try again for `auto`, if so. */
	hopeless(peer: string): string | undefined {
		return this.#hopeless.get(peer);
	}

	/** Keeps how an attempt went. */
	note(peer: string, attempt: PastAttempt): void {
		keep(this.#attempts, peer, attempt, this.#capacity);
		if (attempt.outcome === "up") this.#hopeless.delete(peer);
	}

	/** There is no direct path, until one of both networks changes. */
	despair(peer: string, reason: string): void {
		keep(this.#hopeless, peer, reason, this.#capacity);
	}

	/** The peer's network or process is another one. */
	peerChanged(peer: string): void {
		this.#hopeless.delete(peer);
	}

	/** This side's own network is another one. */
	ownNetworkChanged(): void {
		this.#hopeless.clear();
	}
}

function keep<T>(map: Map<string, T>, key: string, value: T, capacity: number): void {
	map.delete(key);
	map.set(key, value);
	if (map.size <= capacity) return;
	const [oldest] = map.keys();
	if (oldest !== undefined) map.delete(oldest);
}
