import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeControl, encodeControl } from "../../wire/control.ts";
import { CHANNELS_LISTED } from "../../wire/own-channels.ts";
import { channelLists } from "./list.ts";

const own = (n: number) => ({ token: n.toString(16).padStart(32, "0"), peer: `peer-${n}`, fingerprint: `sha256:${n.toString(16).padStart(64, "0")}` });

test("channel lists: all channels, in messages that a Coordinator takes, and nothing else of them; none where there are none", () => {
	for (const count of [0, 1, CHANNELS_LISTED, CHANNELS_LISTED + 1, 3 * CHANNELS_LISTED]) {
		const channels = Array.from({ length: count }, (_, n) => own(n));
		const lists = channelLists(channels.map((channel) => ({ ...channel, secret: 1 })));
		assert.equal(lists.length, Math.ceil(count / CHANNELS_LISTED));
		assert.deepEqual(
			lists.flatMap((list) => list.channels),
			channels,
		);
		for (const list of lists) assert.deepEqual(decodeControl(encodeControl(list)), { ok: true, value: list });
	}
});
