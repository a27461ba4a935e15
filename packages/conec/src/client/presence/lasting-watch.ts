/**
 * A watch of the peers that outlives the link to the Coordinator: on the next link it begins anew, with a fresh list.
 *
 * @module
 */

import { isConecError } from "../../errors.ts";
import type { PresenceEvent } from "../../session/presence-event.ts";

/** What a lasting watch needs. */
export interface LastingWatchHost {
	/** A watch on the link of now. */
	begin(): AsyncIterableIterator<PresenceEvent, undefined>;
	/** Whether another link follows when this one is lost. */
	comesBack(): boolean;
	/** What stands for the link of now, or for the last one. */
	link(): object;
	/** Resolves when there is another link than that. Rejects with how the Client ends, or on abort. */
	next(signal: AbortSignal): Promise<unknown>;
}

type Result = IteratorResult<PresenceEvent, undefined>;
const DONE: Result = { done: true, value: undefined };

/** See the module. Reads are answered one after the other. */
export class LastingWatch implements AsyncIterableIterator<PresenceEvent> {
	readonly #host: LastingWatchHost;
	readonly #left: AbortController = new AbortController();
	#watch: AsyncIterableIterator<PresenceEvent, undefined>;
	/** The link on which it has begun. */
	#link: object | undefined;
	/** The last read, until it is answered. */
	#reading: Promise<unknown> | undefined;

	constructor(host: LastingWatchHost) {
		this.#host = host;
		this.#watch = host.begin();
	}

	next(): Promise<Result> {
		const before = this.#reading;
		const result = before === undefined ? this.#read() : before.then(() => this.#read());
		const over = result.then(
			() => undefined,
			() => undefined,
		);
		this.#reading = over;
		void over.then(() => {
			if (this.#reading === over) this.#reading = undefined;
		});
		return result;
	}

	/** Leaves. Resolves when the Coordinator has answered. */
	async return(): Promise<Result> {
		this.#left.abort();
		await this.#watch.return?.();
		return DONE;
	}

	[Symbol.asyncIterator](): this {
		return this;
	}

	async #read(): Promise<Result> {
		while (!this.#left.signal.aborted) {
			this.#link ??= this.#host.link();
			try {
				const result = await this.#watch.next();
				if (result.done === true) this.#left.abort();
				return result;
			} catch (error) {
				if (this.#left.signal.aborted) break;
				if (!isConecError(error) || error.code !== "COORDINATOR_LOST" || !this.#host.comesBack()) {
					this.#left.abort();
					throw error;
				}
			}
			// A reader that was away may find that there is another one already.
			if (this.#link === this.#host.link() && !(await this.#next())) break;
			this.#link = undefined;
			this.#watch = this.#host.begin();
		}
		return DONE;
	}

	/** Waits for the next link. False: the watch is over, as its reader or the Client wants it. */
	async #next(): Promise<boolean> {
		try {
			await this.#host.next(this.#left.signal);
			return true;
		} catch (error) {
			if (this.#left.signal.aborted) return false;
			this.#left.abort();
			if (isConecError(error) && error.code === "CLIENT_CLOSED") return false;
			throw error;
		}
	}
}
