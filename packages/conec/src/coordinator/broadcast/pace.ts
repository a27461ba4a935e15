/**
 * Holds the senders of a broadcast to the pace of most of its readers.
 *
 * If a reader is slower than most, its own lag clock deals with it. But if most of many readers are behind, the senders are too
 * fast. Dropping messages for nearly every reader would help nobody. So the senders wait while those readers move on. Readers that
 * keep up must not suffer: while there is one, this waiting is bounded like all other; see `Waits.total`.
 *
 * @module
 */

import type { Member } from "./member.ts";

/** With fewer readers than this, each is dealt with by itself. */
const READERS_MIN = 3;

/** A reader with a smaller queue has chosen to lag soon, and does not count here. */
const CAPACITY_MIN_BYTES = 64 * 1_024;

/** If a reader is behind and has not moved for this long, senders do not wait for it. */
export const STUCK_MS = 1_000;

/** A reader moves if it takes this much within that time. One that takes a little now and then must not hold up the others. */
const MOVE_BYTES = 32 * 1_024;

/** The same for all of them together, because each of very many may be slower. */
const MOVE_TOTAL_BYTES = 8 * 1_024 * 1_024;

/** Counts readers. The broadcast tells it what happens to them. */
export class Pace {
	/** Clients with readers that neither lag nor are stuck. One Client counts as one reader, however often it joins. */
	#readers = 0;
	/** Clients whose readers are all behind. */
	#behind = 0;
	/** Readers, and whether they are behind. */
	readonly #counted: Map<Member, boolean> = new Map();
	readonly #clients: Map<string, Counted> = new Map();

	/** Whether senders are too fast for most. */
	get tooFast(): boolean {
		return this.#readers >= READERS_MIN && this.#behind * 2 > this.#readers;
	}

	/** Looks at a reader again. */
	review(member: Member, nowMs: number): void {
		if (!member.receives || member.capacityBytes < CAPACITY_MIN_BYTES) return;
		const bytes = member.queue.bytes;
		const wasBehind = member.behind;
		// There are two marks, so that a reader does not change its state with every message.
		member.behind = member.behind ? bytes > member.behindBytes / 2 : bytes >= member.behindBytes;
		if (member.behind && !wasBehind) member.movedAtMs = nowMs;
		const counts = member.state === "in" && !member.deaf && !member.lagging && !member.stuck;
		this.#count(member, counts ? member.behind : undefined);
	}

	/** A reader has taken this many bytes. */
	moved(member: Member, bytes: number, nowMs: number): void {
		if (nowMs - member.movingSinceMs >= STUCK_MS) {
			member.movingSinceMs = nowMs;
			member.movedBytes = 0;
		}
		member.movedBytes += bytes;
		if (member.movedBytes < Math.min(MOVE_BYTES, MOVE_TOTAL_BYTES / Math.max(1, this.#readers))) return;
		member.movingSinceMs = nowMs;
		member.movedBytes = 0;
		member.movedAtMs = nowMs;
		member.stuck = false;
	}

	/** Leaves out the readers that are behind and have not moved. */
	excludeStuck(nowMs: number): void {
		for (const [member, behind] of [...this.#counted]) {
			if (behind && nowMs - member.movedAtMs >= STUCK_MS) {
				member.stuck = true;
				this.#count(member, undefined);
			}
		}
	}

	#count(member: Member, behind: boolean | undefined): void {
		const before = this.#counted.get(member);
		if (before === behind) return;
		const { id } = member.peer;
		const client = this.#clients.get(id) ?? { members: 0, behind: 0 };
		this.#weigh(client, -1);
		if (before !== undefined) client.members--;
		if (before === true) client.behind--;
		if (behind !== undefined) client.members++;
		if (behind === true) client.behind++;
		this.#weigh(client, 1);
		if (behind === undefined) this.#counted.delete(member);
		else this.#counted.set(member, behind);
		if (client.members === 0) this.#clients.delete(id);
		else this.#clients.set(id, client);
	}

	#weigh({ members, behind }: Counted, sign: 1 | -1): void {
		if (members === 0) return;
		this.#readers += sign;
		if (behind === members) this.#behind += sign;
	}
}

/** The readers of one Client. */
interface Counted {
	members: number;
	behind: number;
}
