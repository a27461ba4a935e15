import assert from "node:assert/strict";
import { test } from "node:test";
import type { BroadcastStatus } from "../../../index.ts";
import { LagNotices } from "./lag-notices.ts";

const lagging = (id: string, name = "news"): BroadcastStatus => ({ type: "broadcast-lagging", name, id });
const caughtUp = (id: string, lost: number): BroadcastStatus => ({ type: "broadcast-caught-up", name: "news", id, lost });

function fixture() {
	const shown: string[] = [];
	let due: { at: number; callback: () => void }[] = [];
	let now = 0;
	const notices = new LagNotices(
		(status, left) => shown.push(`${now} ${status.id} ${status.type === "broadcast-lagging" ? "lags" : status.lost} ${left}`),
		(callback, delayMs) => due.push({ at: now + delayMs, callback }),
	);
	const pass = (ms: number): void => {
		now += ms;
		const ready = due.filter(({ at }) => at <= now);
		due = due.filter(({ at }) => at > now);
		for (const { callback } of ready) callback();
	};
	return { notices, shown, pass, timers: () => due.length };
}

test("lag notices: of one member at most one a second, and at the end the last state", () => {
	const { notices, shown, pass, timers } = fixture();
	for (let lost = 0; lost < 100; lost++) {
		notices.note(lagging("bob"));
		notices.note(caughtUp("bob", lost));
	}
	assert.deepEqual(shown, ["0 bob lags 0"]);
	pass(999);
	assert.equal(shown.length, 1);
	pass(1);
	assert.deepEqual(shown.slice(1), ["1000 bob 99 198"]);
	notices.note(lagging("bob"));
	pass(1_000);
	assert.deepEqual(shown.slice(2), ["2000 bob lags 0"]);
	pass(1_000);
	assert.equal(timers(), 0, "nothing is remembered of a member that is quiet");
	notices.note(caughtUp("bob", 100));
	assert.deepEqual(shown.slice(3), ["3000 bob 100 0"]);
});

test("lag notices: members and broadcasts do not hold each other up", () => {
	const { notices, shown } = fixture();
	notices.note(lagging("bob"));
	notices.note(lagging("alice"));
	notices.note(lagging("bob", "other"));
	assert.deepEqual(shown, ["0 bob lags 0", "0 alice lags 0", "0 bob lags 0"]);
});
