/**
 * Asking the Coordinator how many members broadcasts have.
 *
 * @module
 */

import { type Clock, systemClock } from "../../base/clock.ts";
import { ConecError } from "../../errors.ts";
import type { ClientLimits } from "../../limits.ts";
import type { BroadcastCount, BroadcastCounted, BroadcastUnknown } from "../../wire/control.ts";

/** How many members a broadcast has; one that sends and receives counts as both. */
export interface BroadcastMembers {
	readonly senders: number;
	readonly receivers: number;
}

interface Request {
	readonly name: string;
	readonly resolve: (count: BroadcastMembers) => void;
	readonly reject: (error: ConecError) => void;
	readonly timer: unknown;
}

/** Requests that wait for their answers. */
export class BroadcastCounts {
	readonly #send: (message: BroadcastCount) => void;
	readonly #limits: ClientLimits;
	readonly #clock: Clock;
	readonly #requests: Map<number, Request> = new Map();
	#next = 0;
	#error: ConecError | undefined;

	constructor(send: (message: BroadcastCount) => void, limits: ClientLimits, clock: Clock = systemClock) {
		this.#send = send;
		this.#limits = limits;
		this.#clock = clock;
	}

	/** Those that wait. */
	get size(): number {
		return this.#requests.size;
	}

	/** Rejects with `BROADCAST_UNKNOWN`, `QUEUE_FULL`, `PEER_TIMEOUT`, or the error of {@link end}. */
	ask(name: string): Promise<BroadcastMembers> {
		if (this.#error !== undefined) return Promise.reject(this.#error);
		if (this.#requests.size >= this.#limits.requests)
			return Promise.reject(new ConecError("QUEUE_FULL", `Cannot count broadcast "${name}": ${this.#requests.size} requests wait already`));
		const request = this.#next++;
		return new Promise((resolve, reject) => {
			const timer = this.#clock.setTimeout(() => {
				this.#requests.delete(request);
				reject(new ConecError("PEER_TIMEOUT", `Cannot count broadcast "${name}": no answer within ${this.#limits.requestTimeoutMs} ms`));
			}, this.#limits.requestTimeoutMs);
			this.#requests.set(request, { name, resolve, reject, timer });
			this.#send({ type: "broadcast-count", request, name });
		});
	}

	/** An answer; one that nobody waits for is ignored. */
	answered(message: BroadcastCounted | BroadcastUnknown): void {
		const request = this.#requests.get(message.request);
		if (request === undefined) return;
		this.#requests.delete(message.request);
		this.#clock.clearTimeout(request.timer);
		if (message.type === "broadcast-counted") request.resolve({ senders: message.senders, receivers: message.receivers });
		else request.reject(new ConecError("BROADCAST_UNKNOWN", `Cannot count broadcast "${request.name}": nobody has joined it`));
	}

	/** All that wait, and those to come, reject with the error. */
	end(error: ConecError): void {
		this.#error ??= error;
		for (const { timer, reject } of this.#requests.values()) {
			this.#clock.clearTimeout(timer);
			reject(this.#error);
		}
		this.#requests.clear();
	}
}
