import assert from "node:assert/strict";
import { test } from "node:test";
import { Refusals } from "./refusals.ts";

test("refusals: of each reason and address one a second is shown, and then how many were not", () => {
	const refusals = new Refusals();
	assert.deepEqual(refusals.note("ID_TAKEN", "192.0.2.7", 0), { shown: true, left: 0 });
	for (let i = 1; i < 1_000; i++) assert.equal(refusals.note("ID_TAKEN", "192.0.2.7", i).shown, false);
	assert.equal(refusals.note("ID_TAKEN", "192.0.2.8", 500).shown, true);
	assert.equal(refusals.note("CERTIFICATE_REFUSED", "192.0.2.7", 500).shown, true);
	assert.deepEqual(refusals.note("ID_TAKEN", "192.0.2.7", 1_000), { shown: true, left: 999 });
	assert.deepEqual(refusals.note("ID_TAKEN", "192.0.2.7", 2_500), { shown: true, left: 0 });
});

test("refusals: from more addresses than are remembered, the oldest are forgotten", () => {
	const refusals = new Refusals();
	for (let i = 0; i < 1_001; i++) assert.equal(refusals.note("ID_TAKEN", `address ${i}`, 0).shown, true);
	assert.equal(refusals.note("ID_TAKEN", "address 1000", 1).shown, false);
	assert.equal(refusals.note("ID_TAKEN", "address 0", 1).shown, true);
});
