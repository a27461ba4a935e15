import assert from "node:assert/strict";
import { test } from "node:test";
import { Hearing } from "./hearing.ts";

test("memory hearing: data, acknowledgements and keep-alive packets are heard", () => {
	const hearing = new Hearing(0);
	assert.equal(hearing.silentMs(400, 0), 400);
	hearing.heard(500);
	assert.equal(hearing.silentMs(600, 0), 100);
	hearing.reached(700, 50);
	hearing.reached(720, 50); // the first answer says enough
	assert.equal(hearing.silentMs(740, 0), 240);
	assert.equal(hearing.silentMs(760, 0), 10);
	assert.equal(hearing.silentMs(20_750, 0), 20_000);
	assert.equal(hearing.silentMs(20_750, 6_000), 2_000);
});

test("memory hearing: while nothing passes, the silence grows, whatever was on its way", () => {
	const hearing = new Hearing(0);
	hearing.reached(11_000, 500);
	hearing.deaf(11_200, 5_000);
	hearing.deaf(11_300, 5_000);
	assert.equal(hearing.silentMs(11_200, 5_000), 1_200);
	assert.equal(hearing.silentMs(41_200, 5_000), 31_200);
	hearing.again(42_000);
	assert.equal(hearing.silentMs(42_100, 5_000), 100);
});
