/**
 * What senders of one broadcast have sent while readers were full, and whose turn it is when there is room again.
 *
 * @module
 */

import { Fifo } from "../../base/fifo.ts";

/** So many bytes of one sender go in its turn, and the rest of the message that reaches it. */
const TURN_BYTES = 16 * 1_024;

/** What waits: a message, or something to do once everything before it has its number. */
export type Waiting = { readonly type: "message"; readonly payload: Uint8Array } | { readonly type: "action"; readonly run: () => void };

/** A sender, and what waits of it. */
export interface Turn<S> {
	readonly sender: S;
	readonly waiting: Waiting;
}

interface Line<S> {
	readonly sender: S;
	readonly waiting: Fifo<Waiting>;
	/** What is left of its turn. */
	turnBytes: number;
}

/**
 * The order of one sender's messages stays. Senders take turns: one that may send far ahead, as it is far away, must not have more of
 * what the readers can take than another, and a short message must not wait behind all that it has sent.
 */
export class Pending<S extends object> {
	readonly #lines: Map<S, Line<S>> = new Map();
	/** Those of which something waits, in the order of their turns. */
	readonly #turns: Fifo<Line<S>> = new Fifo();
	#length = 0;

	/** Messages and actions that wait. */
	get length(): number {
		return this.#length;
	}

	/** Whether something of that sender waits. */
	has(sender: S): boolean {
		return this.#lines.has(sender);
	}

	/** Something more of a sender has to wait. */
	push(sender: S, waiting: Waiting): void {
		let line = this.#lines.get(sender);
		if (line === undefined) {
			line = { sender, waiting: new Fifo(), turnBytes: TURN_BYTES };
			this.#lines.set(sender, line);
			this.#turns.push(line);
		}
		line.waiting.push(waiting);
		this.#length++;
	}

	/** Takes what comes next. `undefined`: nothing waits. */
	shift(): Turn<S> | undefined {
		const line = this.#next();
		const waiting = line?.waiting.shift();
		if (line === undefined || waiting === undefined) return undefined;
		this.#length--;
		if (waiting.type === "message") line.turnBytes -= waiting.payload.length + 1;
		if (line.waiting.length === 0) {
			this.#turns.shift();
			this.#lines.delete(line.sender);
		}
		return { sender: line.sender, waiting };
	}

	/** Whose turn it is. One that had more than its turn, for a long message, lets the others go first until that is made up for. */
	#next(): Line<S> | undefined {
		for (let line = this.#turns.peek(); line !== undefined; line = this.#turns.peek()) {
			if (line.turnBytes > 0) return line;
			line.turnBytes += TURN_BYTES;
			if (this.#turns.length === 1) line.turnBytes = TURN_BYTES;
			this.#turns.shift();
			this.#turns.push(line);
		}
		return undefined;
	}

	/** Drops all that waits of a sender, and calls `drop` with each message. */
	forget(sender: S, drop: (payload: Uint8Array) => void): void {
		const line = this.#lines.get(sender);
		if (line === undefined) return;
		this.#lines.delete(sender);
		this.#turns.remove(line);
		this.#length -= line.waiting.length;
		for (let next = line.waiting.shift(); next !== undefined; next = line.waiting.shift()) if (next.type === "message") drop(next.payload);
	}
}
