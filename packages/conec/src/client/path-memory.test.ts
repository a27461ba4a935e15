import assert from "node:assert/strict";
import { test } from "node:test";
import { NAT_UNKNOWN } from "./nat-check.ts";
import { type PastAttempt, PathMemory } from "./path-memory.ts";

function attempt(outcome: PastAttempt["outcome"]): PastAttempt {
	return { at: new Date(0), outcome, reason: "because", durationMs: 1, candidates: [], peerNat: NAT_UNKNOWN };
}

test("path memory: hopelessness lasts until either network changes, or a channel comes up", () => {
	const memory = new PathMemory(10);
	for (const end of [() => memory.peerChanged("bob"), () => memory.ownNetworkChanged(), () => memory.note("bob", attempt("up"))]) {
		memory.despair("bob", "both are symmetric");
		memory.note("bob", attempt("failed"));
		assert.equal(memory.hopeless("bob"), "both are symmetric");
		assert.equal(memory.hopeless("carol"), undefined);
		end();
		assert.equal(memory.hopeless("bob"), undefined);
	}
});

test("path memory: keeps the latest peers, no more", () => {
	const memory = new PathMemory(3);
	for (let index = 0; index < 100; index++) {
		memory.despair(`peer-${index}`, "no");
		memory.note(`peer-${index}`, attempt("failed"));
	}
	assert.deepEqual(
		[96, 97, 98, 99].map((index) => [memory.hopeless(`peer-${index}`), memory.attempt(`peer-${index}`)?.outcome]),
		[
			[undefined, undefined],
			["no", "failed"],
			["no", "failed"],
			["no", "failed"],
		],
	);
});
