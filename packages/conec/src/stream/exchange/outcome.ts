/**
 * What the application was told of a stream: whether it began, how each direction ends, and how the whole ended.
 *
 * @module
 */

import type { CloseInfo } from "../../base/close-info.ts";
import { type Deferred, deferred } from "../../base/signals.ts";
import type { ConecError } from "../../errors.ts";
import { cannotGoOn, endOf, type Subject } from "./failures.ts";
import type { Receiving } from "./receiving.ts";
import type { ExchangeSink } from "./seams.ts";
import type { Sending } from "./sending.ts";

/** What goes. */
export type SendingState =
	/** Messages may go. */
	| "open"
	/** The application has closed, and messages wait. */
	| "ending"
	/** END is written, or goes as soon as it can. */
	| "ended"
	/** The peer has all of it. */
	| "acknowledged"
	/** It ended before its time. RESET may be on its way. */
	| "failed";

/** See the module. What ended a stream otherwise than by END on both sides counts, and of that the first. Else it is who sent END first. */
export class Outcome {
	state: SendingState = "open";
	/** Why sending ended before its time, if it did. */
	error: ConecError | undefined = undefined;
	/** The peer's library has answered, or none of it is awaited any more. */
	answered: boolean;
	/** Both directions are over. */
	over = false;
	readonly #subject: Subject;
	readonly #sink: ExchangeSink;
	#peerStopped = false;
	#broken: CloseInfo | undefined = undefined;
	#by: "local" | "peer" = "local";
	#hearing: Deferred<void> | undefined = undefined;

	constructor(subject: Subject, sink: ExchangeSink, answered: boolean) {
		this.#subject = subject;
		this.#sink = sink;
		this.answered = answered;
	}

	/** The application has ended a direction, and END, RESET or STOP may still be on its way. */
	unheard(sending: Sending, incoming: Receiving): boolean {
		return (this.state !== "open" && !sending.over) || (incoming.state === "stopped" && !incoming.lastCame);
	}

	/** Somebody waits for {@link heard}. */
	get awaited(): boolean {
		return this.#hearing !== undefined;
	}

	/** Resolves when {@link heard} is called. */
	untilHeard(): Promise<void> {
		this.#hearing ??= deferred();
		return this.#hearing.promise;
	}

	/** Nothing is {@link unheard} any more. */
	heard(): void {
		this.#hearing?.resolve();
		this.#hearing = undefined;
	}

	/** Something other than END on both sides ends it. */
	broke(info: CloseInfo): void {
		this.#broken ??= info;
	}

	/** The peer's library has accepted. */
	opened(): void {
		this.answered = true;
		this.#sink.opened();
	}

	/** The peer's END came. */
	endCame(incoming: Receiving): void {
		if (this.state === "open") this.#by = "peer";
		if (incoming.state !== "open") return;
		incoming.state = "ended";
		this.#sink.receiving.finish(null);
	}

	/** The peer's application gave up sending. */
	resetCame(incoming: Receiving, code: number): void {
		if (incoming.state !== "open") return;
		const error = cannotGoOn(this.#subject, "STREAM_RESET", "the peer reset it", code);
		this.broke(endOf("peer", error));
		incoming.state = "failed";
		this.#sink.receiving.finish(error);
	}

	/** The peer's application wants no more. True: RESET is to be the last unit. */
	stopCame(sending: Sending, code: number): boolean {
		if (this.#peerStopped || sending.over) return false;
		this.#peerStopped = true;
		const error = cannotGoOn(this.#subject, "STREAM_STOPPED", "the peer wants no more", code);
		this.broke(endOf("peer", error));
		if (sending.lastNumber !== 0) return false;
		this.failSending(error);
		return true;
	}

	/** The peer has all that was sent. */
	acknowledged(): void {
		if (this.state !== "ended") return;
		this.state = "acknowledged";
		this.#sink.acknowledged();
	}

	/** Sending is over before its time, unless it is over. */
	failSending(error: ConecError): void {
		if (this.state === "failed" || this.state === "acknowledged") return;
		const closed = this.state !== "open";
		this.state = "failed";
		this.error ??= error;
		this.#sink.sending.fail(error);
		if (closed) this.#sink.unacknowledged(error);
	}

	/** Everything that is not over fails. */
	fail(incoming: Receiving, error: ConecError, info: CloseInfo): void {
		this.broke(info);
		this.error ??= error;
		if (!this.answered) {
			this.answered = true;
			this.#sink.refused(error);
		}
		if (incoming.state === "open") {
			incoming.state = "failed";
			this.#sink.receiving.finish(error);
		}
		this.failSending(error);
	}

	/** Both directions are over now. */
	close(): void {
		if (this.over) return;
		this.over = true;
		this.#sink.over(this.#broken ?? { by: this.#by });
	}
}
