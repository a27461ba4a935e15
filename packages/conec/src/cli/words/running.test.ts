import assert from "node:assert/strict";
import { test } from "node:test";
import { runningMetadata, runningOf } from "./running.ts";

test("running: what a command says of itself is read back, and the rest of the metadata stays", () => {
	const since = new Date("2026-11-30T21:00:00Z");
	assert.deepEqual(runningOf(runningMetadata("chat", since)), { running: { command: "chat", sinceMs: since.getTime() }, rest: undefined });
	assert.deepEqual(runningOf({ conec: { command: "send" }, name: "a" }), { running: { command: "send", sinceMs: undefined }, rest: { name: "a" } });
});

test("running: anything else that a peer may say is metadata and nothing more", () => {
	for (const metadata of [
		undefined,
		null,
		1,
		"chat",
		[],
		{},
		{ conec: 1 },
		{ conec: [] },
		{ conec: {} },
		{ conec: { command: "\u001b[2J" } },
		{ conec: { command: "A" } },
	])
		assert.deepEqual(runningOf(metadata), { running: undefined, rest: metadata });
	assert.equal(runningOf({ conec: { command: "chat", since: "soon" } }).running?.sinceMs, undefined);
});
