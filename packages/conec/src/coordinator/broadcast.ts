/**
 * One broadcast at the Coordinator: it numbers messages, gives them to all members, and deals with those who are slow.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import type { Limits } from "../options.ts";
import { Fifo } from "../stream/fifo.ts";
import type { Clock } from "../transport/clock.ts";
import type { TransportStream } from "../transport/transport.ts";
import { type BroadcastOpen, type BroadcastPeer, EPOCH_BYTES, encodeBroadcastControl, epochToBytes, type Joined, taggedFrameBytes } from "../wire/broadcast.ts";
import { FRAME } from "../wire/frames.ts";
import { encodeChunk, encodeFrames, type Unstamped } from "./broadcast-chunk.ts";
import type { HeldBytes } from "./broadcast-held.ts";
import { type ChunkPart, History } from "./broadcast-history.ts";
import type { LagClock } from "./broadcast-lag.ts";
import { Laggards } from "./broadcast-laggards.ts";
import { LiveMembers } from "./broadcast-live.ts";
import { MEMBER_HIGH_WATER_BYTES, Member } from "./broadcast-member.ts";
import type { ResolvedBroadcastRule } from "./broadcast-options.ts";
import { Pace, STUCK_MS } from "./broadcast-pace.ts";
import { type Change, Roster, stampChange } from "./broadcast-roster.ts";
import { Waits } from "./broadcast-waits.ts";

/** What a broadcast needs of its Coordinator. */
export interface BroadcastHost {
	readonly limits: Limits;
	readonly clock: Clock;
	/** What all broadcasts keep. */
	readonly held: HeldBytes;
	readonly writeFramesToMany: (streams: readonly TransportStream[], frames: Uint8Array) => ArrayLike<number>;
	/** A member has begun to lag, or has caught up having lost so many messages by then. */
	readonly lagChanged: (broadcast: Broadcast, member: Member) => void;
	/** A member is to be ended, as it lags and has asked for that. */
	readonly disconnect: (member: Member) => void;
	/** The last member has gone. */
	readonly empty: (broadcast: Broadcast) => void;
}

/** What a sender has sent and that waits for slow readers. */
interface Pending {
	readonly member: Member;
	readonly payload: Uint8Array | undefined;
	/** Instead of a payload: what to do once everything before is stamped. */
	readonly action: (() => void) | undefined;
}

/** Most bytes that are stamped in one go. */
const STEP_BYTES = 64 * 1_024;
/** The same while some member has a small queue, which such a step may overfill: it must not make work for all others. */
const STEP_MIN_BYTES = 16 * 1_024;
/** Senders hear who lags so much later. */
const LAG_NOTICE_MS = 20;
const EMPTY = new Uint8Array(0);

/** See the module. */
export class Broadcast {
	readonly name: string;
	/** Names this life of the broadcast: one that has vanished and come back has another. */
	readonly epoch: string = randomBytes(EPOCH_BYTES).toString("hex");
	readonly #epochBytes: Uint8Array = epochToBytes(this.epoch);
	readonly #host: BroadcastHost;
	readonly #history: History;
	readonly #roster: Roster = new Roster();
	readonly #members: Set<Member> = new Set();
	readonly #pace: Pace = new Pace();
	readonly #waits: Waits;
	#seq = 0;
	#senders = 0;
	#receivers = 0;
	/** Members that hear of changes of the list. */
	readonly #listeners: Set<Member> = new Set();
	/** Members that get messages as they come. */
	readonly #live: LiveMembers = new LiveMembers();
	/** The other readers. */
	readonly #behind: Set<Member> = new Set();
	/** Messages of this turn, which get their numbers when it ends. */
	#batch: Unstamped[] = [];
	#batchBytes = 0;
	#flushScheduled = false;
	/** What has come while senders have to wait. */
	readonly #pending: Fifo<Pending> = new Fifo();
	/** Members that are waited for. */
	#awaited = 0;
	#paceTimer: unknown;
	/** Readers that keep up wait for those that do not, and the clock of all waiting runs. */
	#paceHurts = false;
	readonly #laggards: Laggards = new Laggards();
	#lagTimer: unknown;
	#stepBytes = STEP_BYTES;
	#abandoned = false;

