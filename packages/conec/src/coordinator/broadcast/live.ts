/**
 * Members of one broadcast that keep up: messages go to all of them with one call.
 *
 * @module
 */

import type { TransportStream } from "../../transport/transport.ts";
import type { Member } from "./member.ts";

/** Their order means nothing, so that one can be taken out wherever it stands. */
export class LiveMembers {
	readonly #members: Member[] = [];
	readonly #streams: TransportStream[] = [];

	get size(): number {
		return this.#members.length;
	}

	/** The streams of all, as {@link at} counts them. */
	get streams(): readonly TransportStream[] {
		return this.#streams;
	}

	/** The one of that index, from 0 on. */
	at(index: number): Member {
		return this.#members[index] as Member;
	}

	/** Takes one in that is not. */
	add(member: Member): void {
		member.live = true;
		member.liveIndex = this.#members.length;
		this.#members.push(member);
		this.#streams.push(member.stream);
	}

	/** Takes one out that is in; the last one gets its index. */
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
