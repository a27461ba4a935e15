/**
 * The connected Clients as a sequence: the members, the latest changes, and positions in them. Pure: no clock, no streams.
 *
 * A cursor has a fixed size. It says how far its watcher has come: to which batch of changes, and to which member of a list that is
 * being sent. Changes are kept once for all watchers, up to a bound. A cursor that falls behind them begins again, with the list of
 * that moment. A page of a list is made only when all changes before it have been read. So pages and changes, applied in the order in
 * which they are read, give exactly the members at the last page.
 *
 * @module
 */

import type { PeerInfo } from "../../session/peer-info.ts";
import type { PresenceEvent } from "../../session/presence-event.ts";
import { changeText, encodePeerChanges, encodePeersPage, type PeerChange, PRESENCE_LIST_BYTES, peerText } from "../../wire/presence.ts";

/** A position. Made by {@link PresenceLog.open} and moved by the reads. */
export interface PresenceCursor {
	/** Number of the next batch. */
	batch: number;
	/** The list goes on with the first member whose `order` is this or greater. `undefined`: the list is complete. */
	order: number | undefined;
}

/** Options of a {@link PresenceLog}. */
export interface PresenceLogOptions {
	/** Names this run of the Coordinator. */
	readonly epoch: string;
	/** Bytes of changes that are kept. At least two frames. */
	readonly logBytes: number;
}

/** See the module. */
export class PresenceLog {
	readonly epoch: string;
	readonly #logBytes: number;
	readonly #members: Map<string, Entry> = new Map();
	/** The members by ascending `order`. Some of them have left. */
	#ordered: Entry[] = [];
	#left = 0;
	#nextOrder = 1;
	#seq = 0;
	readonly #batches: Map<number, Batch> = new Map();
	#firstBatch = 0;
	#endBatch = 0;
	#heldBytes = 0;
	#cursors = 0;

	constructor({ epoch, logBytes }: PresenceLogOptions) {
		this.epoch = epoch;
		this.#logBytes = logBytes;
	}

	/** Number of the last change. */
	get seq(): number {
		return this.#seq;
	}

	/** How many members there are. */
	get size(): number {
		return this.#members.size;
	}

	/** Bytes of changes that are kept now. */
	get heldBytes(): number {
		return this.#heldBytes;
	}

	/** How many positions have not been closed. */
	get cursors(): number {
		return this.#cursors;
	}

