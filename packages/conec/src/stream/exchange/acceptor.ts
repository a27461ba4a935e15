/**
 * A stream that survives the loss of its legs, at the end that accepts them.
 *
 * @module
 */

import { RESET_CODES } from "../../wire/codes.ts";
import { FRAME } from "../../wire/frames.ts";
import { encodeResumable } from "../../wire/stream-frames.ts";
import { endOf } from "./failures.ts";
import { Leg, type LegOwner } from "./leg.ts";
import type { Core, Loss, Rules } from "./rules.ts";
import type { Attach, FurtherLeg } from "./seams.ts";
import { ACCEPTOR_MORE_MS, NEVER } from "./times.ts";

/** What is done with an OPEN of a further leg: it is a leg now, or it is to be reset and stopped with that code. */
export type Offered = "taken" | { readonly refuse: number };

/** See the module. */
export class Acceptor implements Rules {
	readonly #core: Core & LegOwner;
	readonly #forMs: number;
	readonly #messageBytes: number;
	/** The greatest generation that was accepted. */
	#accepted = 0;
	/** When a stream without a leg fails, or is forgotten. */
	#overMs = NEVER;
	#suspended = false;

	constructor(core: Core & LegOwner, forMs: number, messageBytes: number) {
		this.#core = core;
		this.#forMs = forMs;
		this.#messageBytes = messageBytes;
	}

	get wakeMs(): number {
		return this.#overMs;
	}

	/** OPEN of a further leg came. */
	offer(open: FurtherLeg, attach: Attach): Offered {
		const core = this.#core;
		if (open.generation <= this.#accepted) return { refuse: RESET_CODES.MOVED };
		if (!core.heard(open.received, open.limit)) return { refuse: RESET_CODES.FRAME_INVALID };
		this.#accepted = open.generation;
		for (const leg of [...core.legs.all]) if (leg !== core.legs.current) core.drop(leg, RESET_CODES.MOVED);
		const leg = new Leg(open.generation, core);
		leg.confirmed = core.legs.current === undefined;
		leg.up = true;
		core.legs.add(leg, attach, false);
		this.answer(leg);
		this.#live();
		core.choose();
		return "taken";
	}

	/** RESUMABLE goes out on a leg. */
	answer(leg: Leg): void {
		const { received, limit } = this.#core.incoming;
		leg.sentMs = this.#core.now();
		[leg.toldReceived, leg.toldLimit] = [received, limit];
		leg.urgent(FRAME.RESUMABLE, encodeResumable({ received, limit, forMs: this.#forMs, messageBytes: this.#messageBytes }));
	}

	answered(): void {}

	rejected(): void {}

	overtaken(): void {}

	confirmed(leg: Leg): void {
		leg.confirmed = true;
		this.#core.choose();
	}

	fin(leg: Leg): void {
		const core = this.#core;
		if (leg.generation < this.#accepted) {
			for (const newest of core.legs.all) if (newest.generation === this.#accepted) newest.confirmed = true;
			leg.finish();
			// What was written here may still be on its way: a planned move waits for it.
			core.choose();
			core.drop(leg, undefined);
			core.choose();
			core.legs.current?.acks.now();
			if (core.legs.all.length === 0) this.#suspend();
			return;
		}
		if (!core.done) return this.lost(leg);
		leg.finish();
		core.forget(RESET_CODES.MOVED);
	}

	lost(leg: Leg, _loss?: Loss): void {
		const core = this.#core;
		core.drop(leg, RESET_CODES.MOVED);
		// A leg that is behind what came another way was left by the opener, which reads nothing new there.
		for (const other of [...core.legs.all]) if (other.wrote >= 0 && other.wrote < core.sending.acked) core.drop(other, RESET_CODES.MOVED);
		core.choose();
		if (core.legs.all.length === 0) this.#suspend();
	}

	settle(): void {
		const core = this.#core;
		while (core.done && core.legs.current !== undefined) {
			const leg = core.legs.current;
			core.incoming.acknowledge();
			leg.finish();
			core.choose();
		}
	}

	done(): void {
		this.#overMs = this.#core.now() + this.#forMs + ACCEPTOR_MORE_MS;
	}

	expired(nowMs: number): void {
		if (nowMs < this.#overMs) return;
		const core = this.#core;
		if (core.done) return core.forget(RESET_CODES.MOVED);
		const error = core.newError("RESUME_EXPIRED");
		core.fail({ error, info: endOf("error", error) }, RESET_CODES.RESUME_EXPIRED);
	}

	#suspend(): void {
		if (this.#suspended || this.#core.done) return;
		this.#suspended = true;
		this.#overMs = this.#core.now() + this.#forMs + ACCEPTOR_MORE_MS;
		this.#core.suspended(true);
	}

	#live(): void {
		if (!this.#suspended) return;
		this.#suspended = false;
		this.#overMs = NEVER;
		this.#core.suspended(false);
	}
}
