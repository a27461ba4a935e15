/**
 * All broadcasts of a Coordinator: names, limits, and the streams of members.
 *
 * @module
 */

import { Allowance } from "../../base/allowance.ts";
import { type Clock, systemClock } from "../../base/clock.ts";
import { FairPool, type PoolKeys } from "../../base/fair-pool.ts";
import { type Random, systemRandom } from "../../base/random.ts";
import type { CoordinatorLimits } from "../../limits.ts";
import type { Lent } from "../../stream/lent.ts";
import { rejectStream } from "../../stream/open-stream.ts";
import type { IncomingStream, Transport, TransportConnection } from "../../transport/transport.ts";
import type { BroadcastOpen } from "../../wire/broadcast.ts";
import { RESET_CODES } from "../../wire/codes.ts";
import type { BroadcastCount, BroadcastCounted, BroadcastUnknown } from "../../wire/control.ts";
import type { Defence } from "../defence/index.ts";
import type { Session } from "../sessions/index.ts";
import { Broadcast, type BroadcastHost } from "./broadcast.ts";
import { HeldBytes } from "./held.ts";
import type { Member } from "./member.ts";
import { type FirstLeg, MemberStream, type MessageTaking } from "./member-stream.ts";
import type { ResolvedBroadcastRule } from "./rules.ts";

/** What `status()` of a Coordinator says about broadcasts. `name` is the broadcast, `id` the member. */
export type BroadcastStatus =
	/** A member has begun to lag: it reads too slowly, and senders no longer wait for it. */
	| { readonly type: "broadcast-lagging"; readonly name: string; readonly id: string }
	/** The member no longer lags: it has caught up or left. `lost` is how many messages it has lost in all. */
	| { readonly type: "broadcast-caught-up"; readonly name: string; readonly id: string; readonly lost: number };

/** What broadcasts need to know of a Client. */
export type BroadcastSession = Pick<Session, "peer" | "streams" | "poolKeys" | "whom">;

/** What {@link Broadcasts} needs of its Coordinator. */
export interface BroadcastsHost {
	readonly limits: CoordinatorLimits;
	readonly ruleOf: (name: string) => ResolvedBroadcastRule;
	readonly transport: Pick<Transport, "writeFramesToMany">;
	readonly emit: (status: BroadcastStatus) => void;
	/** Counts joinings that are refused. */
	readonly defence: Pick<Defence, "count">;
	/** What a stream of a Client borrows. */
	readonly lend: (connection: TransportConnection) => Lent;
	/** Takes the messages of a Client no faster than it may send. @default as they come */
	readonly taking?: (connection: TransportConnection, take: (payloadBytes: number) => void) => MessageTaking | undefined;
	/** @default the machine's */
	readonly clock?: Clock;
	/** @default the machine's */
	readonly random?: Random;
}

/** See the module. */
export class Broadcasts {
	readonly #host: BroadcastsHost;
	readonly #byName: Map<string, Broadcast> = new Map();
	/** Names in use. Each counts to the Client that made the broadcast, until the last member has left. */
	readonly #names: FairPool;
	readonly #makers: WeakMap<Broadcast, PoolKeys> = new WeakMap();
	readonly #streams: Map<BroadcastSession, Set<MemberStream>> = new Map();
	/** How many streams of members are not over, with those of members that are out: what was sent to them may not have been read. */
	readonly #notOver: WeakMap<BroadcastSession, number> = new WeakMap();
	readonly #streamOf: WeakMap<Member, MemberStream> = new WeakMap();
	readonly #joinings: WeakMap<BroadcastSession, Allowance> = new WeakMap();
	readonly #broadcastHost: BroadcastHost;
	readonly #held: HeldBytes;
	#shedScheduled = false;

