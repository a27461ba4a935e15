/**
 * What streams share: the budgets of their process, and what belongs to the connection that carries them.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import { deferred, within } from "../base/signals.ts";
import { type Limits, SHARED_RULES } from "../limits.ts";
import type { TransportConnection } from "../transport/transport.ts";
import { TAG_BYTES } from "../wire/broadcast.ts";
import { FRAME_BYTES } from "../wire/frames.ts";
import { AckSchedule, type AckSlots, KeptBudget, type KeptShares, ReceiveBudget, SendBudget } from "./windows/index.ts";

/** The limits of {@link StreamBudgets}. */
export type BudgetLimits = Pick<Limits, "messageBytes" | "receiveBytes" | "streamWindowBytes" | "keptBytes">;

/** What all streams of one process share. Shares go by the id of the peer: whoever holds an id is one party, by whatever way its streams come. */
export class StreamBudgets {
	readonly windows: ReceiveBudget;
	readonly kept: KeptShares;

	constructor(limits: BudgetLimits, clock: Clock) {
		// The longest unit of any stream: a message of a broadcast has a tag, and control messages have their own length.
		const messageBytes = Math.max(limits.messageBytes + TAG_BYTES, FRAME_BYTES);
		this.windows = new ReceiveBudget({ ...limits, messageBytes }, () => clock.now());
		this.kept = new KeptBudget(limits);
	}
}

/** What all streams over one connection share. */
export interface ConnectionFlow {
	readonly shares: SendBudget;
	readonly acks: AckSlots;
	/** Of a connection whose owner shares none. */
	readonly budgets: StreamBudgets;
}

const FLOWS = new WeakMap<TransportConnection, ConnectionFlow>();
const TOLD = new WeakMap<TransportConnection, number>();

/** The other side of a connection has said how much it takes there while it reads nothing. It is called before the first stream. */
export function toldWindow(connection: TransportConnection, connectionWindowBytes: number): void {
	TOLD.set(connection, Math.min(connectionWindowBytes, SHARED_RULES.connectionWindowBytes.max));
}

/** Live legs of streams over a connection. */
export function legsOver(connection: TransportConnection): number {
	return FLOWS.get(connection)?.shares.legs ?? 0;
}

/** Waits until no more legs of streams are left over a connection than `most` says, or for `timeoutMs`. One at a time for each connection. */
export async function fewerLegs(connection: TransportConnection, most: () => number, timeoutMs: number, clock: Clock): Promise<void> {
	const shares = FLOWS.get(connection)?.shares;
	if (shares === undefined || shares.legs <= most()) return;
	const few = deferred<void>();
	shares.onFewerLegs = () => {
		if (shares.legs <= most()) few.resolve();
	};
	await within(timeoutMs, few.promise, clock);
	shares.onFewerLegs = undefined;
}

/**
 * See {@link ConnectionFlow}. `severalPeers`: streams to several peers go over it. The first call for a connection decides.
 *
 * An other side that has not said how much it takes is supposed to take the default.
 */
export function flowOf(connection: TransportConnection, limits: BudgetLimits, clock: Clock, severalPeers: boolean): ConnectionFlow {
	const known = FLOWS.get(connection);
	if (known !== undefined) return known;
	const connectionWindowBytes = TOLD.get(connection) ?? SHARED_RULES.connectionWindowBytes.default;
	const flow = { shares: new SendBudget({ connectionWindowBytes, severalPeers }), acks: new AckSchedule(clock), budgets: new StreamBudgets(limits, clock) };
	FLOWS.set(connection, flow);
	return flow;
}
