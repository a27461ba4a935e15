/**
 * The messages that wait for one member of a broadcast, and what happens to them when the member is too slow.
 *
 * @module
 */

import type { BroadcastPeer, SlowReaderPolicy } from "../../wire/broadcast.ts";
import { Begun, encodeGap, gapCostBytes, type Taken } from "./begun.ts";
import { bytesBetween, type Chunk, costBetween, FRAME_COST_BYTES, framesOf, isolated } from "./chunk.ts";
import { ENTRY_BYTES, HeldBytes } from "./held.ts";
import { entriesOf, type GapItem, type Item, type Messages, type PresenceItem, sizeOf } from "./queue-items.ts";
import type { Presence } from "./roster.ts";

/** What a queue is for. */
export interface QueueOptions {
	readonly policy: SlowReaderPolicy;
	readonly capacityBytes: number;
	/** Of messages and changes. */
	readonly capacityEntries: number;
	/** The members of now; only for who asked for presence. */
	readonly roster: ReadonlyMap<string, BroadcastPeer> | undefined;
}

/** From how many ids on a gap forgets those that were absent before and are now. */
const UNDO_PRUNED = 256;

/**
 * A queue of references to chunks, so waiting messages are not copied. While its member lags ({@link startLag} to {@link endLag}),
 * the policy keeps it within its capacity. Before that, the caller stops filling it when it is {@link full}.
 */
export class MemberQueue {
	readonly #options: QueueOptions;
	readonly #held: HeldBytes;
	#first: Item | undefined;
	#last: Item | undefined;
	#bytes = 0;
	/** Messages and changes. */
	#entries = 0;
	/** Bytes of history at the front. They do not make the member count as slow. */
	#replayBytes = 0;
	#lagging = false;
	/** With "latest-per-sender", while the member lags: the waiting message of each sender. */
	readonly #latest: Map<string, Messages> = new Map();
	/** What is told of a gap. It goes before everything else. */
	#begun: Begun | undefined;
	/** How many messages have been dropped. */
	#lost = 0;

	/** `held` counts what is kept. */
	constructor(options: QueueOptions, held: HeldBytes = new HeldBytes()) {
		this.#options = options;
		this.#held = held;
	}

	get empty(): boolean {
		return this.#first === undefined && this.#begun === undefined;
	}

	/** Bytes that wait, without history. */
	get bytes(): number {
		return this.#bytes - this.#replayBytes;
	}

	/** The same with history, and with the memory that each entry takes here. */
	get heldBytes(): number {
		return this.#bytes + ENTRY_BYTES * this.#entries;
	}

	/** Messages and changes that wait, with history. */
	get entries(): number {
		return this.#entries;
	}

	/** Messages dropped so far. */
	get lost(): number {
		return this.#lost;
	}

	get lagging(): boolean {
		return this.#lagging;
	}

