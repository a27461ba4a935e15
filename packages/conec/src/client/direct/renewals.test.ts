import assert from "node:assert/strict";
import { test } from "node:test";
import { Renewals } from "./renewals.ts";

test("renewals: at once after a break, but not for a peer that breaks every channel, and others are not held up", () => {
	const renewals = new Renewals();
	assert.deepEqual(
		[0, 1, 4_999, 5_000, 5_001].map((now) => renewals.take("mallory", now)),
		[true, false, false, true, false],
	);
	assert.equal(renewals.take("bob", 5_001), true);
	assert.equal(renewals.take("carol", 20_000), true);
	assert.equal(renewals.size, 1, "those that are long past are forgotten");
});
