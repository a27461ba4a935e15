/**
 * The legs of one end of a stream, and the one that is written on.
 *
 * @module
 */

import type { Leg } from "./leg.ts";
import type { Attach, ExchangeSink, LegPath } from "./seams.ts";
import type { Sending } from "./sending.ts";
import { NEVER } from "./times.ts";

/** A planned move waits so long for what is on the older leg, at most. */
const DRAIN_MS = 5_000;
/** And no longer than this, or two round trips, while nothing is acknowledged. */
const DRAIN_STALL_MS = 250;

/** What {@link Legs} tells. */
export interface LegsEvents {
	/** Another leg is written on from now on, or none. */
	moved(leg: Leg | undefined): void;
}

/** See the module. */
export class Legs {
	/** All that are not over, in the order in which they began. */
	all: readonly Leg[] = [];
	/** The leg that is written on. */
	current: Leg | undefined = undefined;
	/** The peer may write on another leg than the current one, so an ACK is always due at once. */
	several = false;
	readonly #now: () => number;
	readonly #events: LegsEvents;
	readonly #sink: Pick<ExchangeSink, "passed">;
	/** Units went on a leg before, and go on none now. */
	#passage: { readonly from: LegPath; readonly sinceMs: number; suspended: boolean } | undefined = undefined;
	#drainEndsMs = NEVER;
	#drainStallsMs = NEVER;
	/** The least round trip that was seen. */
	#rttMs = 0;

	constructor(now: () => number, events: LegsEvents, sink: Pick<ExchangeSink, "passed">) {
		this.#now = now;
		this.#events = events;
		this.#sink = sink;
	}

	/** When a planned move waits no longer. */
	get drainMs(): number {
		return Math.min(this.#drainEndsMs, this.#drainStallsMs);
	}

	/** A leg begins. `early`: it has no answer yet, and messages may go before that. Throws what `attach` throws. */
	add(leg: Leg, attach: Attach, early: boolean): void {
		leg.attach(attach(leg), early);
		// Not by `push`, which makes room for 17.
		if (!leg.over) this.all = [...this.all, leg];
		this.several = this.all.length > 1;
	}

	/** A leg is over. With a code, the peer is told. */
	drop(leg: Leg, code: number | undefined, sending: Sending): void {
		if (!this.all.includes(leg)) return;
		this.all = this.all.filter((other) => other !== leg);
		if (leg === this.current) sending.moveTo(undefined);
		leg.letGo(code);
		// Without the older leg, nothing is to be waited for. One that ended as it should has brought everything.
		if (code !== undefined && !this.all.some((other) => other.up && other !== this.current)) this.endDrain(sending);
	}

	/** All are over. */
	clear(code: number | undefined): void {
		for (const leg of this.all) leg.letGo(code);
		this.all = [];
		this.current = undefined;
		this.#drainEndsMs = this.#drainStallsMs = NEVER;
	}

	/** Looks anew which leg is written on: the newest that is up and has no FIN of this side, one that is confirmed first. */
	choose(sending: Sending): void {
		let best: Leg | undefined;
		for (const leg of this.all) {
			const early = leg.generation === 0 && leg.stopCode === undefined;
			if (leg.finWritten || !(leg.up || early)) continue;
			if (best === undefined || (leg.confirmed !== best.confirmed ? leg.confirmed : leg.generation > best.generation)) best = leg;
		}
		this.several = this.all.length > 1;
		const before = this.current;
		if (best === before) return;
		this.current = best;
		if (before !== undefined) this.#passage ??= { from: before.path, sinceMs: this.#now(), suspended: false };
		if (best === undefined && this.#passage !== undefined) this.#passage.suspended = true;
		sending.draining = best !== undefined && before !== undefined && this.all.includes(before);
		this.#drainEndsMs = sending.draining ? this.#now() + DRAIN_MS : NEVER;
		this.#drainStallsMs = NEVER;
		if (sending.draining) this.progressed();
		this.#events.moved(best);
	}

	/** Something more is acknowledged. */
	progressed(): void {
		if (this.#drainEndsMs !== NEVER) this.#drainStallsMs = this.#now() + Math.max(2 * this.#rttMs, DRAIN_STALL_MS);
	}

	/** New units may go on the current leg. */
	began(): void {
		const [passage, to] = [this.#passage, this.current?.path];
		this.#passage = undefined;
		if (passage === undefined || to === undefined) return;
		const { from, sinceMs, suspended } = passage;
		this.#sink.passed?.({ from, to, pauseMs: this.#now() - sinceMs, suspended });
	}

	/** A planned move waits no longer. */
	endDrain(sending: Sending): void {
		this.#drainEndsMs = this.#drainStallsMs = NEVER;
		if (!sending.draining) return;
		sending.draining = false;
		sending.pump();
	}

	/** A round trip from end to end was seen. */
	measured(ms: number): void {
		this.#rttMs = this.#rttMs === 0 ? ms : Math.min(this.#rttMs, ms);
	}
}
