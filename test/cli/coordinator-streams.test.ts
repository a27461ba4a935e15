import assert from "node:assert/strict";
import { test } from "node:test";
import { Client } from "../../packages/conec/src/index.ts";
import { site } from "./harness.ts";

test("coordinator: streams to itself are rejected at once, with a protocol and without, and nothing of them stays", async (t) => {
	const place = await site(t);
	// Far less than a second: nobody waits for a deadline.
	const client = await Client.connect({ id: "bob", coordinator: place.address, pin: place.pin, limits: { requestTimeoutMs: 60_000 } });
	t.after(() => client.close());
	const openings = Array.from({ length: 200 }, (_, index) => client.openCoordinatorStream(index % 2 === 0 ? {} : { protocol: "conec-ping/1" }));
	const outcomes = await Promise.all(openings.map((opening) => opening.then(() => "open").catch(({ code }) => code as string)));
	assert.deepEqual([...new Set(outcomes)], ["PROTOCOL_UNHANDLED"]);
	await assert.rejects(client.openCoordinatorStream(), /it takes no streams without a protocol/);
});
