import assert from "node:assert/strict";
import { test } from "node:test";
import { fixedWindows } from "./fixed-window.ts";

test("fixed window: the early bytes first, then what was taken and the window", () => {
	const window = fixedWindows(20_000).open("", () => assert.fail("it does not change of itself"));
	assert.equal(window.limit, 65_536);
	assert.equal(window.received(65_536), true);
	assert.equal(window.received(1), false);
	window.taken(45_537);
	assert.equal(window.limit, 65_537);
	assert.equal(window.received(0), true);
	window.taken(20_000);
	assert.equal(window.limit, 85_537);
	assert.equal(window.ackEveryBytes, 5_000);
});

test("fixed window: any frame that is no message can come when everything is taken", () => {
	const window = fixedWindows(0).open("", () => assert.fail("it does not change of itself"));
	assert.equal(window.received(65_536), true);
	window.taken(65_536);
	assert.equal(window.received(16_384 + 64), true);
});
