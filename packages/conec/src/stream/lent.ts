/**
 * What a process and one of its connections lend to a stream.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import type { TransportConnection } from "../transport/transport.ts";
import type { ExchangeSink } from "./exchange/index.ts";
import { type BudgetLimits, flowOf, type StreamBudgets } from "./flow.ts";
import type { AckSlots, KeptShares, ReceiveWindows, SendShares } from "./windows/index.ts";

/** See the module. */
export interface Lent {
	/** Of the process. */
	readonly windows: ReceiveWindows;
	/** Of the connection. */
	readonly shares: SendShares;
	/** Of the connection. */
	readonly acks: AckSlots;
}

/** Lends to the streams of each connection. `severalPeers`: streams to several peers go over it. */
export function lender(budgets: StreamBudgets, limits: BudgetLimits, clock: Clock, severalPeers: boolean): (connection: TransportConnection) => Lent {
	return (connection) => {
		const { shares, acks } = flowOf(connection, limits, clock, severalPeers);
		return { windows: budgets.windows, shares, acks };
	};
}

/** For streams that do not survive the loss of their leg. */
export const NOTHING_KEPT: KeptShares = {
	open: () => ({ admits: () => true, kept() {}, bookAhead: () => true, released() {}, suspended() {}, cancel() {}, close() {} }),
};

/** What a sink of such a stream says about further legs: nothing. */
export const ONE_LEG: Pick<ExchangeSink, "gone" | "suspended" | "openLeg"> = { gone() {}, suspended() {}, openLeg: () => undefined };
