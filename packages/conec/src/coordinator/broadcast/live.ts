/**
 * The members of one broadcast that keep up. Messages go to all of them with one call, and are counted once for all.
 *
 * @module
 */

import type { SharedCount } from "../../stream/exchange/index.ts";
import type { TransportStream } from "../../transport/transport.ts";
import type { Member } from "./member.ts";

/**
 * What has been given to all members that keep up has one cumulative cost. Each member has room until that cost has reached some
 * value of its own ({@link Member.liveUntil}). They are a heap, with the least of these values on top. So a message makes one
 * comparison for all members.
 */
export class LiveMembers implements SharedCount {
	units = 0;
	costBytes = 0;
	// A binary heap, and the stream of each member of it. Nothing else is meant by their order.
	readonly #members: Member[] = [];
	readonly #streams: TransportStream[] = [];

	get size(): number {
		return this.#members.length;
	}

	/** The streams of all, in the order of {@link at}. */
	get streams(): readonly TransportStream[] {
		return this.#streams;
	}

	/** The member at an index. At 0 is the one whose room is used up first. Indices change whenever something is added, moved or removed. */
	at(index: number): Member {
		return this.#members[index] as Member;
	}

	/** Whether all members have room for units of that cost. */
	haveRoom(costBytes: number): boolean {
		const first = this.#members[0];
		return first === undefined || this.costBytes + costBytes <= first.liveUntil;
	}

	/** All members were given units of that cost. */
	gave(units: number, costBytes: number): void {
		this.units += units;
		this.costBytes += costBytes;
	}

	/** Adds a member that is not in. It has room for units of that cost. */
	add(member: Member, roomBytes: number): void {
		member.live = true;
		member.liveUntil = this.costBytes + roomBytes;
		member.liveIndex = this.#members.length;
		this.#members.push(member);
		this.#streams.push(member.stream);
		this.#sift(member);
	}

	/** A member that is in has room for units of that cost now. */
	move(member: Member, roomBytes: number): void {
		member.liveUntil = this.costBytes + roomBytes;
		this.#sift(member);
	}

	/** Removes a member that is in. */
	remove(member: Member): void {
		member.live = false;
		const last = this.#members.pop() as Member;
		this.#streams.pop();
		if (last === member) return;
		this.#put(last, member.liveIndex);
		this.#sift(last);
	}

	/** Puts a member where it belongs. */
	#sift(member: Member): void {
		for (let index = member.liveIndex; index > 0; ) {
			const above = (index - 1) >>> 1;
			const parent = this.at(above);
			if (parent.liveUntil <= member.liveUntil) break;
			this.#put(parent, index);
			this.#put(member, above);
			index = above;
		}
		for (let index = member.liveIndex; ; ) {
			let below = 2 * index + 1;
			if (below >= this.#members.length) return;
			if (below + 1 < this.#members.length && this.at(below + 1).liveUntil < this.at(below).liveUntil) below++;
			const child = this.at(below);
			if (child.liveUntil >= member.liveUntil) return;
			this.#put(child, index);
			this.#put(member, below);
			index = below;
		}
	}

	#put(member: Member, index: number): void {
		member.liveIndex = index;
		this.#members[index] = member;
		this.#streams[index] = member.stream;
	}
}
