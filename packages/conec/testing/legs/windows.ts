/**
 * Windows and budgets for machines in tests: as small as the rules allow, counted strictly, and all to be given back.
 *
 * @module
 */

import assert from "node:assert/strict";
import {
	type AckSlot,
	type AckSlots,
	EARLY_BYTES,
	type KeptShare,
	type KeptShares,
	type ReceiveWindow,
	type ReceiveWindows,
	type SendShare,
	type SendShares,
	UNIT_COST_BYTES,
} from "../../src/stream/windows/index.ts";

/** Everything that is lent out, to see that it comes back. */
export class Lent {
	windows = 0;
	keptBytes = 0;
	keptShares = 0;
	sendBytes = 0;
	sendShares = 0;
	slots = 0;
}

/** Windows of a fixed size, which rise for one long message where the application waits for it. */
export function testWindows(windowBytes: number, messageBytes: number, lent: Lent): ReceiveWindows {
	return {
		open: (_identity, raised): ReceiveWindow => {
			let [received, taken, limit, asked, closed, ended] = [0, 0, Math.max(EARLY_BYTES, windowBytes), 0, false, false];
			lent.windows++;
			const raise = (): void => {
				if (ended) return;
				const before = limit;
				limit = Math.max(limit, taken + windowBytes, Math.min(asked, taken + messageBytes + UNIT_COST_BYTES));
				if (limit > before && before < asked) raised(true);
			};
			return {
				get limit() {
					return limit;
				},
				get unreadBytes() {
					return received - taken;
				},
				ackEveryBytes: Math.max(1, Math.floor(windowBytes / 4)),
				received(cost) {
					received += cost;
					return received <= limit;
				},
				ended() {
					ended = true;
				},
				taken(cost) {
					taken += cost;
					assert.ok(closed || taken <= received, "no more is taken than came");
					raise();
				},
				waits() {},
				asked(cumulative) {
					asked = Math.max(asked, cumulative);
					raise();
				},
				roundTrip(ms) {
					assert.ok(ms >= 0);
				},
				suspended() {},
				close() {
					if (!closed) lent.windows--;
					closed = true;
				},
			};
		},
	};
}

/** What all legs over one connection may have on their way. */
export function testShares(capBytes: number, lent: Lent): SendShares {
	let total = 0;
	const waiting = new Set<() => void>();
	return {
		open: (_peer, _early, room): SendShare => {
			let [out, over] = [0, false];
			lent.sendShares++;
			return {
				admits(cost) {
					if (total + cost <= capBytes || total === 0) return true;
					waiting.add(room);
					return false;
				},
				greatestBytes: capBytes,
				wrote(cost) {
					assert.ok(total === 0 || total + cost <= capBytes, "no more is on its way than the connection takes");
					out += cost;
					total += cost;
					lent.sendBytes += cost;
				},
				bookAhead(cost) {
					if (waiting.size > 0 || 2 * (total + cost) > capBytes) return false;
					this.wrote(cost);
					return true;
				},
				acked(cost) {
					assert.ok(cost <= out, `${cost} acknowledged of ${out} on their way`);
					out -= cost;
					total -= cost;
					lent.sendBytes -= cost;
					for (const call of [...waiting]) {
						waiting.delete(call);
						call();
					}
				},
				answered() {},
				cancel() {
					waiting.delete(room);
				},
				close() {
					if (over) return;
					over = true;
					waiting.delete(room);
					total -= out;
					lent.sendBytes -= out;
					lent.sendShares--;
				},
			};
		},
	};
}

/** What a stream may keep. */
export function testKept(capBytes: number, lent: Lent): KeptShares {
	return {
		open: (_identity, { room }): KeptShare => {
			let [kept, waits, over] = [0, false, false];
			lent.keptShares++;
			return {
				admits(cost) {
					if (kept + cost <= capBytes || kept === 0) return true;
					waits = true;
					return false;
				},
				kept(cost) {
					assert.ok(kept === 0 || kept + cost <= capBytes, "no more is kept than allowed");
					kept += cost;
					lent.keptBytes += cost;
				},
				bookAhead(cost) {
					if (over || waits || 2 * (kept + cost) > capBytes) return false;
					this.kept(cost);
					return true;
				},
				released(cost) {
					assert.ok(cost <= kept, `${cost} released of ${kept} kept`);
					kept -= cost;
					lent.keptBytes -= cost;
					if (!waits) return;
					waits = false;
					room();
				},
				suspended() {},
				cancel() {
					waits = false;
				},
				close() {
					if (over) return;
					over = true;
					lent.keptBytes -= kept;
					lent.keptShares--;
				},
			};
		},
	};
}

/** When ACKs are due: at the end of a turn, or 25 ms later. */
export class TestAcks implements AckSlots {
	readonly #now: () => number;
	readonly #lent: Lent;
	readonly #slots = new Set<{ due: () => void; at: number; sum: number }>();

	constructor(now: () => number, lent: Lent) {
		this.#now = now;
		this.#lent = lent;
	}

	open(due: () => void): AckSlot {
		const state = { due, at: Number.POSITIVE_INFINITY, sum: 0 };
		let over = false;
		this.#slots.add(state);
		this.#lent.slots++;
		const soon = (): void => {
			state.at = Math.min(state.at, this.#now() + 25);
		};
		const sum = (cost: number, every: number): void => {
			state.sum += cost;
			if (state.sum >= every) state.at = Number.NEGATIVE_INFINITY;
			else soon();
		};
		return {
			received: sum,
			taken: sum,
			now() {
				state.at = Number.NEGATIVE_INFINITY;
			},
			soon,
			told() {
				state.at = Number.POSITIVE_INFINITY;
				state.sum = 0;
			},
			close: () => {
				if (!over) this.#lent.slots--;
				over = true;
				this.#slots.delete(state);
			},
		};
	}

	/** When the next one is due. */
	get nextMs(): number {
		return Math.min(...[...this.#slots].map(({ at }) => at));
	}

	/** Calls those that are due by then. */
	run(byMs: number): boolean {
		let any = false;
		for (const state of [...this.#slots]) {
			if (state.at > byMs) continue;
			state.at = Number.POSITIVE_INFINITY;
			state.sum = 0;
			any = true;
			state.due();
		}
		return any;
	}
}
