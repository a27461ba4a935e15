/**
 * A stream that survives the loss of its legs, at the end that opens them.
 *
 * @module
 */

import type { ConecErrorCode } from "../../errors.ts";
import { RESET_CODES } from "../../wire/codes.ts";
import { decodeReject } from "../../wire/open.ts";
import type { Resumable } from "../../wire/stream-frames.ts";
import { cannotOpen, endOf } from "./failures.ts";
import { Leg, type LegOwner } from "./leg.ts";
import { type Core, isFatal, type Loss, type Rules } from "./rules.ts";
import { ANSWER_MS, NEVER } from "./times.ts";

/** How long a leg is still read that this side has left. */
const LEFT_MS = 5_000;
/** The longest pause before the first repeated attempt, which doubles from one to the next. */
const RETRY_MS = 100;
const RETRY_MAX_MS = 2_000;
/** An attempt follows a loss at once, unless the leg that was lost had come up, or had been opened, so shortly before. */
const STEADY_MS = 1_000;
/** An attempt without an answer after that may be replaced by one over another way. */
const OVERDUE_MS = 1_000;
const GENERATION_MAX = 0xffff_ffff;

/** The codes of a REJECT that say that no further attempt is of use. */
const FATAL_REJECTS: ReadonlySet<ConecErrorCode> = new Set<ConecErrorCode>(["RESUME_UNKNOWN", "CLIENT_CLOSED", "PROTOCOL_ERROR", "ID_INVALID"]);

/** What names the stream at both ends, and how long a loss may last. */
export interface ResumeOptions {
	/** 32 hexadecimal digits. */
	readonly token: string;
	readonly forMs: number;
}

/** See the module. */
export class Opener implements Rules {
	readonly #core: Core & LegOwner;
	readonly #token: string;
	readonly #withinMs: number;
	#forMs: number;
	/** The peer's library has answered. */
	#opened = false;
	#generation = 0;
	/** The leg that has no answer yet. */
	#attempt: Leg | undefined;
	/** Attempts in a row. */
	#tries = 0;
	#retryMs = NEVER;
	/** The attempt takes the place of a leg that seems to carry nothing: what is on that is not waited for. */
	#urgent = false;
	/** Since when a leg is up. */
	#upMs = NEVER;
	#suspended = false;
	/** When a stream without a leg fails, or is forgotten. */
	#overMs = NEVER;
	/** What ended the first leg before an answer. */
	#firstLoss: Loss | undefined = undefined;
	/** The stream has failed here while no leg carried it, and the next leg is to tell the peer so. */
	#lastCode: number | undefined = undefined;

	constructor(core: Core & LegOwner, { token, forMs }: ResumeOptions, first: Leg, withinMs: number) {
		this.#core = core;
		this.#token = token;
		this.#forMs = forMs;
		this.#withinMs = withinMs;
		this.#attempt = first;
		first.untilMs = core.now() + withinMs;
	}

