import assert from "node:assert/strict";
import { test } from "node:test";
import { fitsOther, fitsOwn } from "./room.ts";

/** How many channels those get that ask one after the other. */
function fill(channels: number, keyOf: (n: number) => string, taken: Map<string, string | undefined> = new Map()): Map<string, string | undefined> {
	for (let n = 0; n < 2 * channels + 2; n++) {
		const peer = { id: `stranger-${n}`, fingerprint: keyOf(n) };
		if (fitsOther(peer, taken, channels)) taken.set(peer.id, peer.fingerprint);
	}
	return taken;
}

test("direct room: strangers leave an eighth of all channels to this side's own calls", () => {
	for (const channels of [0, 1, 2, 7, 8, 16, 64, 1_000]) {
		const taken = fill(channels, (n) => `key ${n}`);
		assert.equal(taken.size, channels - Math.floor(channels / 8));
		for (let own = 0; own < Math.floor(channels / 8); own++) {
			assert.ok(fitsOwn(`friend-${own}`, taken, channels));
			taken.set(`friend-${own}`, undefined);
		}
		assert.equal(fitsOwn("one more", taken, channels), false);
	}
});

test("direct room: one key under any number of ids leaves some to other strangers", () => {
	const taken = fill(64, () => "one key");
	assert.equal(taken.size, 45);
	assert.ok(fitsOther({ id: "other", fingerprint: "other key" }, taken, 64));
});

test("direct room: who has a channel has its place already, whoever wants another one", () => {
	const taken = fill(16, (n) => `key ${n}`);
	assert.ok(fitsOther({ id: "stranger-3", fingerprint: "key 3" }, taken, 16));
	assert.ok(fitsOwn("stranger-3", taken, 1));
});
