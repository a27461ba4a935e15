/**
 * Gives the members of one broadcast their messages, and decides how long senders wait for slow members.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { CoordinatorLimits } from "../../limits.ts";
import type { TransportStream } from "../../transport/transport.ts";
import { type Chunk, costBetween, FRAME_COST_BYTES } from "./chunk.ts";
import type { LagClock } from "./lag.ts";
import { Laggards } from "./laggards.ts";
import { LiveMembers } from "./live.ts";
import { MEMBER_HIGH_WATER_BYTES, type Member } from "./member.ts";
import { Pace, STUCK_MS } from "./pace.ts";
import type { Presence } from "./roster.ts";
import { type Patience, Waits } from "./waits.ts";

/** What {@link Delivery} needs of its broadcast. */
export interface DeliveryHost {
	readonly limits: CoordinatorLimits;
	readonly clock: Clock;
	readonly writeFramesToMany: (streams: readonly TransportStream[], frames: Uint8Array) => ArrayLike<number>;
	/** A member has begun to lag, or has caught up. */
	readonly lagChanged: (member: Member) => void;
	/** Ends a member that lags and has the policy "disconnect". */
	readonly disconnect: (member: Member) => void;
	/** All members. */
	readonly members: () => Iterable<Member>;
	/** Whether messages of senders wait. */
	readonly pending: () => boolean;
	/** Senders may not have to wait any more. */
	readonly released: () => void;
}

/** So much is set aside at a time for a member that keeps up. */
const ASIDE_BYTES = 16 * 1_024;

/** Delay after which senders are told which members lag. */
const LAG_NOTICE_MS = 20;

/** See the module. */
export class Delivery {
	readonly #host: DeliveryHost;
	/** Members that get messages as they come. */
	readonly #live: LiveMembers = new LiveMembers();
	/** The other readers. */
	readonly #behind: Set<Member> = new Set();
	readonly #waits: Waits;
	/** Members that senders wait for. */
	#awaited = 0;
	readonly #pace: Pace = new Pace();
	#paceTimer: unknown;
	/** Readers that keep up have to wait for others, and the clock that bounds all waiting runs. */
	#paceHurts = false;
	readonly #laggards: Laggards = new Laggards();
	#lagTimer: unknown;

	constructor(host: DeliveryHost) {
		this.#host = host;
		this.#waits = new Waits(host.limits);
	}

	/** Whether senders have to wait. */
	get held(): boolean {
		return this.#awaited > 0 || (this.#pace.tooFast && (this.#live.size === 0 || this.#waits.total.remainingMs(this.#host.clock.now()) > 0));
	}

	/** Whether messages must be kept for some reader. */
	get anyBehind(): boolean {
		return this.#behind.size > 0;
	}

	/** Whether some reader keeps up. */
	get anyLive(): boolean {
		return this.#live.size > 0;
	}

	/** Ids of members that lag, as many as may be listed. */
	get lagging(): string[] {
		return this.#laggards.listed();
	}

	/** The waiting that counts for a Client which is about to join. {@link remove} is its counterpart. */
	patienceWith(id: string): Patience {
		return this.#waits.join(id);
	}

	/** Gives a member messages from now on, after what its queue holds. */
	add(member: Member): void {
		member.movedAtMs = this.#host.clock.now();
		if (member.receives) this.#behind.add(member);
		this.drain(member);
	}

	/** A member wants no more messages. It goes on sending. */
	deafen(member: Member): void {
		member.deaf = true;
		member.queue.clear();
		if (member.live) this.#leaveLive(member);
		this.#behind.delete(member);
		this.#review(member);
	}

	/** Gives a member no more messages. Senders no longer wait for it. */
	remove(member: Member): void {
		const now = this.#host.clock.now();
		this.#behind.delete(member);
		this.#waitFor(member, undefined, now);
		this.#waits.leave(member.peer.id, now);
		this.#pace.review(member, now);
		if (member.live) this.#leaveLive(member);
		if (!member.lagging) return;
		member.lagging = false;
		this.#laggards.remove(member.peer.id);
		this.#host.lagChanged(member);
		this.#noticeLagToAll();
	}

