/**
 * What is being told to a member of a broadcast: that it has joined, or a gap with what follows it at once.
 *
 * @module
 */

import { UNIT_COST_BYTES } from "../../stream/windows/index.ts";
import { type BroadcastPeer, encodeBroadcastControl } from "../../wire/broadcast.ts";
import { encodeFrame, FRAME, FRAME_BYTES } from "../../wire/frames.ts";
import { FRAME_COST_BYTES } from "./chunk.ts";
import type { GapItem } from "./queue-items.ts";
import { encodeMembersPage } from "./roster.ts";

/** Whole frames to be written, each of which is a unit of the member's stream. */
export interface Taken {
	readonly frames: Uint8Array;
	readonly units: number;
	readonly costBytes: number;
}

/** The frame that tells of a gap. `undefined`: no message is lost in it. */
export function encodeGap({ lost, fromSeq, toSeq }: GapItem): Uint8Array | undefined {
	return lost === 0 ? undefined : encodeFrame(FRAME.CONTROL, encodeBroadcastControl({ type: "gap", lost, fromSeq, toSeq }));
}

/** What the first unit for a gap costs, at most. */
export function gapCostBytes(gap: GapItem): number {
	const frame = encodeGap(gap);
	return frame === undefined ? FRAME_BYTES + UNIT_COST_BYTES : costOf(frame);
}

/** See the module. It goes unit by unit, and nothing of it is dropped any more: a gap must not be followed by another one. */
export class Begun {
	readonly #peers: readonly BroadcastPeer[] | undefined;
	readonly #seq: number;
	/** The frame that comes next. The list may be much longer than the queue, so each part of it is made when the one before has gone. */
	#frame: Uint8Array | undefined;
	/** Who comes next in the list. `undefined`: the list is complete. */
	#from: number | undefined;
	#after: Uint8Array | undefined;

	/** With `peers`, the list of all members as of `seq` follows the first frame. `after` is the unit after that. */
	constructor(first: Uint8Array | undefined, peers?: readonly BroadcastPeer[], seq = 0, after?: Uint8Array) {
		this.#peers = peers;
		this.#seq = seq;
		this.#from = peers === undefined ? undefined : 0;
		this.#after = after;
		this.#frame = first ?? this.#next();
	}

	/** All of it has gone. */
	get over(): boolean {
		return this.#frame === undefined;
	}

	/** What the next unit costs. */
	get needCostBytes(): number {
		return this.#frame === undefined ? 0 : costOf(this.#frame);
	}

	/** See `MemberQueue.take`. The next unit must not cost more than `maxCostBytes`. */
	take(maxBytes: number, maxCostBytes: number): Taken {
		const parts: Uint8Array[] = [];
		let [bytes, costBytes] = [0, 0];
		for (let frame = this.#frame; frame !== undefined; frame = this.#frame) {
			if (parts.length > 0 && (bytes >= maxBytes || costBytes + costOf(frame) > maxCostBytes)) break;
			parts.push(frame);
			bytes += frame.length;
			costBytes += costOf(frame);
			this.#frame = this.#next();
		}
		return { frames: parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts), units: parts.length, costBytes };
	}

	#next(): Uint8Array | undefined {
		if (this.#peers !== undefined && this.#from !== undefined) {
			const page = encodeMembersPage(this.#peers, this.#from, this.#seq);
			this.#from = page.next;
			return page.frame;
		}
		const after = this.#after;
		this.#after = undefined;
		return after;
	}
}

function costOf(frame: Uint8Array): number {
	return frame.length + FRAME_COST_BYTES;
}
