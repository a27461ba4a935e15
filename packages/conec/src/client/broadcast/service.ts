/**
 * The broadcasts of a Client: joining them, and asking how many members they have.
 *
 * @module
 */

import { type Clock, systemClock } from "../../base/clock.ts";
import { type Random, systemRandom } from "../../base/random.ts";
import { throwIfAborted } from "../../base/signals.ts";
import { ConecError } from "../../errors.ts";
import type { ClientLimits } from "../../limits.ts";
import type { StreamIds } from "../../session/stream-ids.ts";
import type { LiveStream } from "../../session/stream-set.ts";
import type { BroadcastOptions, BroadcastStream } from "../../stream/broadcast-stream.ts";
import type { StreamBudgets } from "../../stream/flow.ts";
import { lender } from "../../stream/lent.ts";
import { BROADCAST_CAPABILITY } from "../../wire/broadcast.ts";
import type { CoordinatorLink, LinkService, Uplink } from "../uplink/index.ts";
import { broadcastOpen, checkBroadcastName, type JoinContext, joinAs, joinBroadcast } from "./join.ts";
import type { Membership } from "./membership.ts";
import { Returns } from "./returns.ts";

/** What a Client lends. */
export interface ClientBroadcastsHost {
	readonly limits: ClientLimits;
	readonly ids: StreamIds;
	/** @default the machine's */
	readonly clock?: Clock;
	readonly budgets: StreamBudgets;
	readonly uplink: Pick<Uplink, "ask" | "ready" | "comesBack">;
	/** Spreads pauses. @default the machine's */
	readonly random?: Random;
}

/** How many members a broadcast has. A member that sends and receives counts as both. */
export interface BroadcastMembers {
	/** Members that may send. */
	readonly senders: number;
	/** Members that receive. */
	readonly receivers: number;
}

/** See the module. */
export class ClientBroadcasts implements LinkService {
	readonly #host: ClientBroadcastsHost;
	readonly #returns: Returns;

	constructor(host: ClientBroadcastsHost) {
		this.#host = host;
		const { clock = systemClock, random = systemRandom } = host;
		this.#returns = new Returns({
			...{ clock, random },
			comesBack: () => host.uplink.comesBack,
			join: (member, id, link) => this.#joinAgain(member, id, link),
		});
	}

	/** Members that wait for another link. */
	get away(): number {
		return this.#returns.size;
	}

	/** See {@link LinkService}. Members join again. */
	up(link: CoordinatorLink, before: CoordinatorLink | undefined): void {
		if (before !== undefined) this.#returns.up(link);
	}

	/** No link follows: members that wait for one end with `error`. */
	end(error: ConecError): void {
		this.#returns.end(error);
	}

	/** Like `Client.joinBroadcast`. */
	async join(name: string, options: BroadcastOptions): Promise<BroadcastStream> {
		const open = broadcastOpen(name, options);
		throwIfAborted(options.signal);
		const { limits, ids, uplink, clock = systemClock } = this.#host;
		const action = `Cannot join broadcast "${name}"`;
		const untilMs = clock.now() + limits.requestTimeoutMs;
		const link = able(action, await uplink.ready(action, { untilMs, signal: options.signal }));
		const withinMs = Math.max(0, untilMs - clock.now());
		const id = ids.reserve(undefined);
		const returning = options.rejoin === false ? undefined : this.#returns.of(id);
		let isKept = false;
		const keep = (member: Membership, stream: LiveStream): void => {
			isKept = true;
			link.streams.add(stream);
			void member.closed.then(() => ids.release(id));
		};
		try {
			return await joinBroadcast(open, { ...this.#contextOf(link, id), keep, withinMs, returning }, options.signal);
		} finally {
			if (!isKept) ids.release(id);
		}
	}

	#contextOf(link: CoordinatorLink, id: number): Omit<JoinContext, "keep"> {
		const { limits, budgets, clock = systemClock } = this.#host;
		const { connection, sendLimits } = link;
		return { connection, limits, sendLimits, id, clock, lent: lender(budgets, limits, clock, true)(connection) };
	}

	async #joinAgain(member: Membership, id: number, link: CoordinatorLink): Promise<void> {
		able(`Cannot join ${member.describe} again`, link);
		member.again();
		await joinAs(member, { ...this.#contextOf(link, id), keep: (_, stream) => link.streams.add(stream) });
	}

	/** Like `Client.countBroadcast`. */
	async count(name: string): Promise<BroadcastMembers> {
		checkBroadcastName(name, "Cannot count broadcast");
		const action = `Cannot count broadcast "${name}"`;
		const { limits, uplink, clock = systemClock } = this.#host;
		const answer = await uplink.ask(action, { untilMs: clock.now() + limits.requestTimeoutMs }, (link, withinMs) =>
			able(action, link).requests.request({
				action,
				ask: (request) => ({ type: "broadcast-count", request, name }),
				isAnswer: (message) => message.type === "broadcast-counted" || message.type === "broadcast-unknown",
				withinMs,
			}),
		);
		if (answer.type === "broadcast-unknown") throw new ConecError("BROADCAST_UNKNOWN", `${action}: nobody has joined it`);
		return { senders: answer.senders, receivers: answer.receivers };
	}
}

function able(action: string, link: CoordinatorLink): CoordinatorLink {
	if (!link.can(BROADCAST_CAPABILITY)) throw new ConecError("PROTOCOL_UNSUPPORTED", `${action}: the Coordinator does not support broadcasts`);
	return link;
}