	get wakeMs(): number {
		let wakeMs = Math.min(this.#retryMs, this.#overMs);
		for (const leg of this.#core.legs.all) wakeMs = Math.min(wakeMs, leg.untilMs);
		return wakeMs;
	}

	/**
	 * Goes over to a better path: another leg is opened while the present one goes on. False: not now, as an attempt or
	 * an older move is under way, there is no way, or the stream is over.
	 *
	 * @param urgent The present leg seems to carry nothing, so an older leg that is still read is given up.
	 */
	move(urgent: boolean): boolean {
		const core = this.#core;
		if (core.done || core.legs.current === undefined || !this.#opened || this.#attempt !== undefined) return false;
		if (!urgent && core.legs.all.length > 1) return false;
		const opens = this.#open();
		this.#urgent = opens && urgent;
		return opens;
	}

	/** There is a way to the peer again, or a better one: an attempt need not wait, and takes the place of one that has had no answer for a while. */
	wayIsThere(): void {
		const waitedMs = this.#core.now() - (this.#attempt?.sentMs ?? NEVER);
		if (this.#retryMs !== NEVER || (this.#suspended && waitedMs >= OVERDUE_MS)) this.#open();
	}

	/** The stream fails at this end. True: no leg carries it now, and one that comes up is reset with that code. */
	tells(code: number): boolean {
		const core = this.#core;
		if (!this.#suspended || !isFatal(code)) return false;
		this.#lastCode = code;
		for (const leg of [...core.legs.all]) if (leg !== this.#attempt) core.drop(leg, code);
		return true;
	}

	answered(leg: Leg, { forMs, messageBytes }: Resumable): void {
		const core = this.#core;
		if (this.#lastCode !== undefined) return core.forget(this.#lastCode);
		this.#attempt = undefined;
		leg.untilMs = NEVER;
		if (!this.#opened) {
			this.#opened = true;
			this.#forMs = Math.min(this.#forMs, forMs);
			core.opened(messageBytes);
			if (forMs === 0 && leg.generation === 0) return core.becomeOrdinary();
		}
		this.#firstLoss = undefined;
		this.#retryMs = NEVER;
		this.#upMs = core.now();
		for (const older of [...core.legs.all]) if (older !== leg) this.#leave(older);
		leg.owesAck = true;
		this.#live();
		core.choose();
		if (this.#urgent) core.legs.endDrain(core.sending);
		this.#urgent = false;
		leg.acks.now();
		if (leg.stopCode !== undefined) leg.stopped(leg.stopCode);
	}

	rejected(leg: Leg, payload: Uint8Array): void {
		const core = this.#core;
		const reject = decodeReject(payload);
		const [code, words] = reject.ok ? [reject.value.code, reject.value.message] : (["PROTOCOL_ERROR", reject.error] as const);
		if (leg.generation === 0) {
			const error = cannotOpen(core.subject, code, words);
			return core.fail({ error, info: { by: "peer", code } }, RESET_CODES.REJECTED);
		}
		const error = core.newError(code, words);
		const up = core.legs.all.some((other) => other.up && !other.left);
		if (up || !FATAL_REJECTS.has(code)) return this.#drop(leg, { error, info: endOf("error", error) }, RESET_CODES.REJECTED);
		core.drop(leg, RESET_CODES.REJECTED);
		if (core.done) return core.forget(RESET_CODES.MOVED);
		core.fail(this.#firstLoss ?? { error, info: endOf("error", error) }, RESET_CODES.CANCELLED);
	}

	overtaken(leg: Leg): void {
		leg.untilMs = Math.min(leg.untilMs, this.#core.now() + ANSWER_MS);
	}

	confirmed(): void {}

	fin(leg: Leg): void {
		const core = this.#core;
		if (leg.left) {
			core.drop(leg, undefined);
			core.choose();
			core.legs.current?.acks.now();
		} else if (core.done && leg.up) {
			core.forget(RESET_CODES.MOVED);
		} else {
			const error = core.newError("STREAM_TRUNCATED", "the peer's side was cut off without an end");
			this.lost(leg, { error, info: endOf("error", error) });
		}
	}

	lost(leg: Leg, loss: Loss): void {
		this.#drop(leg, loss, RESET_CODES.MOVED);
	}

	settle(): void {
		const core = this.#core;
		while (core.done && core.legs.current?.up === true) {
			const leg = core.legs.current;
			core.incoming.acknowledge();
			leg.finish();
			core.choose();
		}
	}

	done(): void {
		this.#overMs = this.#core.now() + Math.max(this.#forMs, ANSWER_MS);
		if (this.#core.legs.all.some((leg) => leg.up && !leg.left && leg.finCame)) this.#core.forget(RESET_CODES.MOVED);
	}

	expired(nowMs: number): void {
		const core = this.#core;
		if (nowMs >= this.#overMs) {
			if (core.done) return core.forget(RESET_CODES.MOVED);
			const error = core.newError("RESUME_EXPIRED");
			return core.fail(this.#firstLoss ?? { error, info: endOf("error", error) }, RESET_CODES.RESUME_EXPIRED);
		}
		for (const leg of [...core.legs.all]) {
			if (nowMs < leg.untilMs) continue;
			const error = cannotOpen(core.subject, "PEER_TIMEOUT", `no answer within ${this.#withinMs} ms`);
			if (leg.generation === 0 && !leg.up) return core.fail({ error, info: { by: "local", code: error.code } }, RESET_CODES.CANCELLED);
			this.#drop(leg, { error, info: endOf("error", error) }, RESET_CODES.MOVED);
		}
		if (nowMs >= this.#retryMs) this.#open();
	}

	/** Nothing more is written on an older leg. What the peer wrote there before it heard of the new one is still read. */
	#leave(leg: Leg): void {
		if (!leg.up) return this.#core.drop(leg, RESET_CODES.MOVED);
		leg.finish();
		leg.left = true;
		leg.untilMs = Math.min(leg.untilMs, this.#core.now() + LEFT_MS);
	}

	#drop(leg: Leg, loss: Loss, code: number): void {
		const core = this.#core;
		if (leg === this.#attempt) {
			this.#attempt = undefined;
			// It has waited, for a peer that was to come back or did not answer. So there is no need for another pause.
			if (core.now() - (leg.sentMs ?? NEVER) >= STEADY_MS) this.#tries = 0;
		}
		if (!this.#opened) this.#firstLoss ??= loss;
		core.drop(leg, code);
		core.choose();
		if (core.legs.all.some((other) => other.up && !other.left)) return;
		this.#suspend();
		this.#retry();
	}

	/** No leg carries the stream. */
	#suspend(): void {
		if (this.#suspended || this.#core.done) return;
		this.#suspended = true;
		this.#overMs = this.#core.now() + this.#forMs;
		this.#core.suspended(true);
	}

	#live(): void {
		if (!this.#suspended) return;
		this.#suspended = false;
		this.#overMs = NEVER;
		this.#core.suspended(false);
	}

	/** The next attempt is made: at once after a loss, later after one that failed. */
	#retry(): void {
		if (this.#attempt !== undefined || this.#retryMs !== NEVER) return;
		const upForMs = this.#core.now() - this.#upMs;
		if (this.#upMs !== NEVER && upForMs >= STEADY_MS) this.#tries = 0;
		this.#upMs = NEVER;
		if (this.#tries === 0) this.#open();
		else this.#pause();
	}

	#pause(): void {
		this.#retryMs = this.#core.now() + this.#core.fraction() * Math.min(RETRY_MS * 2 ** (this.#tries - 1), RETRY_MAX_MS);
	}

	#open(): boolean {
		const core = this.#core;
		this.#retryMs = NEVER;
		if (this.#generation === GENERATION_MAX) {
			core.violated("there were too many legs");
			return false;
		}
		const leg = new Leg(this.#generation + 1, core);
		const open = { token: this.#token, generation: leg.generation, received: core.incoming.received, limit: core.incoming.limit };
		[leg.toldReceived, leg.toldLimit, leg.sentMs] = [open.received, open.limit, core.now()];
		leg.untilMs = core.now() + ANSWER_MS;
		this.#tries++;
		this.#urgent = false;
		const link = core.openLeg(open, leg);
		if (link === undefined) {
			if (core.legs.current === undefined) this.#pause();
			return false;
		}
		this.#generation = leg.generation;
		for (const other of [...core.legs.all]) if (other !== core.legs.current) core.drop(other, RESET_CODES.MOVED);
		this.#attempt = leg;
		core.legs.add(leg, () => link, false);
		core.choose();
		return true;
	}
}
