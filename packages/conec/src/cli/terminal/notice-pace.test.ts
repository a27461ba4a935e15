import assert from "node:assert/strict";
import { test } from "node:test";
import { ManualClock } from "../../../testing/cli-surroundings.ts";
import { type LeftOut, NoticePace } from "./notice-pace.ts";

function stage() {
	const clock = new ManualClock();
	const told: LeftOut[] = [];
	return { clock, told, pace: new NoticePace(clock, (left) => told.push(left)) };
}

test("notice pace: of one source the first 20 are shown, then one a second, and what is left out is told once a second", () => {
	const { clock, told, pace } = stage();
	let shown = 0;
	for (let ms = 0; ms < 60_000; ms += 10) {
		if (pace.shows("192.0.2.1")) shown++;
		clock.pass(10);
	}
	assert.ok(shown >= 79 && shown <= 81, `${shown}`);
	assert.ok(told.length >= 58 && told.length <= 60, `${told.length}`);
	clock.pass(1_000);
	assert.equal(shown + told.reduce((sum, { notices }) => sum + notices, 0), 6_000);
	assert.ok(told.every(({ sources }) => sources === 1));
	assert.equal(clock.waiting, 0);
});

test("notice pace: a flood of one source leaves another's notices alone, and any number of sources makes 20 lines a second", () => {
	const { clock, told, pace } = stage();
	for (let i = 0; i < 10_000; i++) pace.shows("192.0.2.1");
	assert.equal(pace.shows("192.0.2.2"), true);
	clock.pass(60_000);
	let shown = 0;
	for (let i = 0; i < 50_000; i++) {
		if (pace.shows(`2001:db8::${i.toString(16)}`)) shown++;
		if (i % 1_000 === 999) clock.pass(1_000);
	}
	assert.ok(shown >= 1_060 && shown <= 1_100, `${shown} in 50 s`);
	assert.deepEqual(told.at(-1), { notices: 980, sources: 980 });
});
