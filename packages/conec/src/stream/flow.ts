/**
 * What streams share: the budgets of their process, and what belongs to the connection that carries them.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import type { Limits } from "../limits.ts";
import type { TransportConnection } from "../transport/transport.ts";
import { TAG_BYTES } from "../wire/broadcast.ts";
import { FRAME_BYTES } from "../wire/frames.ts";
import { AckSchedule, type AckSlots, KeptBudget, type KeptShares, ReceiveBudget, type ReceiveWindows, SendBudget, type SendShares } from "./windows/index.ts";

/** Unread and granted, over all streams of a process. */
const RECEIVE_BYTES = 268_435_456;
/** Sent and not acknowledged, over all streams of a process that survive the loss of their connection. */
const KEPT_BYTES = 67_108_864;
/** The greatest window of a stream. */
const WINDOW_BYTES = 2_097_152;
/** What the other side of a connection takes on it at least, and four messages more. */
const CONNECTION_WINDOW_BYTES = 12_582_912;

/** What all streams of one process share. */
export class StreamBudgets {
	readonly windows: ReceiveWindows;
	readonly kept: KeptShares;

	constructor({ messageBytes }: Pick<Limits, "messageBytes">, clock: Clock) {
		// The longest unit of any stream: a message of a broadcast has a tag, and control messages have their own length.
		const longestBytes = Math.max(messageBytes + TAG_BYTES, FRAME_BYTES);
		this.windows = new ReceiveBudget({ receiveBytes: RECEIVE_BYTES, streamWindowBytes: WINDOW_BYTES, messageBytes: longestBytes, now: () => clock.now() });
		this.kept = new KeptBudget({ keptBytes: KEPT_BYTES });
	}
}

/** What all streams over one connection share. */
export interface ConnectionFlow {
	readonly shares: SendShares;
	readonly acks: AckSlots;
	/** Of a connection whose owner shares none. */
	readonly budgets: StreamBudgets;
}

const FLOWS = new WeakMap<TransportConnection, ConnectionFlow>();

/** See {@link ConnectionFlow}. `severalPeers`: streams to several peers go over it. The first call for a connection decides. */
export function flowOf(connection: TransportConnection, limits: Pick<Limits, "messageBytes">, clock: Clock, severalPeers: boolean): ConnectionFlow {
	const known = FLOWS.get(connection);
	if (known !== undefined) return known;
	const connectionWindowBytes = CONNECTION_WINDOW_BYTES + 4 * limits.messageBytes;
	const flow = { shares: new SendBudget({ connectionWindowBytes, severalPeers }), acks: new AckSchedule(clock), budgets: new StreamBudgets(limits, clock) };
	FLOWS.set(connection, flow);
	return flow;
}
