import assert from "node:assert/strict";
import { test } from "node:test";
import { TURN_MS, Turn } from "./turn.ts";

/** What records cost, in milliseconds: in their handlers, and in the promises that follow. */
interface Cost {
	readonly handlerMs: number;
	readonly afterMs?: number;
	readonly bytes?: number;
}

/** An event loop on a clock of its own, with more records than it can deliver. Gives what each turn took and delivered. */
function turns(turn: Turn, { handlerMs, afterMs = 0, bytes = 64 }: Cost, count: number, start = 0): { readonly tookMs: number; readonly records: number }[] {
	let nowMs = start;
	return Array.from({ length: count }, () => {
		const beganMs = nowMs;
		let records = 0;
		turn.begin(nowMs);
		while (!turn.isSpent) {
			const fetched = turn.fetchedRecords;
			for (let i = 0; i < fetched && !turn.isSpent; i++) {
				nowMs += handlerMs;
				records++;
				turn.count(1, bytes, nowMs);
			}
		}
		nowMs += afterMs * records;
		turn.settle(nowMs);
		turn.renew();
		return { tookMs: nowMs - beganMs, records };
	});
}

test("turn: ends when its time is up, whatever a record costs", () => {
	for (const handlerMs of [0.001, 0.02, 0.3, 3]) {
		for (const { tookMs } of turns(new Turn(), { handlerMs }, 30)) assert.ok(tookMs <= TURN_MS + handlerMs + 0.001, `${tookMs} ms with ${handlerMs} each`);
	}
});

test("turn: records that cost little come in thousands, in a while", () => {
	const all = turns(new Turn(), { handlerMs: 0.000_3 }, 10);
	assert.ok((all[0]?.records ?? 0) <= 512);
	assert.ok((all.at(-1)?.records ?? 0) > 8_000);
});

test("turn: what promises cost after the call counts from the next turn on", () => {
	const turn = new Turn();
	const all = turns(turn, { handlerMs: 0.001, afterMs: 0.05 }, 10);
	for (const { tookMs } of all.slice(1)) assert.ok(tookMs <= TURN_MS + 0.1, `${tookMs}`);
	const dear = turns(turn, { handlerMs: 0.001, afterMs: 1 }, 10, 1e6);
	assert.equal(dear.at(-1)?.records, 64); // no fewer: somebody else's work in the same tick must not starve the connections
	const cheap = turns(turn, { handlerMs: 0.001 }, 20, 2e6);
	assert.ok((cheap.at(-1)?.records ?? 0) > 2_000);
});

test("turn: ends after 1 MiB", () => {
	for (const bytes of [1_000, 60_000]) {
		for (const { records } of turns(new Turn(), { handlerMs: 0.000_01, bytes }, 20)) assert.ok(records * bytes <= 1024 * 1024 + bytes);
	}
});

test("turn: calls before the event loop has gone round share one allowance, and what lies between them counts", () => {
	const turn = new Turn();
	let nowMs = 0;
	let records = 0;
	for (let call = 0; call < 1_000 && !turn.isSpent; call++) {
		turn.begin(nowMs);
		for (let i = 0; i < 4 && !turn.isSpent; i++, records++) turn.count(1, 64, nowMs);
		nowMs += 0.2;
	}
	assert.ok(turn.isSpent);
	assert.ok(records <= 64 + 4 * 26, `${records}`);
	turn.renew();
	assert.ok(!turn.isSpent);
	assert.ok(!turn.isLong);
});

test("turn: few records in many calls do not ask the event loop", () => {
	const turn = new Turn();
	turn.begin(0);
	turn.count(10, 1_000, 0.1);
	turn.begin(40);
	turn.count(10, 1_000, 40.1);
	assert.ok(!turn.isLong);
});
