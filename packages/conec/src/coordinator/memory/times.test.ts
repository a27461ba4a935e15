import assert from "node:assert/strict";
import { test } from "node:test";
import type { ConnectionHeld } from "../../transport/transport.ts";
import { GivingBack } from "./giving-back.ts";
import { Stalls } from "./stalls.ts";

const MiB = 1_048_576;

test("memory that was freed goes back once it is quiet, at most every ten seconds, and only if it is much", () => {
	const back = new GivingBack();
	back.freed(3 * MiB, 0);
	assert.equal(back.isDue(60_000), false);
	back.freed(-9 * MiB, 60_000);
	back.freed(2 * MiB, 61_000);
	assert.equal(back.isDue(61_500), true); // the first of it was freed long ago
	back.freed(8 * MiB, 62_000);
	assert.deepEqual(
		[63_000, 67_500, 71_000, 71_500, 90_000].map((ms) => back.isDue(ms)),
		[false, false, false, true, false],
	);
	// Something is freed all the time.
	let due = 0;
	for (let ms = 100_000; ms < 160_000; ms += 1_000) {
		back.freed(MiB, ms);
		if (back.isDue(ms)) due++;
	}
	assert.equal(due, 1);
});

test("how long a Client has acknowledged nothing is known until it does", () => {
	const stalls = new Stalls<object>(-1_000);
	const [one, other] = [{}, {}];
	const held = (unsentBytes: number, acknowledgedBytes: number): ConnectionHeld => ({ unsentBytes, unreadBytes: 0, acknowledgedBytes });
	for (let ms = 0; ms <= 20_000; ms += 1_000) {
		stalls.look(
			[
				[one, held(500_000, ms === 12_000 ? 2 : 1)],
				[other, held(500_000, ms)],
			],
			ms,
		);
		assert.equal(stalls.stalledMs(one, ms), ms < 12_000 ? ms + 1_000 : Math.max(0, ms - 13_000), `${ms}`);
		assert.equal(stalls.stalledMs(other, ms), ms === 0 ? 1_000 : 0);
	}
	stalls.look([[one, held(65_535, 1)]], 21_000);
	assert.equal(stalls.stalledMs(one, 60_000), 0);
});
