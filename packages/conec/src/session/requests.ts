/**
 * Asking and being answered on a control stream: each question carries a number, and its answer carries the same.
 *
 * Answers come from the other side, which may break the rules. An answer with a number that nobody waits for, a second answer and one of
 * another type are passed over.
 *
 * @module
 */

import { type Clock, systemClock } from "../base/clock.ts";
import { deferred, onAbort, reasonOf, throwIfAborted } from "../base/signals.ts";
import { ConecError } from "../errors.ts";
import type { Typed } from "./control-stream.ts";

/** A message with the number of its question; without one it is neither question nor answer. */
export interface Numbered extends Typed {
	readonly request?: number | undefined;
}

/** What a question is made of. */
export interface Question<Q extends Numbered, A extends Numbered, T extends A> {
	/** The question with its number. */
	readonly ask: (request: number) => Q;
	/** Which messages answer it. */
	readonly isAnswer: (message: A) => message is T;
	/** How the messages of errors begin: `Cannot count broadcast "news"`. */
	readonly action: string;
}

/** How a question is waited for by callbacks. One of the two is called, once, unless it is withdrawn. */
export interface Hearing<T> {
	/** The answer. False: it is not good for this question, which goes on waiting. */
	answered(answer: T): boolean;
	/** There will be none. */
	ended(error: ConecError): void;
}

/** A question that waits. */
export interface Asked {
	/** By which the other side knows it. */
	readonly number: number;
	/** No answer is waited for any more. */
	withdraw(): void;
}

/** What a {@link Requests} is made of. */
export interface RequestsParts<Q extends Numbered> {
	readonly send: (message: Q) => void;
	/** How many questions of each type may wait at once. */
	readonly atOnce: Readonly<Record<Q["type"], number>>;
	/** @default the machine's */
	readonly clock?: Clock;
}

/** The questions of one side that wait for their answers, of a connection. `Q`: the questions. `A`: every message that might be an answer. */
export class Requests<Q extends Numbered, A extends Numbered> {
	readonly #parts: RequestsParts<Q>;
	readonly #clock: Clock;
	readonly #waiting: Map<number, Waiting<A>> = new Map();
	#last = 0;
	#ended: ConecError | undefined;

	constructor(parts: RequestsParts<Q>) {
		this.#parts = parts;
		this.#clock = parts.clock ?? systemClock;
	}

	/** Questions that wait. */
	get size(): number {
		return this.#waiting.size;
	}

	/**
	 * Asks and resolves with the answer.
	 *
	 * Rejects with `PEER_TIMEOUT` after `withinMs`; with `QUEUE_FULL` if as many of its type wait already as may; with the error of
	 * {@link end}; or with `signal.reason`. A late answer is passed over then.
	 */
	async request<T extends A>(question: Question<Q, A, T> & { readonly withinMs: number; readonly signal?: AbortSignal | undefined }): Promise<T> {
		const { action, withinMs, signal } = question;
		throwIfAborted(signal);
		const answer = deferred<T>();
		const hearing: Hearing<T> = {
			answered: (message) => {
				answer.resolve(message);
				return true;
			},
			ended: answer.reject,
		};
		const asked = this.ask(question, hearing);
		if (asked instanceof ConecError) throw asked;
		const giveUp = (reason: unknown): void => {
			asked.withdraw();
			answer.reject(reason);
		};
		const timer = this.#clock.setTimeout(() => giveUp(new ConecError("PEER_TIMEOUT", `${action}: no answer within ${withinMs} ms`)), withinMs);
		const forget = onAbort(signal, () => giveUp(signal === undefined ? undefined : reasonOf(signal)));
		try {
			return await answer.promise;
		} finally {
			this.#clock.clearTimeout(timer);
			forget();
		}
	}

	/**
	 * Asks, and calls back with the answer before the next message is looked at. There is no deadline: the caller withdraws the question in time.
	 *
	 * @returns an error if nothing has been asked: `QUEUE_FULL`, or that of {@link end}
	 */
	ask<T extends A>({ ask, isAnswer, action }: Question<Q, A, T>, hearing: Hearing<T>): Asked | ConecError {
		if (this.#ended !== undefined) return this.#ended;
		const number = this.#last + 1;
		const message = ask(number);
		const type: Q["type"] = message.type;
		const before = this.#count(type);
		if (before >= this.#parts.atOnce[type]) return new ConecError("QUEUE_FULL", `${action}: ${before} requests wait already`);
		this.#last = number;
		const hears = (answer: A): boolean => isAnswer(answer) && hearing.answered(answer);
		this.#waiting.set(number, { type, hears, ended: (error) => hearing.ended(error) });
		this.#parts.send(message);
		return { number, withdraw: () => void this.#waiting.delete(number) };
	}

	/** Whether a message was the answer to a question that waited. */
	answered(message: A): boolean {
		const { request } = message;
		const waiting = request === undefined ? undefined : this.#waiting.get(request);
		if (request === undefined || waiting === undefined) return false;
		// Before it hears the answer, as it may ask again at once.
		this.#waiting.delete(request);
		const good = waiting.hears(message);
		if (!good && this.#ended === undefined) this.#waiting.set(request, waiting);
		return good;
	}

	/** The connection is over, or its owner is. All questions that wait end with this error, and so does each that is asked from now on. Only the first call counts. */
	end(error: ConecError): void {
		if (this.#ended !== undefined) return;
		this.#ended = error;
		const waiting = [...this.#waiting.values()];
		this.#waiting.clear();
		for (const { ended } of waiting) ended(error);
	}

	#count(type: string): number {
		let count = 0;
		for (const one of this.#waiting.values()) if (one.type === type) count++;
		return count;
	}
}

interface Waiting<A> {
	readonly type: string;
	readonly hears: (answer: A) => boolean;
	readonly ended: (error: ConecError) => void;
}