	constructor(name: string, rule: ResolvedBroadcastRule, host: BroadcastHost) {
		this.name = name;
		this.#host = host;
		this.#history = new History(rule.history, host.held);
		this.#waits = new Waits(host.limits);
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

	/** Members that hear of every change of the list: that is what a joining costs. */
	get listeners(): number {
		return this.#listeners.size;
	}

	/** A member that {@link join} takes. */
	createMember(peer: BroadcastPeer, open: BroadcastOpen): Member {
		return new Member(peer, open, this.#roster.peers, this.#waits.join(peer.id), this.#host.held, this.#host.limits);
	}

	/** Takes a member, whose stream has been accepted, and tells it where it stands. */
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
		if (member.receives) {
			this.#receivers++;
			this.#behind.add(member);
		}
		this.#stepBytes = Math.min(this.#stepBytes, Math.max(STEP_MIN_BYTES, member.capacityBytes / 2));
		const joined: Joined = {
			type: "joined",
			epoch: this.epoch,
			seq: this.#seq,
			recovered,
			senders: this.#senders,
			receivers: this.#receivers,
			lagging: member.sends ? this.#laggards.listed() : undefined,
		};
		member.movedAtMs = now;
		member.stream.write(FRAME.CONTROL, encodeBroadcastControl(joined));
		if (member.receives) for (const { chunk, from, to } of parts) member.queue.replay(chunk, from, to);
		if (member.presence) member.queue.pushMembers(this.#seq);
		this.#drain(member);
	}

	/** A message. */
	receive(member: Member, payload: Uint8Array): void {
		if (this.#pending.length > 0 || this.#held) {
			member.unstamped++;
			this.#pending.push({ member, payload, action: undefined });
			if (this.#pending.length === 1) this.#clockPace();
			return;
		}
		this.#add(member, payload);
	}

	/** A member has sent its last message; `acknowledge` is called when all of them have their numbers. */
	finishSending(member: Member, acknowledge: () => void): void {
		this.#afterPending(member, () => {
			acknowledge();
			if (!member.sends) return;
			member.sends = false;
			this.#senders--;
			if (this.#senders === 0) this.#endReaders();
		});
	}

	/** A member goes, once its messages have their numbers; `then` is called right after. */
	leaveAfter(member: Member, then: () => void): void {
		this.#afterPending(member, () => {
			this.leave(member);
			then();
		});
	}

	/** A member goes at once; what it has sent and has no number is dropped. */
	leave(member: Member): void {
		if (member.unstamped > 0) this.#forgetPending(member);
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

	/** The Coordinator goes, and takes all members out: that is no news of any of them. */
	abandon(): void {
		this.#abandoned = true;
	}

	/** What a Client says of itself has changed. */
	update(peer: BroadcastPeer): void {
		this.#flush();
		this.#tell(this.#roster.update(peer));
	}

	/** Bytes of messages that are kept for who joins later. */
	get historyBytes(): number {
		return this.#history.bytes;
	}

	/** Forgets them, as there is no memory for them. */
	shedHistory(): void {
		this.#history.clear();
	}

	/** Drops what waits for a member, as there is no memory for it. */
	shed(member: Member): void {
		if (member.state === "in" && !member.lagging) this.#startLag(member);
		member.queue.shed();
		if (member.state === "in") this.#review(member);
		this.#pump();
	}

	/** The stream of a member has room. */
	drained(member: Member): void {
		if (member.state === "out") return;
		member.stalled = false;
		this.#drain(member);
		this.#pump();
	}

	/** Whether senders have to wait. */
	get #held(): boolean {
		return this.#awaited > 0 || (this.#pace.tooFast && (this.#live.size === 0 || this.#waits.total.remainingMs(this.#host.clock.now()) > 0));
	}

