/**
 * Gives the members of one broadcast their messages, and decides how long senders wait for slow members.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { CoordinatorLimits } from "../../limits.ts";
import type { TransportStream } from "../../transport/transport.ts";
import { FRAME } from "../../wire/frames.ts";
import type { Chunk } from "./chunk.ts";
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

/** Delay after which senders are told which members lag. */
const LAG_NOTICE_MS = 20;
const EMPTY = new Uint8Array(0);

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

	/** Gives a member no more messages. Senders no longer wait for it. */
	remove(member: Member): void {
		const now = this.#host.clock.now();
		this.#behind.delete(member);
		this.#waitFor(member, undefined, now);
		this.#waits.leave(member.peer.id, now);
		this.#pace.review(member, now);
		if (member.live) this.#live.remove(member);
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

	/** Messages for the members that keep up. `frames` are valid during the call only. */
	giveToLive(frames: Uint8Array): void {
		if (this.#live.size === 0) return;
		const queued = this.#host.writeFramesToMany(this.#live.streams, frames);
		const before = this.#live.size;
		// From the last to the first, because the last takes the place of one that is removed.
		for (let i = before - 1; i >= 0; i--) {
			const bytes = queued[i] as number;
			// A result below 0 says that the stream is over. The stream reports that itself.
			if (bytes < 0 || bytes >= MEMBER_HIGH_WATER_BYTES) this.#stall(this.#live.at(i));
		}
		if (this.#live.size < before) this.clockWaiting();
	}

	/** Messages for all members. */
	give(chunk: Chunk): void {
		const behind = [...this.#behind];
		this.giveToLive(chunk.bytes);
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
			if (!member.stalled && member.queue.empty) {
				ready.push(member);
				continue;
			}
			member.queue.pushPresence(presence);
			if (member.stalled) this.#review(member);
			else this.drain(member);
		}
		if (ready.length > 0) this.#writeToMany(ready, presence.frame);
	}

	/** Writes what waits for a member while its stream has room. */
	drain(member: Member): void {
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
		this.#live.remove(member);
		this.#behind.add(member);
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

	#hasCaughtUp({ queue, policy, stalled }: Member): boolean {
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
		for (const member of members) member.lagNoticeDue = false;
		this.#writeToMany(members, this.#laggards.encodeNotice());
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

	/** Writes to the members whose streams have room, with one call. */
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