	get full(): boolean {
		const { capacityBytes, capacityEntries } = this.#options;
		return this.bytes >= capacityBytes || (this.#entries >= capacityEntries && this.#replayBytes === 0);
	}

	get halfEmpty(): boolean {
		const { capacityBytes, capacityEntries } = this.#options;
		return this.bytes <= capacityBytes / 2 && this.#entries <= capacityEntries / 2;
	}

	/** Adds a frame that goes before everything else. */
	pushFirst(frame: Uint8Array): void {
		this.#begun = new Begun(frame);
	}

	/** Adds messages of the history. They come first. */
	replay(chunk: Chunk, from: number, to: number): void {
		this.#append({ type: "messages", chunk, from, to, previous: undefined, next: undefined });
		this.#replayBytes += bytesBetween(chunk, from, to);
	}

	/** Adds the list of all members as of `seq`, before anything later. */
	pushMembers(seq: number): void {
		const gap = this.#gapAt(undefined, seq + 1);
		gap.toSeq = seq;
		gap.undo ??= new Map();
	}

	/** Adds new messages. */
	push(chunk: Chunk): void {
		const count = chunk.ends.length;
		const policy = this.#lagging ? this.#options.policy : undefined;
		if (policy === "drop-newest") {
			this.#lose(this.#gapAt(undefined, chunk.firstSeq), count, chunk.firstSeq + count - 1);
			return;
		}
		if (policy === "latest-per-sender") {
			for (let i = 0; i < count; i++) this.#supersede(isolated(chunk, i));
		} else {
			this.#append({ type: "messages", chunk, from: 0, to: count, previous: undefined, next: undefined });
		}
		if (policy !== undefined) this.#shrink();
	}

	/** Adds a change of the roster. */
	pushPresence(presence: Presence): void {
		if (this.#options.roster === undefined) return;
		if (this.#lagging && this.#options.policy === "drop-newest") {
			this.#losePresence(this.#gapAt(undefined, presence.seq), presence);
			return;
		}
		this.#append({ type: "presence", presence, previous: undefined, next: undefined });
		if (this.#lagging) this.#shrink();
	}

	/** The member lags from now on, so the policy applies. */
	startLag(): void {
		this.#lagging = true;
		if (this.#options.policy === "latest-per-sender") this.#conflate();
		this.#shrink();
	}

	/** The member no longer lags, so the policy does not apply. */
	endLag(): void {
		this.#lagging = false;
		this.#latest.clear();
	}

	/** The cost of the next unit, or a little more: {@link take} gives something if it may cost so much. 0: nothing can be taken. */
	get needCostBytes(): number {
		if (this.#begun !== undefined) return this.#begun.needCostBytes;
		const item = this.#first;
		if (item === undefined) return 0;
		if (item.type === "messages") return costBetween(item.chunk, item.from, item.from + 1);
		if (item.type === "presence") return item.presence.frame.length + FRAME_COST_BYTES;
		// A gap is told together with what follows it. Otherwise it could still grow, and one loss would be told as two gaps.
		return this.#lagging && item.next === undefined ? 0 : gapCostBytes(item);
	}

	/** Takes what is to be written next, about `maxBytes`, and at most at that cost. `undefined`: nothing can be taken, or the next unit costs more. */
	take(maxBytes: number, maxCostBytes: number): Taken | undefined {
		const need = this.needCostBytes;
		if (need === 0 || need > maxCostBytes) return undefined;
		if (this.#first?.type === "gap" && this.#begun === undefined) this.#begin(this.#first);
		if (this.#begun !== undefined) {
			const taken = this.#begun.take(maxBytes, maxCostBytes);
			if (this.#begun.over) this.#begun = undefined;
			return taken;
		}
		const item = this.#first as Messages | PresenceItem;
		if (item.type === "presence") {
			this.#remove(item);
			return { frames: item.presence.frame, units: 1, costBytes: need };
		}
		const { chunk, from } = item;
		let to = item.to;
		if (bytesBetween(chunk, from, to) > maxBytes || costBetween(chunk, from, to) > maxCostBytes) {
			for (to = from + 1; to < item.to && bytesBetween(chunk, from, to + 1) <= maxBytes && costBetween(chunk, from, to + 1) <= maxCostBytes; ) to++;
		}
		return { frames: this.#takeMessages(item, to), units: to - from, costBytes: costBetween(chunk, from, to) };
	}

	/** Drops all that waits, with history, because there is no memory for it. The member is told of it as of any other loss. */
	shed(): void {
		this.#dropOldest(0, 0);
	}

	/** Forgets everything. */
	clear(): void {
		this.#forgetItems();
		this.#begun = undefined;
	}

	#forgetItems(): void {
		for (let item = this.#first; item !== undefined; item = item.next) this.#release(item);
		this.#first = undefined;
		this.#last = undefined;
		this.#bytes = 0;
		this.#entries = 0;
		this.#replayBytes = 0;
		this.#latest.clear();
	}

	/** Drops the oldest until the rest fits. */
	#shrink(): void {
		this.#dropOldest(this.#options.capacityBytes, this.#options.capacityEntries);
	}

	#dropOldest(keptBytes: number, keptEntries: number): void {
		const tooMuch = (): boolean => this.bytes > keptBytes || this.#entries > keptEntries;
		while (tooMuch()) {
			const front = this.#first;
			const item = front?.type === "gap" ? front.next : front;
			if (item === undefined || item.type === "gap") return; // two gaps are never neighbours
			if (item.type === "presence") {
				const gap = this.#gapAt(item, item.presence.seq);
				this.#remove(item);
				this.#losePresence(gap, item.presence);
				continue;
			}
			const gap = this.#gapAt(item, item.chunk.firstSeq + item.from);
			let dropped = 0;
			while (item.from < item.to && tooMuch()) {
				const bytes = bytesBetween(item.chunk, item.from, item.from + 1);
				this.#bytes -= bytes;
				this.#replayBytes = Math.max(0, this.#replayBytes - bytes);
				this.#entries--;
				item.from++;
				dropped++;
			}
			this.#lose(gap, dropped, item.chunk.firstSeq + item.from - 1);
			if (item.from === item.to) {
				this.#unlink(item);
				this.#mergeAt(gap);
			}
		}
	}

	/** Keeps only the last message of each sender. */
	#conflate(): void {
		const items: Item[] = [];
		for (let item = this.#first; item !== undefined; item = item.next) items.push(item);
		this.#forgetItems();
		for (const item of items) {
			if (item.type === "messages") {
				for (let i = item.from; i < item.to; i++) this.#supersede(isolated(item.chunk, i));
			} else {
				this.#append(item);
			}
		}
	}

	/** Adds a message, and drops the waiting one of the same sender. */
	#supersede(chunk: Chunk): void {
		const sender = chunk.senders[0] as string;
		const older = this.#latest.get(sender);
		if (older !== undefined) {
			const { firstSeq } = older.chunk;
			const gap: GapItem = { type: "gap", lost: 0, fromSeq: firstSeq, toSeq: firstSeq, undo: undefined, previous: undefined, next: undefined };
			this.#insert(gap, older);
			this.#remove(older);
			this.#lose(gap, 1, firstSeq);
			this.#mergeAt(gap);
		}
		const item: Messages = { type: "messages", chunk, from: 0, to: 1, previous: undefined, next: undefined };
		this.#latest.set(sender, item);
		this.#append(item);
	}

	/** The gap right before an item, or at the end of the queue. If there is none, it is made. */
	#gapAt(before: Item | undefined, seq: number): GapItem {
		const previous = before === undefined ? this.#last : before.previous;
		if (previous?.type === "gap") return previous;
		const gap: GapItem = { type: "gap", lost: 0, fromSeq: seq, toSeq: seq, undo: undefined, previous: undefined, next: undefined };
		this.#insert(gap, before);
		return gap;
	}

	#lose(gap: GapItem, count: number, toSeq: number): void {
		gap.lost += count;
		gap.toSeq = Math.max(gap.toSeq, toSeq);
		this.#lost += count;
	}

	#losePresence(gap: GapItem, { seq, id, before }: Presence): void {
		gap.undo ??= new Map();
		if (!gap.undo.has(id)) gap.undo.set(id, before);
		gap.toSeq = Math.max(gap.toSeq, seq);
		this.#prune(gap.undo);
		this.#mergeAt(gap);
	}

	/** Joins a gap with its neighbours, if they are gaps. */
	#mergeAt(gap: GapItem): void {
		let older = gap;
		if (gap.previous?.type === "gap") {
			older = gap.previous;
			this.#merge(older, gap);
		}
		if (older.next?.type === "gap") this.#merge(older, older.next);
	}

	#merge(older: GapItem, newer: GapItem): void {
		older.lost += newer.lost;
		older.fromSeq = Math.min(older.fromSeq, newer.fromSeq);
		older.toSeq = Math.max(older.toSeq, newer.toSeq);
		if (newer.undo !== undefined) {
			older.undo = new Map([...newer.undo, ...(older.undo ?? [])]);
			this.#prune(older.undo);
		}
		this.#unlink(newer);
	}

