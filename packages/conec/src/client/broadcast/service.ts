/**
 * The broadcasts of a Client: joining them, and asking how many members they have.
 *
 * @module
 */

import { type Clock, systemClock } from "../../base/clock.ts";
import { throwIfAborted } from "../../base/signals.ts";
import { ConecError } from "../../errors.ts";
import type { ClientLimits } from "../../limits.ts";
import type { StreamIds } from "../../session/stream-ids.ts";
import type { BroadcastOptions, BroadcastStream } from "../../stream/broadcast-stream.ts";
import type { StreamBudgets } from "../../stream/flow.ts";
import { lender } from "../../stream/lent.ts";
import { BROADCAST_CAPABILITY } from "../../wire/broadcast.ts";
import type { CoordinatorLink, Uplink } from "../uplink/index.ts";
import { broadcastOpen, checkBroadcastName, joinBroadcast } from "./join.ts";
import type { Membership } from "./membership.ts";

/** What a Client lends. */
export interface ClientBroadcastsHost {
	readonly limits: ClientLimits;
	readonly ids: StreamIds;
	/** @default the machine's */
	readonly clock?: Clock;
	readonly budgets: StreamBudgets;
	readonly uplink: Pick<Uplink, "ask" | "ready">;
}

/** How many members a broadcast has. A member that sends and receives counts as both. */
export interface BroadcastMembers {
	/** Members that may send. */
	readonly senders: number;
	/** Members that receive. */
	readonly receivers: number;
}

/** See the module. */
export class ClientBroadcasts {
	readonly #host: ClientBroadcastsHost;

	constructor(host: ClientBroadcastsHost) {
		this.#host = host;
	}

	/** Like `Client.joinBroadcast`. */
	async join(name: string, options: BroadcastOptions): Promise<BroadcastStream> {
		const open = broadcastOpen(name, options);
		throwIfAborted(options.signal);
		const { limits, ids, budgets, uplink, clock = systemClock } = this.#host;
		const action = `Cannot join broadcast "${name}"`;
		const untilMs = clock.now() + limits.requestTimeoutMs;
		const { connection, streams, sendLimits } = able(action, await uplink.ready(action, { untilMs, signal: options.signal }));
		const withinMs = Math.max(0, untilMs - clock.now());
		const lent = lender(budgets, limits, clock, true)(connection);
		const id = ids.reserve(undefined);
		let kept = false;
		const keep = (member: Membership): void => {
			kept = true;
			streams.add(member);
			void member.closed.then(() => ids.release(id));
		};
		try {
			return await joinBroadcast(open, { connection, limits, sendLimits, id, lent, clock, keep, withinMs }, options.signal);
		} finally {
			if (!kept) ids.release(id);
		}
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
