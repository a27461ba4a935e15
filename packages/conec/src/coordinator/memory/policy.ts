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
	/** Whether a party has acknowledged nothing for a while, although something is sent to it. */
	readonly isStalled: (party: P) => boolean;
}

/** When there is too much, this part of the budget is freed besides. So it does not happen every second. */
const SLACK = 8;
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
export function planRelease<P>(ledger: Ledger<P>, { budgetBytes, historyBytes, isStalled }: Circumstances<P>): Release<P>[] {
	const room = roomBytes(budgetBytes, ledger.fixedBytes);
	let excess = ledger.bytes - ledger.fixedBytes - room;
	if (excess <= 0) return [];
	excess += Math.floor(room / SLACK);
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
	const stalled = holders.filter((holder) => isStalled(holder.party) && weighs(holder) >= LIGHT_BYTES);
	if (stalled.length > 0) {
		for (const holder of stalled) {
			if (excess <= 0) break;
			plan.push({ type: "close", holder, stalled: true });
			excess -= weighs(holder);
		}
		// What the others hold may wait for these alone. It is seen the next time.
		return plan;
	}
	const evenBytes = Math.floor(room / Math.max(1, ledger.keys));
	for (const holder of holders) {
		if (excess <= 0) break;
		if (weighs(holder) < LIGHT_BYTES || ledger.bytesOf(holder.key) <= evenBytes) continue;
		plan.push({ type: "close", holder, stalled: false });
		excess -= weighs(holder);
	}
	return plan;
}
