import assert from "node:assert/strict";
import { test } from "node:test";
import { isVersion, negotiateVersion } from "./versions.ts";

test("versions: the greatest that both sides list is used", () => {
	assert.equal(negotiateVersion([1], [1]), 1);
	assert.equal(negotiateVersion([1, 2, 3], [2, 9, 1]), 2);
	assert.equal(negotiateVersion([1], [2]), undefined);
	assert.equal(negotiateVersion([1], []), undefined);
	assert.equal(negotiateVersion([3, 2, 1], [1, 2, 3]), 3);
});

test("versions: are integers from 1 to 65,535", () => {
	assert.deepEqual([1, 65_535].map(isVersion), [true, true]);
	assert.deepEqual([0, 65_536, 1.5, -1, "1", null].map(isVersion), [false, false, false, false, false, false]);
});
