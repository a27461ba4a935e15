/**
 * One broadcast at the Coordinator: its members, and the one order of their messages.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { type Random, randomHex, systemRandom } from "../../base/random.ts";
import type { CoordinatorLimits } from "../../limits.ts";
import type { TransportStream } from "../../transport/transport.ts";
import {
	type BroadcastOpen,
	type BroadcastPeer,
	EPOCH_BYTES,
	encodeBroadcastControl,
	epochToBytes,
	type Joined,
	taggedFrameBytes,
} from "../../wire/broadcast.ts";
import { encodeFrame, FRAME } from "../../wire/frames.ts";
import { encodeChunk, encodeFrames, FRAME_COST_BYTES, type Unstamped } from "./chunk.ts";
import { Delivery } from "./delivery.ts";
import type { HeldBytes } from "./held.ts";
import { type ChunkPart, History } from "./history.ts";
import { Member } from "./member.ts";
import { Pending } from "./pending.ts";
import { type Change, Roster, stampChange } from "./roster.ts";
import type { ResolvedBroadcastRule } from "./rules.ts";

/** What a broadcast needs of its Coordinator. */
export interface BroadcastHost {
	readonly limits: CoordinatorLimits;
	readonly clock: Clock;
	/** @default the machine's */
	readonly random?: Random;
	/** What all broadcasts keep. */
	readonly held: HeldBytes;
	readonly writeFramesToMany: (streams: readonly TransportStream[], frames: Uint8Array) => ArrayLike<number>;
	/** A member has begun to lag, or has caught up. `lost` counts the messages that it has lost until then. */
	readonly lagChanged: (broadcast: Broadcast, member: Member) => void;
	/** Ends a member that lags and has the policy "disconnect". */
	readonly disconnect: (member: Member) => void;
	/** The last member has gone. */
	readonly empty: (broadcast: Broadcast) => void;
}

/** At most this many bytes are stamped at once. */
const STEP_BYTES = 64 * 1_024;
/** The same while a member has a small queue, which one step could overfill. Such a member must not make work for all others. */
const STEP_MIN_BYTES = 16 * 1_024;

/** See the module. */
export class Broadcast {
	readonly name: string;
	/** Names this life of the broadcast. A broadcast that has ended and begins again gets another epoch. */
	readonly epoch: string;
	readonly #epochBytes: Uint8Array;
	readonly #host: BroadcastHost;
	readonly #history: History;
	readonly #roster: Roster = new Roster();
	readonly #members: Set<Member> = new Set();
	readonly #delivery: Delivery;
	#seq = 0;
	#senders = 0;
	#receivers = 0;
	/** Members that get the changes of the list. */
	readonly #listeners: Set<Member> = new Set();
	/** Messages of this turn. They get their numbers when it ends. */
	#batch: Unstamped[] = [];
	#batchBytes = 0;
	#flushScheduled = false;
	/** What has come while senders must wait. */
	readonly #pending: Pending<Member> = new Pending();
	#stepBytes = STEP_BYTES;
	#abandoned = false;