	constructor(host: BroadcastsHost) {
		this.#host = host;
		this.#names = new FairPool(host.limits.broadcasts);
		this.#held = new HeldBytes(host.limits.broadcastHeldBytes, () => {
			// Not at once: the caller is in the middle of keeping something.
			if (!this.#shedScheduled) queueMicrotask(() => this.#shed());
			this.#shedScheduled = true;
		});
		this.#broadcastHost = {
			held: this.#held,
			limits: host.limits,
			clock: host.clock ?? systemClock,
			random: host.random ?? systemRandom,
			writeFramesToMany: (streams, frames) => host.transport.writeFramesToMany(streams, frames),
			lagChanged: ({ name }, { peer: { id }, lagging, queue }) =>
				host.emit(lagging ? { type: "broadcast-lagging", name, id } : { type: "broadcast-caught-up", name, id, lost: queue.lost }),
			disconnect: (member) => this.#streamOf.get(member)?.kill(RESET_CODES.LAGGED),
			empty: (broadcast) => {
				if (this.#byName.get(broadcast.name) !== broadcast) return;
				this.#byName.delete(broadcast.name);
				this.#names.giveBack(this.#makers.get(broadcast) ?? []);
			},
		};
	}

	/** Names in use. */
	get size(): number {
		return this.#byName.size;
	}

	/** Lets a Client join, or answers REJECT (`LIMIT_EXCEEDED`, `BROADCAST_REFUSED`). */
	join(session: BroadcastSession, incoming: IncomingStream, open: BroadcastOpen, resume: FirstLeg): void {
		const { limits } = this.#host;
		const rule = this.#host.ruleOf(open.name);
		const existing = this.#byName.get(open.name);
		const reject = (words: string): void => {
			this.#host.defence.count("refused", "broadcast", session.whom);
			rejectStream(incoming, "LIMIT_EXCEEDED", words);
		};
		if (open.slowReader === "block" && !rule.block) return rejectStream(incoming, "BROADCAST_REFUSED", `"block" is not allowed for "${open.name}"`);
		if (open.bufferBytes > limits.broadcastBufferBytes) return reject(`bufferBytes is at most ${limits.broadcastBufferBytes} here`);
		if ((this.#streams.get(session)?.size ?? 0) >= limits.broadcastsPerClient) return reject("the Client is in as many broadcasts as it may be");
		const notOver = this.#notOver.get(session) ?? 0;
		if (notOver >= STREAMS_PER_PLACE * limits.broadcastsPerClient) return reject("the Client reads too little of the broadcasts that it has left");
		const room = existing === undefined ? this.#names.judge(session.poolKeys) : "free";
		if (room !== "free") return reject(NO_NAME_LEFT[room]);
		if (existing !== undefined && existing.size >= limits.broadcastMembers) return reject("the broadcast has as many members as it may have");
		if (!this.#mayJoin(session, existing, open)) return reject("the Client joins broadcasts too often");
		const broadcast = existing ?? this.#make(open.name, rule, session.poolKeys);
		const member = broadcast.createMember(session.peer, open);
		const streams = this.#streams.get(session) ?? new Set();
		this.#streams.set(session, streams);
		const { clock, random = systemRandom } = this.#broadcastHost;
		const out = (): void => {
			streams.delete(stream);
			session.streams--;
			if (streams.size === 0) this.#streams.delete(session);
		};
		const over = (): void => void this.#notOver.set(session, (this.#notOver.get(session) ?? 1) - 1);
		const { messageBytes } = limits;
		const { connection } = incoming;
		const taking = (take: (payloadBytes: number) => void): MessageTaking | undefined => this.#host.taking?.(connection, take);
		const stream = new MemberStream(broadcast, member, { clock, random, messageBytes, lent: this.#host.lend(connection), taking, out, over });
		this.#notOver.set(session, notOver + 1);
		streams.add(stream);
		session.streams++;
		this.#streamOf.set(member, stream);
		stream.accept(incoming, resume);
		broadcast.join(member, open);
	}

	#make(name: string, rule: ResolvedBroadcastRule, keys: PoolKeys): Broadcast {
		const broadcast = new Broadcast(name, rule, this.#broadcastHost);
		this.#byName.set(name, broadcast);
		this.#names.take(keys);
		this.#makers.set(broadcast, keys);
		return broadcast;
	}

	/** What a joining counts. It makes work for all members that are told of it. So where they are many, Clients may join less often. */
	#mayJoin(session: BroadcastSession, existing: Broadcast | undefined, { presence }: BroadcastOpen): boolean {
		const now = this.#broadcastHost.clock.now();
		const joinings = this.#joinings.get(session) ?? new Allowance(this.#host.limits.broadcastJoinsPerMinute, now);
		this.#joinings.set(session, joinings);
		// A member with `presence` gets a list of all.
		const told = existing === undefined ? 0 : Math.max(existing.listeners, presence === true ? existing.size : 0);
		return joinings.take(now, costOf(told)).type === "taken";
	}

	/** Answers how many members there are. */
	count({ name, request }: BroadcastCount): BroadcastCounted | BroadcastUnknown {
		const broadcast = this.#byName.get(name);
		if (broadcast === undefined) return { type: "broadcast-unknown", request };
		return { type: "broadcast-counted", request, senders: broadcast.senders, receivers: broadcast.receivers };
	}

	/** The metadata of a Client has changed. */
	update(session: BroadcastSession): void {
		for (const { broadcast } of [...(this.#streams.get(session) ?? [])]) broadcast.update(session.peer);
	}

	/** How much work such a change makes for others, as `limits.metadataUpdatesPerMinute` counts it. */
	updateCost(session: BroadcastSession): number {
		const told = [...(this.#streams.get(session) ?? [])].reduce((sum, { broadcast }) => sum + broadcast.listeners, 0);
		return costOf(told);
	}

	/** The connection of a Client is over. `stopping`: as the Coordinator ends it, like all others in turn. They come back, so who reads is not told that the last sender has gone. */
	sessionEnded(session: BroadcastSession, stopping = false): void {
		for (const stream of [...(this.#streams.get(session) ?? [])]) {
			if (stopping) stream.broadcast.abandon();
			stream.kill(stopping ? RESET_CODES.COORDINATOR_CLOSED : RESET_CODES.CANCELLED);
		}
	}

	/** All broadcasts together keep too much. The largest holders lose what they keep, until a quarter is free. */
	#shed(): void {
		this.#shedScheduled = false;
		const keepers: { readonly bytes: number; readonly drop: () => void }[] = [];
		for (const broadcast of this.#byName.values()) keepers.push({ bytes: broadcast.historyBytes, drop: () => broadcast.shedHistory() });
		for (const streams of this.#streams.values()) {
			for (const { broadcast, member } of streams) keepers.push({ bytes: member.queue.heldBytes, drop: () => broadcast.shed(member) });
		}
		keepers.sort((a, b) => b.bytes - a.bytes);
		for (const { bytes, drop } of keepers) {
			if (bytes === 0 || this.#held.bytes <= this.#host.limits.broadcastHeldBytes * 0.75) return;
			drop();
		}
	}

	/** Bytes of messages in the histories of all broadcasts. */
	get historyBytes(): number {
		let bytes = 0;
		for (const broadcast of this.#byName.values()) bytes += broadcast.historyBytes;
		return bytes;
	}

	/** Bytes that wait for a Client in all its broadcasts. What waits for several counts for each. */
	queuedBytes(session: BroadcastSession): number {
		let bytes = 0;
		for (const { member } of this.#streams.get(session) ?? []) bytes += member.queue.heldBytes;
		return bytes;
	}

	/** Drops histories, the longest first, until so many bytes are dropped. */
	shedHistories(bytes: number): void {
		let left = bytes;
		for (const broadcast of [...this.#byName.values()].sort((a, b) => b.historyBytes - a.historyBytes)) {
			if (left <= 0) return;
			left -= broadcast.historyBytes;
			broadcast.shedHistory();
		}
	}

	/** Drops what waits for a Client. Its memberships get a `gap`, or end with `LAGGED`. */
	shedQueues(session: BroadcastSession): void {
		for (const { broadcast, member } of [...(this.#streams.get(session) ?? [])]) if (member.queue.heldBytes > 0) broadcast.shed(member);
	}

	/** Bytes that all broadcasts keep now; see `limits.broadcastHeldBytes`. */
	get heldBytes(): number {
		return this.#held.bytes;
	}

	/** Ends all broadcasts. Members get the code, and are not told of each other. */
	end(wireCode: number): void {
		for (const broadcast of this.#byName.values()) broadcast.abandon();
		for (const streams of [...this.#streams.values()]) for (const stream of [...streams]) stream.kill(wireCode);
	}
}

const NO_NAME_LEFT = {
	full: "there are as many broadcasts as there may be (limits.broadcasts)",
	crowded: "there are nearly as many broadcasts as there may be (limits.broadcasts), and this key or network has made many of them; leave one first",
} as const;

/** Streams that a Client may have open for each broadcast that it may be in, with those of broadcasts that it has left. */
const STREAMS_PER_PLACE = 4;

/** For each this many members that are told of something, or that it tells of, it counts once more. */
const TOLD_PER_COUNT = 100;

function costOf(told: number): number {
	return 1 + Math.floor(told / TOLD_PER_COUNT);
}
