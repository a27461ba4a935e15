import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../../../testing/cli-surroundings.ts";
import type { BroadcastStatus } from "../../../index.ts";
import { LagNotices } from "./lag-notices.ts";

const lagging = (id: string, name = "news"): BroadcastStatus => ({ type: "broadcast-lagging", name, id });
const caughtUp = (id: string, lost: number): BroadcastStatus => ({ type: "broadcast-caught-up", name: "news", id, lost });

function fixture() {
	const shown: string[] = [];
	const clock = new ManualClock();
	const notices = new LagNotices(clock, (status, left) =>
		shown.push(`${clock.nowMs()} ${status.id} ${status.type === "broadcast-lagging" ? "lags" : status.lost} ${left}`),
	);
	return { notices, shown, pass: (ms: number) => clock.pass(ms), timers: () => clock.waiting };
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
