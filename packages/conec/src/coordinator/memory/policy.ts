/**
 * What is let go when too much is held: first what nobody loses a connection by, and of that the most. Pure.
 *
 * @module
 */

import type { Holder, Ledger } from "./ledger.ts";

/** Something that is to be done. */
export type Release<P> =
	/** Histories of broadcasts are dropped. */
	| { readonly type: "histories"; readonly bytes: number }
	/** The queues of a member that is behind are dropped. It gets a `gap`. */
	| { readonly type: "queues"; readonly holder: Holder<P> }
	/** The connection of a party is closed. `stalled`: it acknowledges nothing. */
	| { readonly type: "close"; readonly holder: Holder<P>; readonly stalled: boolean };

/** What is known beside the ledger. */
export interface Circumstances<P> {
	readonly budgetBytes: number;
	/** What histories hold. It is in the ledger, too. */
	readonly historyBytes: number;
	/** How long a party has acknowledged nothing, although something is sent to it. 0: it does. */
	readonly stalledMs: (party: P) => number;
}

/** When there is too much, this part of the budget is freed besides. So it does not happen every second. */
const SLACK = 8;
/** Whoever has acknowledged nothing for so long is stalled. A line may need some seconds. */
export const STALLED_MS: number = 5_000;
/** Until then this part of the budget may be held beyond it, if there is somebody who may turn out to be stalled. */
const PATIENCE = 2;
/** Nobody loses a connection who holds less than that. */
export const LIGHT_BYTES: number = 262_144;

/** How much may be held besides what sessions and streams cost. That counts as half of the budget at most: many Clients do not put each other out. */
export function roomBytes(budgetBytes: number, fixedBytes: number): number {
	return Math.max(budgetBytes - fixedBytes, Math.floor(budgetBytes / 2));
}

/**
 * What is to be let go now, in this order. Nothing, if there is not too much.
 *
 * Whoever acknowledges nothing loses its connection before anybody who does. Only when there is nobody of that kind, the heaviest lose theirs: they
 * hold more than an even part of the budget, so somebody who holds little never does.
 */
export function planRelease<P>(ledger: Ledger<P>, { budgetBytes, historyBytes, stalledMs }: Circumstances<P>): Release<P>[] {
	const room = roomBytes(budgetBytes, ledger.fixedBytes);
	const beyond = ledger.bytes - ledger.fixedBytes - room;
	if (beyond <= 0) return [];
	let excess = beyond + Math.floor(room / SLACK);
	const plan: Release<P>[] = [];
	if (historyBytes > 0) {
		plan.push({ type: "histories", bytes: Math.min(historyBytes, excess) });
		excess -= historyBytes;
	}
	const holders = ledger.heaviestFirst();
	for (const holder of [...holders].sort((a, b) => b.byKind.queues - a.byKind.queues)) {
		if (excess <= 0 || holder.byKind.queues === 0) break;
		plan.push({ type: "queues", holder });
		excess -= holder.byKind.queues;
	}
	const weighs = ({ bytes, byKind }: Holder<P>): number => bytes - byKind.fixed - byKind.queues;
	const heavy = holders.filter((holder) => weighs(holder) >= LIGHT_BYTES);
	const silent = heavy.filter(({ party }) => stalledMs(party) > 0);
	const stalled = silent.filter(({ party }) => stalledMs(party) >= STALLED_MS);
	if (silent.length > 0) {
		const isUrgent = beyond > Math.floor(room / PATIENCE);
		for (const holder of isUrgent ? [...stalled, ...silent.filter((one) => !stalled.includes(one))] : stalled) {
			if (excess <= 0) break;
			plan.push({ type: "close", holder, stalled: true });
			excess -= weighs(holder);
		}
		// What the others hold may wait for these alone. It is seen the next time.
		return plan;
	}
	const evenBytes = Math.floor(room / Math.max(1, ledger.keys));
	for (const holder of heavy) {
		if (excess <= 0) break;
		if (ledger.bytesOf(holder.key) <= evenBytes) continue;
		plan.push({ type: "close", holder, stalled: false });
		excess -= weighs(holder);
	}
	return plan;
}
