import assert from "node:assert/strict";
import { test } from "node:test";
import { systemClock } from "../../base/clock.ts";
import { DEFAULT_LIMITS } from "../../limits.ts";
import { StreamIds } from "../../session/stream-ids.ts";
import { StreamBudgets } from "../../stream/flow.ts";
import type { TransportStream } from "../../transport/transport.ts";
import type { CoordinatorLink } from "../uplink/coordinator-link.ts";
import { ClientBroadcasts, type ClientBroadcastsHost } from "./service.ts";

test("a membership has a number like every stream of its Client, and gives it back", async () => {
	const ids = new StreamIds();
	const opened: number[] = [];
	const link = {
		can: () => true,
		connection: {
			openStream: ({ payload }: { payload: Uint8Array }): TransportStream => {
				opened.push((JSON.parse(Buffer.from(payload).toString()) as { id: number }).id);
				return { reset: () => undefined, stop: () => undefined } as unknown as TransportStream;
			},
		},
		streams: { add: () => undefined },
		sendLimits: DEFAULT_LIMITS,
	} as unknown as CoordinatorLink;
	const budgets = new StreamBudgets(DEFAULT_LIMITS, systemClock);
	const host: ClientBroadcastsHost = { limits: DEFAULT_LIMITS, ids, budgets, uplink: { comesBack: false, ready: async () => link, ask: () => assert.fail() } };
	const stream = ids.reserve(undefined);
	const abort = new AbortController();
	const joining = new ClientBroadcasts(host).join("news", { signal: abort.signal });
	await Promise.resolve();
	assert.equal(ids.size, 2);
	abort.abort("enough");
	await assert.rejects(joining, (reason) => reason === "enough");
	await new Promise((resolve) => setImmediate(resolve));
	assert.equal(ids.size, 1);
	assert.deepEqual(opened, [stream + 1]);
});
