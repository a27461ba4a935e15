import assert from "node:assert/strict";
import { test } from "node:test";
import { connectOn } from "../../packages/conec/src/client/client.ts";
import type { CoordinatorStatus } from "../../packages/conec/src/coordinator/status.ts";
import { World } from "../../packages/conec/testing/world.ts";

test("admission: a Client whose certificate cannot be read is refused with a word, and others come in as before", async () => {
	const world = new World({ seed: 1 });
	const coordinator = await world.listen();
	const statuses: CoordinatorStatus[] = [];
	const feed = (async () => {
		for await (const status of coordinator.status()) statuses.push(status);
	})();
	const identity = { certificates: [new TextEncoder().encode("no certificate")], privateKey: new Uint8Array(), fingerprint: "sha256:", key: "kept" } as const;
	const options = { coordinator: `localhost:${coordinator.address.port}`, localAddress: "127.0.0.1", pin: coordinator.fingerprint };
	const refused = connectOn({ ...world.machine("stranger").runtime, identity }, { id: "ann", ...options });
	const told = assert.rejects(refused, { code: "CERTIFICATE_REFUSED", message: /the Client's certificate cannot be read/ });
	await world.clock.advance(1_000);
	await told;
	const ann = await world.clock.until(world.connect(world.machine("ann"), "ann", { id: "ann" }), 1_000);
	assert.deepEqual(
		coordinator.clients().map(({ id }) => id),
		["ann"],
	);
	await world.clock.until(Promise.all([ann.close(), coordinator.close()]), 10_000);
	await feed;
	assert.deepEqual(
		statuses.map(({ type }) => type).filter((type) => type === "refused" || type === "connected"),
		["refused", "connected"],
	);
});