	/** Whoever was absent before and is now needs no undoing. */
	#prune(undo: Map<string, BroadcastPeer | undefined>): void {
		if (undo.size < UNDO_PRUNED || undo.size % UNDO_PRUNED !== 0) return;
		for (const [id, before] of undo) {
			if (before === undefined && this.#options.roster?.has(id) !== true) undo.delete(id);
		}
	}

	#takeMessages(item: Messages, to: number): Uint8Array {
		const { chunk, from } = item;
		const frames = framesOf(chunk, from, to);
		this.#replayBytes = Math.max(0, this.#replayBytes - frames.length);
		if (to === item.to) {
			this.#remove(item);
		} else {
			this.#bytes -= frames.length;
			this.#entries -= to - from;
			item.from = to;
		}
		return frames;
	}

	/** From now on, a gap is told. */
	#begin(gap: GapItem): void {
		this.#unlink(gap);
		const peers = gap.undo === undefined ? undefined : [...this.#membersAtFront().values()];
		const next = this.#first;
		let after: Uint8Array | undefined;
		if (next?.type === "messages") {
			after = this.#takeMessages(next, next.from + 1);
		} else if (next?.type === "presence") {
			after = next.presence.frame;
			this.#remove(next);
		}
		this.#begun = new Begun(encodeGap(gap), peers, gap.toSeq, after);
	}

	/** The members of now, without the changes that the member will still get. */
	#membersAtFront(): Map<string, BroadcastPeer> {
		const peers = new Map(this.#options.roster);
		const stood = (id: string, before: BroadcastPeer | undefined): void => {
			if (before === undefined) peers.delete(id);
			else peers.set(id, before);
		};
		for (let item = this.#last; item !== undefined; item = item.previous) {
			if (item.type === "presence") stood(item.presence.id, item.presence.before);
			else if (item.type === "gap" && item.undo !== undefined) for (const [id, before] of item.undo) stood(id, before);
		}
		return peers;
	}

	#append(item: Item): void {
		this.#insert(item, undefined);
		this.#bytes += sizeOf(item);
		this.#entries += entriesOf(item);
		if (item.type !== "gap") this.#held.hold(item.type === "messages" ? item.chunk : item.presence);
	}

	#release(item: Item): void {
		if (item.type !== "gap") this.#held.release(item.type === "messages" ? item.chunk : item.presence);
	}

	/** Puts an item before another, or at the end. It does not count it. */
	#insert(item: Item, before: Item | undefined): void {
		const previous = before === undefined ? this.#last : before.previous;
		item.previous = previous;
		item.next = before;
		if (previous === undefined) this.#first = item;
		else previous.next = item;
		if (before === undefined) this.#last = item;
		else before.previous = item;
	}

	#remove(item: Item): void {
		this.#bytes -= sizeOf(item);
		this.#entries -= entriesOf(item);
		this.#unlink(item);
	}

	#unlink(item: Item): void {
		if (item.previous === undefined) this.#first = item.next;
		else item.previous.next = item.next;
		if (item.next === undefined) this.#last = item.previous;
		else item.next.previous = item.previous;
		item.previous = undefined;
		item.next = undefined;
		this.#release(item);
		if (item.type === "messages") {
			const sender = item.chunk.senders[0] as string;
			if (this.#latest.get(sender) === item) this.#latest.delete(sender);
		}
	}
}
