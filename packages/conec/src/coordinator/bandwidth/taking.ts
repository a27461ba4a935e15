/**
 * Takes the messages that come on the streams of one connection no faster than its Client may send.
 *
 * @module
 */

import { Fifo } from "../../base/fifo.ts";
import type { TransportConnection } from "../../transport/transport.ts";

/** The streams of one connection, which take turns: a message of each. */
export class TakingLine {
	readonly #connection: Pick<TransportConnection, "mayTake" | "took">;
	readonly #turns: Fifo<Taking> = new Fifo();
	#going = false;

	constructor(connection: Pick<TransportConnection, "mayTake" | "took">) {
		this.#connection = connection;
	}

	/** For one more stream. `take`: a message of so many bytes is taken, and its sender may send as much again. */
	add(take: (payloadBytes: number) => void): Taking {
		return new Taking(this, take);
	}

	/** @internal A stream has a message again. */
	wait(taking: Taking): void {
		this.#turns.push(taking);
		if (this.#turns.length === 1) this.go();
	}

	/** @internal Nothing of it waits any more. */
	leave(taking: Taking): void {
		this.#turns.remove(taking);
		if (this.#turns.length === 0) this.#connection.took(0);
	}

	/** @internal So many bytes were taken out of turn. */
	spend(bytes: number): void {
		this.#connection.took(bytes);
	}

	/** The connection may have a turn again. If nobody wants it, it is another one's. */
	go(): void {
		if (this.#going) return;
		if (this.#turns.length === 0) return this.#connection.took(0);
		this.#going = true;
		while (this.#turns.length > 0 && this.#connection.mayTake()) {
			const taking = this.#turns.shift() as Taking;
			this.#connection.took(taking.next() ?? 0);
			taking.took();
		}
		this.#going = false;
	}
}

/** One stream. What waits is bounded by what the sender may send before it hears that something was taken. */
export class Taking {
	readonly #line: TakingLine;
	readonly #take: (payloadBytes: number) => void;
	readonly #waiting: Fifo<number> = new Fifo();
	#over = false;

	constructor(line: TakingLine, take: (payloadBytes: number) => void) {
		this.#line = line;
		this.#take = take;
	}

	/** Messages that wait. */
	get waiting(): number {
		return this.#waiting.length;
	}

	/** A message of so many bytes is taken as soon as its sender may send more. */
	add(payloadBytes: number): void {
		if (this.#over) return;
		this.#waiting.push(payloadBytes);
		if (this.#waiting.length === 1) this.#line.wait(this);
	}

	/** Takes all that waits at once: nothing more comes. */
	flush(): void {
		if (this.#waiting.length === 0) return;
		this.#line.leave(this);
		for (let bytes = this.#waiting.shift(); bytes !== undefined; bytes = this.#waiting.shift()) {
			this.#line.spend(bytes);
			this.#take(bytes);
		}
		this.#line.go(); // what was spent has taken the turn of the others
	}

	/** Nothing is taken any more. */
	end(): void {
		this.#over = true;
		if (this.#waiting.length > 0) this.#line.leave(this);
		this.#waiting.clear();
	}

	/** @internal The bytes of the message whose turn it is. */
	next(): number | undefined {
		return this.#waiting.peek();
	}

	/** @internal The message whose turn it was is taken. */
	took(): void {
		const bytes = this.#waiting.shift();
		if (this.#waiting.length > 0) this.#line.wait(this);
		if (bytes !== undefined) this.#take(bytes);
	}
}