	/** All members, in the order in which they came. */
	members(): PeerInfo[] {
		return Array.from(this.#members.values(), ({ peer }) => peer);
	}

	/** A Client has come (`join`), or has changed (`update`). */
	set(peer: PeerInfo): void {
		const before = this.#members.get(peer.id);
		if (before !== undefined) {
			before.peer = peer;
			before.text = undefined;
			return this.#record("update", before);
		}
		const member: Entry = { peer, order: this.#nextOrder++, here: true, text: undefined, bytes: 0 };
		this.#members.set(peer.id, member);
		this.#ordered.push(member);
		this.#record("join", member);
	}

	/** A Client has left. Does nothing if no member has this id. */
	delete(id: string): void {
		const member = this.#members.get(id);
		if (member === undefined) return;
		this.#members.delete(id);
		member.here = false;
		this.#left++;
		if (this.#left > this.#members.size + COMPACTION_SLACK) {
			this.#ordered = this.#ordered.filter(({ here }) => here);
			this.#left = 0;
		}
		this.#record("leave", member);
	}

	/** Opens a position. It reads the list first, then the changes. {@link close} ends it. */
	open(): PresenceCursor {
		this.#cursors++;
		const cursor: PresenceCursor = { batch: 0, order: undefined };
		this.#restart(cursor);
		return cursor;
	}

	/** Ends a position. */
	close(): void {
		this.#cursors--;
		if (this.#cursors > 0) return;
		this.#batches.clear();
		this.#firstBatch = this.#endBatch;
		this.#heldBytes = 0;
	}

	/** Whether there is a next frame. */
	hasMore(cursor: PresenceCursor): boolean {
		return cursor.order !== undefined || cursor.batch < this.#endBatch;
	}

	/** The next frame for a watcher at the other end of a stream. The position moves on. `undefined`: there is nothing new. */
	readFrame(cursor: PresenceCursor): Uint8Array | undefined {
		// A list that has not begun is that of now, so no change before it is sent.
		if (cursor.batch < this.#firstBatch || cursor.order === 0) this.#restart(cursor);
		const batch = this.#take(cursor);
		if (batch !== undefined) return frameOf(batch);
		return cursor.order === undefined ? undefined : this.#page(cursor, cursor.order);
	}

	/** The same for a watcher in this process, for which a list is one event. */
	readEvents(cursor: PresenceCursor): readonly PresenceEvent[] {
		if (cursor.batch < this.#firstBatch || cursor.order !== undefined) {
			this.#restart(cursor);
			cursor.order = undefined;
			return [{ type: "members", members: this.members(), epoch: this.epoch, seq: this.#seq }];
		}
		const batch = this.#take(cursor);
		return batch === undefined ? [] : batch.changes.map(({ type, peer }, index) => ({ type, peer, epoch: this.epoch, seq: batch.seq + index }));
	}

	#record(type: PeerChange["type"], member: Entry): void {
		this.#seq++;
		if (this.#cursors === 0) return;
		const text = changeText(type, textOf(member));
		const bytes = member.bytes + CHANGE_BYTES;
		let batch = this.#batches.get(this.#endBatch - 1);
		if (batch === undefined || batch.sealed || batch.bytes + bytes > PRESENCE_LIST_BYTES) {
			batch = { seq: this.#seq, changes: [], texts: [], bytes: 0, sealed: false, frame: undefined };
			this.#batches.set(this.#endBatch++, batch);
		}
		batch.changes.push({ type, peer: member.peer });
		batch.texts.push(text);
		batch.bytes += bytes;
		this.#heldBytes += bytes;
		while (this.#heldBytes > this.#logBytes) {
			this.#heldBytes -= this.#batches.get(this.#firstBatch)?.bytes ?? 0;
			this.#batches.delete(this.#firstBatch++);
		}
	}

	/** The next batch. From now on no more changes are added to it. */
	#take(cursor: PresenceCursor): Batch | undefined {
		const batch = this.#batches.get(cursor.batch);
		if (batch === undefined) return undefined;
		batch.sealed = true;
		cursor.batch++;
		return batch;
	}

	#restart(cursor: PresenceCursor): void {
		const last = this.#batches.get(this.#endBatch - 1);
		if (last !== undefined) last.sealed = true;
		cursor.batch = this.#endBatch;
		cursor.order = 0;
	}

	#page(cursor: PresenceCursor, order: number): Uint8Array {
		const texts: string[] = [];
		let bytes = 0;
		let next: Entry | undefined;
		for (let index = this.#indexOf(order); index < this.#ordered.length; index++) {
			const member = this.#ordered[index] as Entry;
			if (!member.here) continue;
			const text = textOf(member);
			if (bytes + member.bytes + 1 > PRESENCE_LIST_BYTES) {
				next = member;
				break;
			}
			texts.push(text);
			bytes += member.bytes + 1;
		}
		cursor.order = next?.order;
		return encodePeersPage({ epoch: this.epoch, seq: this.#seq, first: order === 0, more: next !== undefined }, texts);
	}

	/** Index of the first member whose order is `order` or greater. */
	#indexOf(order: number): number {
		let low = 0;
		let high = this.#ordered.length;
		while (low < high) {
			const middle = (low + high) >>> 1;
			if ((this.#ordered[middle] as Entry).order < order) low = middle + 1;
			else high = middle;
		}
		return low;
	}
}

interface Entry {
	peer: PeerInfo;
	/** Goes up with every join, from 1. */
	readonly order: number;
	here: boolean;
	/** JSON of `peer`, made when first needed, and its length in UTF-8. */
	text: string | undefined;
	bytes: number;
}

/** A batch: the changes that make one frame. */
interface Batch {
	/** Number of the first one. */
	readonly seq: number;
	readonly changes: PeerChange[];
	texts: string[];
	bytes: number;
	/** Whether a watcher has read it. */
	sealed: boolean;
	frame: Uint8Array | undefined;
}

/** Bytes of a change besides the peer: `{"type":"update","peer":},`. */
const CHANGE_BYTES = 28;

/** When this many members have left, their places are removed. */
const COMPACTION_SLACK = 64;

function textOf(member: Entry): string {
	if (member.text === undefined) {
		member.text = peerText(member.peer);
		member.bytes = Buffer.byteLength(member.text);
	}
	return member.text;
}

/** The encoded member. It is made once for all readers. */
function frameOf(batch: Batch): Uint8Array {
	if (batch.frame === undefined) {
		batch.frame = encodePeerChanges(batch.seq, batch.texts);
		batch.texts = [];
	}
	return batch.frame;
}