	/** The last member has gone. */
	stop(): void {
		for (const timer of [this.#paceTimer, this.#lagTimer]) if (timer !== undefined) this.#host.clock.clearTimeout(timer);
	}

	/** Members keep up only as long as they have room. Called before messages of that cost are given. */
	makeRoom(costBytes: number): void {
		if (this.#live.haveRoom(costBytes)) return;
		while (!this.#live.haveRoom(costBytes)) {
			const member = this.#live.at(0);
			if (member.line.bulk.setAside(costBytes, ASIDE_BYTES) >= costBytes) this.#live.move(member, member.line.bulk.asideBytes);
			else this.#stall(member);
		}
		this.clockWaiting();
	}

	/** A member has nothing set aside any more. */
	gaveBack(member: Member): void {
		if (member.live) this.#live.move(member, 0);
	}

	/** Messages for the members that keep up, which have room. `frames` are valid during the call only. */
	giveToLive(frames: Uint8Array, units: number, costBytes: number): void {
		if (this.#live.size === 0) return;
		const queued = this.#host.writeFramesToMany(this.#live.streams, frames);
		this.#live.gave(units, costBytes);
		let full: Member[] | undefined;
		for (let i = 0; i < queued.length; i++) {
			const bytes = queued[i] as number;
			// A result below 0 says that the stream is over. The stream reports that itself.
			if (bytes < 0 || bytes >= MEMBER_HIGH_WATER_BYTES) {
				full ??= [];
				full.push(this.#live.at(i));
			}
		}
		if (full === undefined) return;
		for (const member of full) this.#stall(member);
		this.clockWaiting();
	}

	/** Messages for all members. Those that keep up have room. */
	give(chunk: Chunk): void {
		const behind = [...this.#behind];
		this.giveToLive(chunk.bytes, chunk.ends.length, costBetween(chunk, 0, chunk.ends.length));
		for (const member of behind) {
			member.queue.push(chunk);
			if (member.stalled) this.#review(member);
			else this.drain(member);
		}
	}

	/** A change of the list of members, for the members that want to know it. */
	tell(listeners: Iterable<Member>, presence: Presence): void {
		const ready: Member[] = [];
		for (const member of listeners) {
			if (member.deaf) continue;
			if (member.queue.empty && this.#hasRoom(member, presence.frame)) {
				ready.push(member);
				continue;
			}
			member.queue.pushPresence(presence);
			if (member.stalled) this.#review(member);
			else this.drain(member);
		}
		this.#writeToMany(ready, presence.frame);
	}

	/** Writes what waits for a member while its stream has room. */
	drain(member: Member): void {
		const { queue } = member;
		if (member.lagNoticeDue) this.#noticeLag([member]);
		let moved = 0;
		while (!member.stalled) {
			const need = queue.needCostBytes;
			if (need === 0) break;
			const room = member.line.bulk.setAside(need, Math.min(queue.heldBytes, MEMBER_HIGH_WATER_BYTES));
			const taken = queue.take(MEMBER_HIGH_WATER_BYTES, room);
			if (taken === undefined) {
				this.#stall(member);
				break;
			}
			moved += taken.frames.length;
			const queued = member.line.bulk.write(taken.frames, taken.units, taken.costBytes);
			if (queued < 0 || queued >= MEMBER_HIGH_WATER_BYTES) this.#stall(member);
		}
		if (member.state === "ending") {
			if (queue.empty) {
				member.state = "out";
				member.line.end();
			}
			return;
		}
		if (moved > 0) this.#pace.moved(member, moved, this.#host.clock.now());
		if (member.receives && !member.deaf && !member.live && !member.stalled && queue.empty) {
			this.#behind.delete(member);
			this.#live.add(member, member.line.bulk.asideBytes);
			member.line.bulk.follow(this.#live);
		}
		const lagged = member.lagging;
		this.#review(member);
		// A gap at the end is sent when it can no longer grow.
		if (lagged && !member.lagging && !queue.empty) this.drain(member);
	}

	/** Drops what waits for a member, because there is no memory for it. */
	shed(member: Member): void {
		if (member.state === "in" && !member.lagging) this.#startLag(member);
		member.queue.shed();
		if (member.state === "in") this.#review(member);
	}

	/** Senders have begun or stopped to wait. */
	clockWaiting(): void {
		const hurts = this.#pace.tooFast && this.#live.size > 0 && this.#host.pending();
		if (hurts === this.#paceHurts) return;
		this.#paceHurts = hurts;
		const now = this.#host.clock.now();
		if (hurts) this.#waits.total.start(now);
		else this.#waits.total.stop(now);
	}

	/** The stream of a member has no room. */
	#stall(member: Member): void {
		member.stalled = true;
		if (!member.live) return;
		this.#leaveLive(member);
		this.#behind.add(member);
	}

	#leaveLive(member: Member): void {
		member.line.bulk.leave();
		this.#live.remove(member);
	}

	/** Looks whether a member is too slow, and for how long senders may still wait for it. */
	#review(member: Member): void {
		const { queue } = member;
		const now = this.#host.clock.now();
		if (member.lagging && this.#hasCaughtUp(member)) this.#endLag(member);
		let waitFor: LagClock | undefined;
		while (queue.full) {
			// Only presence waits for it, and senders cannot hold that back.
			if (!member.receives && !member.lagging) this.#startLag(member);
			const clock = this.#clockFor(member);
			if (clock === undefined) break;
			const leftMs = this.#leftMs(clock, member, now);
			if (leftMs > 0) {
				waitFor = clock;
				member.timer ??= this.#host.clock.setTimeout(
					() => {
						member.timer = undefined;
						this.#review(member);
						this.#host.released();
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

	#hasCaughtUp({ queue, policy, stalled, deaf }: Member): boolean {
		if (deaf) return true;
		// With "latest-per-sender" the queue is nearly empty from the beginning.
		// A gap may be all that is left. It is sent only when the member no longer lags.
		return policy === "latest-per-sender" ? queue.bytes === 0 && queue.entries === 0 && !stalled : queue.halfEmpty;
	}

	/** The clock by which senders wait for a member. `undefined`: they do not wait for it. */
	#clockFor(member: Member): LagClock | undefined {
		if (member.state !== "in" || member.spent) return undefined;
		if (!member.lagging) return member.patience.lag;
		return member.policy === "block" ? member.patience.block : undefined;
	}

	#leftMs(clock: LagClock, { patience }: Member, now: number): number {
		return clock === patience.lag ? Math.min(clock.remainingMs(now), this.#waits.total.remainingMs(now)) : clock.remainingMs(now);
	}

	/** From now on senders wait for a member by this clock. `undefined`: they no longer wait for it. */
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

	/** The time that senders wait for the member is used up. */
	#startLag(member: Member): void {
		const already = member.lagging;
		member.lagging = true;
		if (already || member.policy !== "block" || !member.receives) {
			member.spent = true;
			member.queue.startLag();
		}
		if (already) return;
		this.#laggards.add(member.peer.id);
		this.#host.lagChanged(member);
		this.#noticeLagToAll();
		// Not at once: all members must first get what is being sent to them just now.
		if (member.policy === "disconnect") queueMicrotask(() => this.#host.disconnect(member));
	}

	#endLag(member: Member): void {
		member.lagging = false;
		member.spent = false;
		member.queue.endLag();
		this.#laggards.remove(member.peer.id);
		this.#host.lagChanged(member);
		this.#noticeLagToAll();
	}

	/** Tells senders soon, not at once: members may begin and cease to lag faster than many senders can be told. */
	#noticeLagToAll(): void {
		this.#lagTimer ??= this.#host.clock.setTimeout(() => {
			this.#lagTimer = undefined;
			const ready: Member[] = [];
			for (const member of this.#host.members()) {
				if (!member.sends) continue;
				if (member.stalled) member.lagNoticeDue = true;
				else ready.push(member);
			}
			this.#noticeLag(ready);
		}, LAG_NOTICE_MS);
	}

	#noticeLag(members: readonly Member[]): void {
		if (members.length === 0) return;
		const frame = this.#laggards.encodeNotice();
		const ready: Member[] = [];
		for (const member of members) {
			member.lagNoticeDue = !member.deaf && !this.#hasRoom(member, frame);
			if (!member.deaf && !member.lagNoticeDue) ready.push(member);
		}
		this.#writeToMany(ready, frame);
	}

	/** While most readers are behind, checks now and then whether they move. */
	#watchPace(): void {
		this.clockWaiting();
		if (!this.#pace.tooFast || this.#paceTimer !== undefined) return;
		this.#paceTimer = this.#host.clock.setTimeout(() => {
			this.#paceTimer = undefined;
			this.#pace.excludeStuck(this.#host.clock.now());
			this.#watchPace();
			this.#host.released();
		}, STUCK_MS);
	}

	/** Whether a frame can be written to a member now. If not, it stalls. */
	#hasRoom(member: Member, frame: Uint8Array): boolean {
		if (member.stalled) return false;
		const cost = frame.length + FRAME_COST_BYTES;
		if (member.line.bulk.setAside(cost, cost) >= cost) return true;
		this.#stall(member);
		return false;
	}

	/** Writes to members that have room, with one call. */
	#writeToMany(members: readonly Member[], frame: Uint8Array): void {
		if (members.length === 0) return;
		const queued = this.#host.writeFramesToMany(
			members.map((member) => member.stream),
			frame,
		);
		for (const [i, member] of members.entries()) {
			const bytes = queued[i] as number;
			member.line.bulk.wrote(1, frame.length + FRAME_COST_BYTES);
			if (member.live) this.#live.move(member, member.line.bulk.asideBytes);
			if (bytes < 0 || bytes >= MEMBER_HIGH_WATER_BYTES) this.#stall(member);
		}
	}
}