	constructor(name: string, rule: ResolvedBroadcastRule, host: BroadcastHost) {
		this.name = name;
		this.epoch = randomHex(host.random ?? systemRandom, EPOCH_BYTES);
		this.#epochBytes = epochToBytes(this.epoch);
		this.#host = host;
		this.#history = new History(rule.history, host.held);
		this.#delivery = new Delivery({
			limits: host.limits,
			clock: host.clock,
			writeFramesToMany: host.writeFramesToMany,
			lagChanged: (member) => host.lagChanged(this, member),
			disconnect: host.disconnect,
			members: () => this.#members,
			pending: () => this.#pending.length > 0,
			released: () => this.#pump(),
		});
	}

	get senders(): number {
		return this.#senders;
	}

	get receivers(): number {
		return this.#receivers;
	}

	get size(): number {
		return this.#members.size;
	}

	/** How many members get each change of the list. Each joining costs that much. */
	get listeners(): number {
		return this.#listeners.size;
	}

	/** Makes a member for {@link join}. */
	createMember(peer: BroadcastPeer, open: BroadcastOpen): Member {
		return new Member(peer, open, this.#roster.peers, this.#delivery.patienceWith(peer.id), this.#host.held, this.#host.limits);
	}

	/** Adds a member, whose stream has been accepted, and tells it its position. */
	join(member: Member, open: BroadcastOpen): void {
		this.#flush();
		const { since, last } = open;
		const now = this.#host.clock.now();
		let recovered: boolean | undefined;
		let parts: readonly ChunkPart[] = [];
		if (since !== undefined) {
			const found = since.epoch === this.epoch && since.seq <= this.#seq ? this.#history.since(since.seq, now) : undefined;
			recovered = found !== undefined;
			parts = found ?? [];
		} else if (last !== undefined) {
			parts = this.#history.last(last, now);
		}
		this.#tell(this.#roster.join(member.peer));
		this.#members.add(member);
		if (member.presence) this.#listeners.add(member);
		if (member.sends) this.#senders++;
		if (member.receives) this.#receivers++;
		this.#stepBytes = Math.min(this.#stepBytes, Math.max(STEP_MIN_BYTES, member.capacityBytes / 2));
		const joined: Joined = {
			type: "joined",
			epoch: this.epoch,
			seq: this.#seq,
			recovered,
			senders: this.#senders,
			receivers: this.#receivers,
			lagging: member.sends ? this.#delivery.lagging : undefined,
		};
		member.queue.pushFirst(encodeFrame(FRAME.CONTROL, encodeBroadcastControl(joined)));
		if (member.receives) for (const { chunk, from, to } of parts) member.queue.replay(chunk, from, to);
		if (member.presence) member.queue.pushMembers(this.#seq);
		this.#delivery.add(member);
	}

	/** A member has sent a message. */
	receive(member: Member, payload: Uint8Array): void {
		if (this.#pending.length > 0 || this.#delivery.held) {
			member.unstamped++;
			this.#pending.push(member, { type: "message", payload });
			if (this.#pending.length === 1) this.#delivery.clockWaiting();
			return;
		}
		this.#add(member, payload);
	}

	/** A member has sent its last message. `acknowledge` is called when all its messages have their numbers. */
	finishSending(member: Member, acknowledge: () => void): void {
		this.#afterPending(member, () => {
			// First, so that readers who are ended by it do not hear that this member leaves.
			if (member.sends) {
				member.sends = false;
				this.#senders--;
				if (this.#senders === 0) this.#endReaders();
			}
			acknowledge();
		});
	}

	/** A member wants to be sent nothing more. It may go on sending. */
	deafen(member: Member): void {
		if (member.deaf) return;
		this.#flush();
		this.#listeners.delete(member);
		if (member.state === "ending") member.state = "out";
		this.#delivery.deafen(member);
		this.#pump();
	}

	/** A member leaves at once. Its messages that have no number yet are dropped. */
	leave(member: Member): void {
		this.#forgetPending(member);
		this.#flush();
		const wasIn = member.state === "in";
		const sent = member.sends;
		member.state = "out";
		member.queue.clear();
		if (!wasIn) return;
		this.#forget(member);
		if (sent && this.#senders === 0) this.#endReaders();
		this.#vanishIfEmpty();
		this.#pump();
	}

	/** The Coordinator ends, and all members leave. They are not told of each other. */
	abandon(): void {
		this.#abandoned = true;
	}

	/** The metadata of a Client has changed. */
	update(peer: BroadcastPeer): void {
		this.#flush();
		this.#tell(this.#roster.update(peer));
	}

	/** Bytes of messages that are kept for members that join later. */
	get historyBytes(): number {
		return this.#history.bytes;
	}

	/** Drops the history, because there is no memory for it. */
	shedHistory(): void {
		this.#history.clear();
	}

	/** Drops what waits for a member, because there is no memory for it. */
	shed(member: Member): void {
		this.#delivery.shed(member);
		this.#pump();
	}

	/** Nothing is set aside for a member any more. */
	gaveBack(member: Member): void {
		this.#delivery.gaveBack(member);
	}

	/** The stream of a member has room. */
	drained(member: Member): void {
		if (member.state === "out") return;
		member.stalled = false;
		this.#delivery.drain(member);
		this.#pump();
	}

	/** Adds a message to the batch of this turn. */
	#add(member: Member, payload: Uint8Array): void {
		this.#batch.push({ sender: member.sender, payload });
		this.#batchBytes += taggedFrameBytes(member.sender.bytes.length, payload.length);
		member.line.taken(payload.length);
		if (this.#batchBytes >= this.#stepBytes) {
			this.#flush();
		} else if (!this.#flushScheduled) {
			this.#flushScheduled = true;
			queueMicrotask(this.#flushLater);
		}
	}

	readonly #flushLater = (): void => {
		this.#flushScheduled = false;
		this.#flush();
	};

	/** Numbers the messages of this turn and gives them to all. */
	#flush(): void {
		if (this.#batch.length === 0) return;
		const batch = this.#batch;
		const firstSeq = this.#seq + 1;
		const costBytes = this.#batchBytes + FRAME_COST_BYTES * batch.length;
		this.#seq += batch.length;
		this.#batch = [];
		this.#batchBytes = 0;
		this.#delivery.makeRoom(costBytes);
		// In most cases nothing keeps the chunk.
		if (!this.#delivery.anyBehind && !this.#history.keeps) {
			this.#history.skip(this.#seq);
			if (this.#delivery.anyLive) this.#delivery.giveToLive(encodeFrames(batch, firstSeq, this.#epochBytes), batch.length, costBytes);
			return;
		}
		const chunk = encodeChunk(batch, firstSeq, this.#epochBytes, this.#host.clock.now());
		this.#history.push(chunk);
		this.#delivery.give(chunk);
	}

	/** Numbers the messages that have waited, as far as the readers allow. */
	#pump(): void {
		while (this.#pending.length > 0 && !this.#delivery.held) {
			const turn = this.#pending.shift();
			if (turn === undefined) break;
			const { sender, waiting } = turn;
			sender.unstamped--;
			if (waiting.type === "message") {
				this.#add(sender, waiting.payload);
			} else {
				this.#flush();
				waiting.run();
			}
			// The batch counts only when it is given out.
			if (this.#pending.length === 0) this.#flush();
		}
		this.#delivery.clockWaiting();
	}

	#afterPending(member: Member, action: () => void): void {
		if (member.unstamped > 0) {
			member.unstamped++;
			this.#pending.push(member, { type: "action", run: action });
		} else {
			this.#flush();
			action();
		}
	}

	#forgetPending(member: Member): void {
		if (member.unstamped === 0) return;
		this.#pending.forget(member, (payload) => member.line.taken(payload.length));
		member.unstamped = 0;
	}

	/** Removes a member, and tells the others. */
	#forget(member: Member): void {
		this.#members.delete(member);
		this.#listeners.delete(member);
		if (member.sends) this.#senders--;
		member.sends = false;
		if (member.receives) this.#receivers--;
		this.#delivery.remove(member);
		this.#tell(this.#roster.leave(member.peer.id));
		if (this.#members.size === 0) this.#delivery.stop();
	}

	/** The last sender has gone. Readers get what waits for them, then the end. */
	#endReaders(): void {
		if (this.#abandoned) return;
		const ending = [...this.#members].filter((member) => member.receives && !member.deaf && !member.keepOpen);
		// All leave at once. They are not told of each other, because that would cost the square of their number.
		for (const member of ending) {
			member.state = "ending";
			this.#members.delete(member);
			this.#listeners.delete(member);
		}
		for (const member of ending) this.#forget(member);
		for (const member of ending) {
			member.queue.endLag();
			this.#delivery.drain(member);
		}
		this.#vanishIfEmpty();
	}

	#vanishIfEmpty(): void {
		if (this.#members.size > 0) return;
		this.#history.clear();
		this.#host.empty(this);
	}

	/** Tells the members that want to know of a change. */
	#tell(change: Change | undefined): void {
		if (change === undefined || this.#abandoned) return;
		this.#seq++;
		if (this.#listeners.size === 0) return;
		this.#delivery.tell(this.#listeners, stampChange(change, this.#seq));
	}
}