	/** Takes a message into the batch of this turn. */
	#add(member: Member, payload: Uint8Array): void {
		this.#batch.push({ sender: member.sender, payload });
		this.#batchBytes += taggedFrameBytes(member.sender.bytes.length, payload.length);
		member.stream.consumed(payload.length);
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
		this.#seq += batch.length;
		this.#batch = [];
		this.#batchBytes = 0;
		// Mostly nobody keeps it.
		if (this.#behind.size === 0 && !this.#history.keeps) {
			this.#history.skip(this.#seq);
			if (this.#live.size > 0) this.#giveToLive(encodeFrames(batch, firstSeq, this.#epochBytes));
			return;
		}
		const chunk = encodeChunk(batch, firstSeq, this.#epochBytes, this.#host.clock.now());
		this.#history.push(chunk);
		const behind = [...this.#behind];
		if (this.#live.size > 0) this.#giveToLive(chunk.bytes);
		for (const member of behind) {
			member.queue.push(chunk);
			if (member.stalled) this.#review(member);
			else this.#drain(member);
		}
	}

	#giveToLive(frames: Uint8Array): void {
		const queued = this.#host.writeFramesToMany(this.#live.streams, frames);
		const before = this.#live.size;
		// From the last to the first, as whoever is taken out leaves its place to the last.
		for (let i = before - 1; i >= 0; i--) {
			const bytes = queued[i] as number;
			// Below 0 it is over, which its stream says by itself.
			if (bytes < 0 || bytes >= MEMBER_HIGH_WATER_BYTES) this.#stall(this.#live.at(i));
		}
		if (this.#live.size < before) this.#clockPace();
	}

	/** The stream of a member has no room. */
	#stall(member: Member): void {
		member.stalled = true;
		if (!member.live) return;
		this.#live.remove(member);
		this.#behind.add(member);
	}

	/** Writes what waits for a member while its stream has room. */
	#drain(member: Member): void {
		const { queue, stream } = member;
		if (member.lagNoticeDue) this.#noticeLag([member]);
		let moved = 0;
		while (!member.stalled) {
			const frames = queue.take(MEMBER_HIGH_WATER_BYTES);
			if (frames === undefined) break;
			moved += frames.length;
			const queued = stream.writeFrames(frames);
			if (queued < 0 || queued >= MEMBER_HIGH_WATER_BYTES) this.#stall(member);
		}
		if (member.state === "ending") {
			if (queue.empty) {
				member.state = "out";
				stream.write(FRAME.END, EMPTY);
			}
			return;
		}
		if (moved > 0) this.#pace.moved(member, moved, this.#host.clock.now());
		if (member.receives && !member.live && !member.stalled && queue.empty) {
			this.#behind.delete(member);
			this.#live.add(member);
		}
		const lagged = member.lagging;
		this.#review(member);
		// A gap at the end is told once it cannot grow any more.
		if (lagged && !member.lagging && !queue.empty) this.#drain(member);
	}

	/** Looks whether a member is too slow, and for how long senders may still wait for it. */
	#review(member: Member): void {
		const { queue } = member;
		const now = this.#host.clock.now();
		if (member.lagging && this.#hasCaughtUp(member)) this.#endLag(member);
		let waitFor: LagClock | undefined;
		while (queue.full) {
			// What waits for it is presence only, which no sender can hold back.
			if (!member.receives && !member.lagging) this.#startLag(member);
			const clock = this.#patienceWith(member);
			if (clock === undefined) break;
			const leftMs = this.#leftMs(clock, member, now);
			if (leftMs > 0) {
				waitFor = clock;
				member.timer ??= this.#host.clock.setTimeout(
					() => {
						member.timer = undefined;
						this.#review(member);
						this.#pump();
					},
					Math.max(1, leftMs),
				);
				break;
			}
			this.#startLag(member);
		}
		this.#waitFor(member, waitFor, now);
		this.#pace.review(member, now);
		this.#watchPace();
	}

