/**
 * Notices that nothing comes from another side while something is waited for. A process that is busy is not silent: its transport
 * answers packets all the same.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import { ConecError, type ConecErrorCode } from "../errors.ts";
import type { TransportConnection } from "../transport/transport.ts";

/** What a {@link Silence} is made of. */
export interface SilenceParts {
	readonly clock: Clock;
	/** Silence for so long, while somebody waits, is too long (`limits.openSilenceMs`). */
	readonly silenceMs: number;
	/** Finds out how long nothing has come from there, and calls back with that once, now or later, or not at all. Each fifth of `silenceMs` it must make the other side say something, unless something has just come. */
	readonly ask: (answer: (silentMs: number) => void, everyMs: number) => void;
	/** What whoever waits is told. */
	readonly code: ConecErrorCode;
	/** Words for "nothing has come from": `the peer`. */
	readonly whom: string;
	readonly peer?: string | undefined;
}

/** Somebody from whom something must come while one waits. */
export interface Heard {
	/**
	 * From now on `silent` is called, once, when nothing has come for too long. `action` begins the words of its error. Silence counts from
	 * `sinceMs` of the clock (default: now), and the other side always gets a chance to say something. Returns what ends the wait.
	 */
	watch(action: () => string, silent: (error: ConecError) => void, sinceMs?: number): () => void;
}

/** See the module. Nothing is looked at while nobody waits. */
export class Silence implements Heard {
	readonly #parts: SilenceParts;
	readonly #waits: Set<Wait> = new Set();
	#timer: unknown;
	#dueMs = 0;
	/** Silence before this does not count, as this process itself did not run. */
	#awakeSinceMs = Number.NEGATIVE_INFINITY;

	constructor(parts: SilenceParts) {
		this.#parts = parts;
	}

	watch(action: () => string, silent: (error: ConecError) => void, sinceMs: number = this.#parts.clock.now()): () => void {
		const wait: Wait = { sinceMs, action, silent, asked: false };
		this.#waits.add(wait);
		if (this.#waits.size === 1) this.#lookIn(this.#stepMs);
		return () => {
			this.#waits.delete(wait);
			if (this.#waits.size === 0) this.#parts.clock.clearTimeout(this.#timer);
		};
	}

	/** Those that wait. */
	get size(): number {
		return this.#waits.size;
	}

	get #stepMs(): number {
		return this.#parts.silenceMs / STEPS;
	}

	#lookIn(ms: number): void {
		const { clock } = this.#parts;
		clock.clearTimeout(this.#timer);
		this.#dueMs = clock.now() + ms;
		this.#timer = clock.setTimeout(() => this.#look(), ms);
	}

	#look(): void {
		const nowMs = this.#parts.clock.now();
		if (nowMs - this.#dueMs > LATE_MS) this.#awakeSinceMs = nowMs;
		this.#parts.ask((silentMs) => this.#heard(silentMs), this.#stepMs);
	}

	#heard(silentMs: number): void {
		const { clock, silenceMs, code, whom, peer } = this.#parts;
		const nowMs = clock.now();
		let nextMs = this.#stepMs;
		for (const wait of [...this.#waits]) {
			const leftMs = Math.max(nowMs - silentMs, wait.sinceMs, this.#awakeSinceMs) + silenceMs - nowMs;
			if (leftMs > 0 || !wait.asked) {
				if (leftMs > 0) nextMs = Math.min(nextMs, Math.max(1, leftMs));
				wait.asked = true;
				continue;
			}
			this.#waits.delete(wait);
			wait.silent(new ConecError(code, `${wait.action()}: nothing has come from ${whom} for ${silenceMs} ms`, { peer }));
		}
		if (this.#waits.size > 0) this.#lookIn(nextMs);
	}
}

/** How long nothing has come on a connection. */
export class Hearing {
	readonly #connection: Pick<TransportConnection, "stats">;

	constructor(connection: Pick<TransportConnection, "stats">) {
		this.#connection = connection;
	}

	/** In milliseconds. 0 when the connection is over: that is told elsewhere. */
	silentMs(): number {
		try {
			return this.#connection.stats().silentMs;
		} catch {
			return 0;
		}
	}
}

/** What asks about a connection of this side. `poke` makes the other side say something. Those that it does not answer are at most one a second. */
export function askConnection(hearing: Hearing, clock: Clock, poke: () => void): SilenceParts["ask"] {
	let pokedMs = Number.NEGATIVE_INFINITY;
	return (answer, everyMs) => {
		const nowMs = clock.now();
		const silentMs = hearing.silentMs();
		const isAnswered = nowMs - silentMs > pokedMs;
		// A little less, as timers are not exact.
		if (silentMs >= 0.9 * everyMs && (isAnswered || nowMs - pokedMs >= 0.9 * POKE_GAP_MS)) {
			pokedMs = nowMs;
			poke();
		}
		answer(silentMs);
	};
}

interface Wait {
	readonly sinceMs: number;
	readonly action: () => string;
	readonly silent: (error: ConecError) => void;
	/** The other side has been made to say something since it waits. */
	asked: boolean;
}

const STEPS = 5;

const POKE_GAP_MS = 1_000;

/** Whoever looks that late has not run for a while, and may not have been told of what came. */
const LATE_MS = 1_000;
