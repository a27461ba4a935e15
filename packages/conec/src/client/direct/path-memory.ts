/**
 * What is remembered of paths to peers: how the last attempt went, and whether another one is worth the wait.
 *
 * @module
 */

import { failureLifeMs } from "../../base/failure-life.ts";
import { systemRandom } from "../../base/random.ts";
import type { NatReport } from "../../wire/channel-messages.ts";
import type { TriedAddress } from "../punch/index.ts";

/** How the last attempt for a peer went. */
export interface PastAttempt {
	readonly at: Date;
	readonly outcome: "up" | "failed";
	/** In words. */
	readonly reason: string;
	readonly durationMs: number;
	readonly candidates: readonly TriedAddress[];
	readonly peerNat: NatReport;
}

/** Bounded by peers; the oldest are forgotten. Pure: takes the time. */
export class PathMemory {
	readonly #capacity: number;
	readonly #now: () => number;
	readonly #random: () => number;
	readonly #attempts: Map<string, PastAttempt> = new Map();
	readonly #obstacles: Map<string, Obstacle> = new Map();

	/** `capacity`: peers remembered. `random`: from 0 to below 1, so that those who failed together do not try again together. */
	constructor(capacity: number, now: () => number, random: () => number = () => systemRandom.fraction()) {
		this.#capacity = capacity;
		this.#now = now;
		this.#random = random;
	}

	/** The last attempt. */
	attempt(peer: string): PastAttempt | undefined {
		return this.#attempts.get(peer);
	}

	/** Why not to try now for `auto`, if so. */
	hopeless(peer: string): string | undefined {
		const obstacle = this.#obstacle(peer);
		return obstacle !== undefined && this.#now() < obstacle.untilMs ? obstacle.reason : undefined;
	}

	/** Whether there was an attempt, or no way for one, so lately that no stream is to wait for the next one. */
	doubtful(peer: string): boolean {
		return this.#obstacle(peer)?.doubtful ?? false;
	}

	/** When to try again; `undefined`: at once. */
	retryAtMs(peer: string): number | undefined {
		return this.#obstacle(peer)?.untilMs;
	}

	/** Keeps how an attempt went. */
	note(peer: string, attempt: PastAttempt): void {
		keep(this.#attempts, peer, attempt, this.#capacity);
		if (attempt.outcome === "up") this.#obstacles.delete(peer);
	}

	/** There is no direct path, until one of both networks changes; whoever would say so may have forgotten it, so there is a look now and then. */
	despair(peer: string, reason: string): void {
		const untilMs = this.#now() + LONGEST_DELAY_MS * (1 - JITTER * this.#random());
		keep(this.#obstacles, peer, { reason, failures: 0, doubtful: true, untilMs }, this.#capacity);
	}

	/** Nothing came through: that may have been bad luck, the more likely the less often it was so. */
	fail(peer: string, reason: string): void {
		const failures = (this.#obstacle(peer)?.failures ?? 0) + 1;
		const lifeMs = failureLifeMs(failures) * (1 - JITTER * this.#random());
		keep(this.#obstacles, peer, { reason, failures, doubtful: true, untilMs: this.#now() + lifeMs }, this.#capacity);
	}

	/** There is no attempt now; that says nothing of the path. */
	postpone(peer: string, reason: string, delayMs: number): void {
		const { failures = 0, doubtful = false } = this.#obstacle(peer) ?? {};
		const untilMs = this.#now() + Math.min(delayMs, LONGEST_DELAY_MS) * (1 + JITTER * this.#random());
		keep(this.#obstacles, peer, { reason, failures, doubtful, untilMs }, this.#capacity);
	}

	/** The peer's network or process is another one. */
	peerChanged(peer: string): void {
		this.#obstacles.delete(peer);
	}

	/** This side's own network is another one. */
	ownNetworkChanged(): void {
		this.#obstacles.clear();
	}

	#obstacle(peer: string): Obstacle | undefined {
		const obstacle = this.#obstacles.get(peer);
		if (obstacle === undefined || this.#now() < obstacle.untilMs + FORGOTTEN_AFTER_MS) return obstacle;
		this.#obstacles.delete(peer);
		return undefined;
	}
}

/** What is in the way. */
interface Obstacle {
	readonly reason: string;
	/** Attempts that came to nothing, one after the other. */
	readonly failures: number;
	/** No stream is to wait for the next attempt. */
	readonly doubtful: boolean;
	readonly untilMs: number;
}

/** Part of a time that is left to chance. */
const JITTER = 0.2;

/** Whatever a Coordinator says. */
const LONGEST_DELAY_MS = 600_000;

/** After the time to try again, when nobody did. */
const FORGOTTEN_AFTER_MS = 600_000;

function keep<T>(map: Map<string, T>, key: string, value: T, capacity: number): void {
	map.delete(key);
	map.set(key, value);
	if (map.size <= capacity) return;
	const [oldest] = map.keys();
	if (oldest !== undefined) map.delete(oldest);
}
