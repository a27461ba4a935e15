/**
 * One direction of the line between two machines of a stream, both its ends.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { Random } from "../../src/base/random.ts";

const WINDOW_BYTES = 40;
const CREDIT_BYTES = 60;
/** What a frame costs besides its payload. */
export const COST_BYTES = 8;
/** From so much on messages wait. */
export const HIGH_WATER_BYTES = 48;

/** What travels in one direction. */
export type Item =
	| { readonly type: "frame"; readonly kind: number; readonly payload: Uint8Array }
	| { readonly type: "fin" }
	| { readonly type: "reset"; readonly code: number };

/** One direction of the line. */
export class Flow {
	/** Not sent yet. */
	queue: Item[] = [];
	queuedBytes = 0;
	wantsDrain = false;
	/** Sent, and not with the receiver's machine yet. */
	onWay: Item[] = [];
	creditBytes: number = CREDIT_BYTES;
	/** The sender can do nothing more here: it has given up, was stopped, or its FIN is acknowledged. */
	sendingOver = false;
	finWritten = false;
	/** The receiver hears nothing more. */
	receivingOver = false;
	/** On its way to the sender. */
	stopCode: number | undefined = undefined;

	write(kind: number, payload: Uint8Array): number {
		assert.equal(this.finWritten, false, "nothing is written after FIN");
		if (this.sendingOver) return -1;
		this.queue.push({ type: "frame", kind, payload });
		this.queuedBytes += payload.length + COST_BYTES;
		if (this.queuedBytes >= HIGH_WATER_BYTES) this.wantsDrain = true;
		return this.queuedBytes;
	}

	finish(): void {
		assert.equal(this.finWritten, false, "FIN is written once");
		if (this.sendingOver) return;
		this.finWritten = true;
		this.queue.push({ type: "fin" });
	}

	reset(code: number, random: Random): void {
		if (this.sendingOver) return;
		this.sendingOver = true;
		this.#dropQueue();
		// What is on its way may be lost, from any point on.
		this.onWay.length = Math.floor(random.fraction() * (this.onWay.length + 1));
		if (!this.receivingOver) this.onWay.push({ type: "reset", code });
	}

	stop(code: number): void {
		if (this.receivingOver) return;
		this.receivingOver = true;
		this.onWay = [];
		this.stopCode = code;
	}

	stopped(): void {
		this.stopCode = undefined;
		this.sendingOver = true;
		this.#dropQueue();
	}

	/** Whether the next frame may leave. */
	get open(): boolean {
		const used = this.onWay.reduce((sum, item) => sum + (item.type === "frame" ? item.payload.length + COST_BYTES : 0), 0);
		return this.queue.length > 0 && (this.queue[0]?.type !== "frame" || used < WINDOW_BYTES);
	}

	/** The next frame leaves. */
	send(): void {
		const item = this.queue.shift() as Item;
		if (item.type === "frame") this.queuedBytes -= item.payload.length + COST_BYTES;
		if (!this.receivingOver) this.onWay.push(item);
	}

	#dropQueue(): void {
		this.queue = [];
		this.queuedBytes = 0;
		this.wantsDrain = false;
	}
}
