/**
 * The members of one broadcast that keep up. Messages go to all of them with one call.
 *
 * @module
 */

import type { TransportStream } from "../../transport/transport.ts";
import type { Member } from "./member.ts";

/** Their order means nothing, so any of them can be removed quickly. */
export class LiveMembers {
	readonly #members: Member[] = [];
	readonly #streams: TransportStream[] = [];

	get size(): number {
		return this.#members.length;
	}

	/** The streams of all, in the order of {@link at}. */
	get streams(): readonly TransportStream[] {
		return this.#streams;
	}

	/** The member at an index. */
	at(index: number): Member {
		return this.#members[index] as Member;
	}

	/** Adds a member that is not in. */
	add(member: Member): void {
		member.live = true;
		member.liveIndex = this.#members.length;
		this.#members.push(member);
		this.#streams.push(member.stream);
	}

	/** Removes a member that is in. The last one gets its index. */
	remove(member: Member): void {
		member.live = false;
		const last = this.#members.pop() as Member;
		this.#streams.pop();
		if (last === member) return;
		last.liveIndex = member.liveIndex;
		this.#members[last.liveIndex] = last;
		this.#streams[last.liveIndex] = last.stream;
	}
}
