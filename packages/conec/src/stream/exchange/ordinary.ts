/**
 * The ordinary stream: one leg, whose loss is an error.
 *
 * @module
 */

import { RESET_CODES } from "../../wire/codes.ts";
import { decodeReject } from "../../wire/open.ts";
import type { Resumable } from "../../wire/stream-frames.ts";
import { cannotOpen, endOf } from "./failures.ts";
import type { Leg } from "./leg.ts";
import type { Core, Loss, Rules } from "./rules.ts";
import { ANSWER_MS, NEVER } from "./times.ts";

/** See the module. */
export class Ordinary implements Rules {
	readonly #core: Core;
	readonly #withinMs: number;
	/** By when the answer must come. */
	#answerMs: number;
	/** By when the peer's FIN must come. */
	#finMs = NEVER;

	/** @param withinMs In how long the answer to OPEN must come; `undefined`: none is awaited. */
	constructor(core: Core, withinMs: number | undefined) {
		this.#core = core;
		this.#withinMs = withinMs ?? 0;
		this.#answerMs = withinMs === undefined ? NEVER : core.now() + withinMs;
	}

	get wakeMs(): number {
		return Math.min(this.#answerMs, this.#finMs);
	}

	answered(leg: Leg, resumable: Resumable): void {
		this.#answerMs = NEVER;
		this.#core.opened(resumable.messageBytes);
		if (leg.stopCode !== undefined) leg.stopped(leg.stopCode);
	}

	rejected(_leg: Leg, payload: Uint8Array): void {
		const reject = decodeReject(payload);
		const error = reject.ok
			? cannotOpen(this.#core.subject, reject.value.code, reject.value.message)
			: cannotOpen(this.#core.subject, "PROTOCOL_ERROR", reject.error);
		this.#core.fail({ error, info: { by: "peer", code: error.code } }, RESET_CODES.REJECTED);
	}

	overtaken(): void {
		this.#answerMs = Math.min(this.#answerMs, this.#core.now() + ANSWER_MS);
	}

	confirmed(): void {}

	fin(): void {
		const core = this.#core;
		if (core.done) return core.forget(RESET_CODES.NONE);
		if (core.incoming.endCame && core.sending.over) return;
		const error = core.newError(
			"STREAM_TRUNCATED",
			core.incoming.endCame ? "the peer finished without acknowledging the end" : "the peer's side was cut off without an end",
		);
		core.fail({ error, info: endOf("error", error) }, RESET_CODES.STREAM_TRUNCATED);
	}

	lost(_leg: Leg, loss: Loss): void {
		if (this.#core.done) this.#core.forget(RESET_CODES.NONE);
		else this.#core.fail(loss, RESET_CODES.CANCELLED);
	}

	settle(): void {
		const { sending, incoming, legs, done } = this.#core;
		const leg = legs.current;
		if (sending.lastNumber === 0 || !incoming.lastCame || leg === undefined) return;
		// The ACK of the peer's last unit is due at the end of this turn, and FIN goes right behind it.
		if (done) incoming.acknowledge();
		if (leg.toldReceived === incoming.received) leg.finish();
	}

	done(): void {
		if (this.#core.legs.all[0]?.finCame !== false) this.#core.forget(RESET_CODES.NONE);
		else this.#finMs = this.#core.now() + ANSWER_MS;
	}

	expired(nowMs: number): void {
		if (nowMs >= this.#answerMs) {
			this.#answerMs = NEVER;
			const error = cannotOpen(this.#core.subject, "PEER_TIMEOUT", `no answer within ${this.#withinMs} ms`);
			this.#core.fail({ error, info: { by: "local", code: error.code } }, RESET_CODES.CANCELLED);
		} else if (nowMs >= this.#finMs) {
			this.#core.forget(RESET_CODES.NONE);
		}
	}
}