	#hasCaughtUp({ queue, policy, stalled }: Member): boolean {
		// With one message of each sender the queue is nearly empty from the beginning.
		// A gap may be all that is left, and is only told once the member does not lag any more.
		return policy === "latest-per-sender" ? queue.bytes === 0 && queue.entries === 0 && !stalled : queue.halfEmpty;
	}

	/** By which clock senders wait for it; `undefined`: they do not. */
	#patienceWith(member: Member): LagClock | undefined {
		if (member.state !== "in" || member.spent) return undefined;
		if (!member.lagging) return member.patience.lag;
		return member.policy === "block" ? member.patience.block : undefined;
	}

	#leftMs(clock: LagClock, { patience }: Member, now: number): number {
		return clock === patience.lag ? Math.min(clock.remainingMs(now), this.#waits.total.remainingMs(now)) : clock.remainingMs(now);
	}

	/** Senders wait for a member by that clock from now on; `undefined`: not any more. */
	#waitFor(member: Member, clock: LagClock | undefined, now: number): void {
		const before = member.awaitedBy;
		if (clock === undefined && member.timer !== undefined) {
			this.#host.clock.clearTimeout(member.timer);
			member.timer = undefined;
		}
		if (before === clock) return;
		member.awaitedBy = clock;
		if (clock !== undefined) {
			this.#awaited++;
			clock.start(now);
			if (clock === member.patience.lag) this.#waits.total.start(now);
		}
		if (before !== undefined) {
			this.#awaited--;
			before.stop(now);
			if (before === member.patience.lag) this.#waits.total.stop(now);
		}
	}

	/** It has had its time. */
	#startLag(member: Member): void {
		const already = member.lagging;
		member.lagging = true;
		if (already || member.policy !== "block" || !member.receives) {
			member.spent = true;
			member.queue.startLag();
		}
		if (already) return;
		this.#laggards.add(member.peer.id);
		this.#host.lagChanged(this, member);
		this.#noticeLagToAll();
		// Not at once: members are being told of something just now, and must all hear it first.
		if (member.policy === "disconnect") queueMicrotask(() => this.#host.disconnect(member));
	}

	#endLag(member: Member): void {
		member.lagging = false;
		member.spent = false;
		member.queue.endLag();
		this.#laggards.remove(member.peer.id);
		this.#host.lagChanged(this, member);
		this.#noticeLagToAll();
	}

	/** Soon: members may begin and cease to lag faster than many senders can be told. */
	#noticeLagToAll(): void {
		this.#lagTimer ??= this.#host.clock.setTimeout(() => {
			this.#lagTimer = undefined;
			const ready: Member[] = [];
			for (const member of this.#members) {
				if (!member.sends) continue;
				if (member.stalled) member.lagNoticeDue = true;
				else ready.push(member);
			}
			this.#noticeLag(ready);
		}, LAG_NOTICE_MS);
	}

	#noticeLag(members: readonly Member[]): void {
		if (members.length === 0) return;
		for (const member of members) member.lagNoticeDue = false;
		this.#writeToMany(members, this.#laggards.encodeNotice());
	}

	/** While most are behind, somebody has to look whether they move. */
	#watchPace(): void {
		this.#clockPace();
		if (!this.#pace.tooFast || this.#paceTimer !== undefined) return;
		this.#paceTimer = this.#host.clock.setTimeout(() => {
			this.#paceTimer = undefined;
			this.#pace.excludeStuck(this.#host.clock.now());
			this.#watchPace();
			this.#pump();
		}, STUCK_MS);
	}

	#clockPace(): void {
		const hurts = this.#pace.tooFast && this.#live.size > 0 && this.#pending.length > 0;
		if (hurts === this.#paceHurts) return;
		this.#paceHurts = hurts;
		const now = this.#host.clock.now();
		if (hurts) this.#waits.total.start(now);
		else this.#waits.total.stop(now);
	}

	/** Numbers what has waited, as far as readers allow. */
	#pump(): void {
		while (this.#pending.length > 0 && !this.#held) {
			const { member, payload, action } = this.#pending.shift() as Pending;
			member.unstamped--;
			if (payload !== undefined) {
				this.#add(member, payload);
			} else if (action !== undefined) {
				this.#flush();
				action();
			}
			// What is in the batch counts only once it is given out.
			if (this.#pending.length === 0) this.#flush();
		}
		this.#clockPace();
	}

	#afterPending(member: Member, action: () => void): void {
		if (member.unstamped > 0) {
			member.unstamped++;
			this.#pending.push({ member, payload: undefined, action });
		} else {
			this.#flush();
			action();
		}
	}

	#forgetPending(member: Member): void {
		const kept: Pending[] = [];
		for (let next = this.#pending.shift(); next !== undefined; next = this.#pending.shift()) {
			if (next.member !== member) kept.push(next);
		}
		for (const one of kept) this.#pending.push(one);
		member.unstamped = 0;
	}

	/** Takes a member out, and tells the others. */
	#forget(member: Member): void {
		this.#members.delete(member);
		this.#listeners.delete(member);
		this.#behind.delete(member);
		if (member.sends) this.#senders--;
		member.sends = false;
		if (member.receives) this.#receivers--;
		const now = this.#host.clock.now();
		this.#waitFor(member, undefined, now);
		this.#waits.leave(member.peer.id, now);
		this.#pace.review(member, now);
		if (member.live) this.#live.remove(member);
		this.#tell(this.#roster.leave(member.peer.id));
		if (member.lagging) {
			member.lagging = false;
			this.#laggards.remove(member.peer.id);
			this.#host.lagChanged(this, member);
			this.#noticeLagToAll();
		}
		if (this.#members.size > 0) return;
		for (const timer of [this.#paceTimer, this.#lagTimer]) if (timer !== undefined) this.#host.clock.clearTimeout(timer);
	}

	/** The last sender has gone: readers get what waits for them, then the end. */
	#endReaders(): void {
		if (this.#abandoned) return;
		const ending = [...this.#members].filter((member) => member.receives && !member.keepOpen);
		// All at once: they are not told of each other, which would be the square of their number.
		for (const member of ending) {
			member.state = "ending";
			this.#members.delete(member);
			this.#listeners.delete(member);
		}
		for (const member of ending) this.#forget(member);
		for (const member of ending) {
			member.queue.endLag();
			this.#drain(member);
		}
		this.#vanishIfEmpty();
	}

	#vanishIfEmpty(): void {
		if (this.#members.size > 0) return;
		this.#history.clear();
		this.#host.empty(this);
	}

	/** Tells those who want to know of a change. */
	#tell(change: Change | undefined): void {
		if (change === undefined || this.#abandoned) return;
		this.#seq++;
		if (this.#listeners.size === 0) return;
		const presence = stampChange(change, this.#seq);
		const ready: Member[] = [];
		for (const member of this.#listeners) {
			if (!member.stalled && member.queue.empty) {
				ready.push(member);
				continue;
			}
			member.queue.pushPresence(presence);
			if (member.stalled) this.#review(member);
			else this.#drain(member);
		}
		if (ready.length > 0) this.#writeToMany(ready, presence.frame);
	}

	/** To members whose streams have room, with one call. */
	#writeToMany(members: readonly Member[], frame: Uint8Array): void {
		const queued = this.#host.writeFramesToMany(
			members.map((member) => member.stream),
			frame,
		);
		for (const [i, member] of members.entries()) {
			const bytes = queued[i] as number;
			if (bytes < 0 || bytes >= MEMBER_HIGH_WATER_BYTES) this.#stall(member);
		}
	}
}
