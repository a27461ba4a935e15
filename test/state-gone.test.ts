/** A state directory that vanishes, of a Coordinator and of a Client, while it runs and between two runs. */

import assert from "node:assert/strict";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { Client, type ClientOptions, Coordinator, type CoordinatorStatus } from "../packages/conec/src/index.ts";
import { temporary } from "../packages/conec/testing/temporary.ts";
import { until } from "../packages/conec/testing/until.ts";

async function listen(t: TestContext, stateDirectory: string, port = 0): Promise<{ coordinator: Coordinator; told: CoordinatorStatus[] }> {
	const coordinator = await Coordinator.listen({ host: "127.0.0.1", port, stateDirectory });
	t.after(() => coordinator.destroy());
	const told: CoordinatorStatus[] = [];
	void (async () => {
		for await (const status of coordinator.status()) told.push(status);
	})();
	return { coordinator, told };
}

function connect(t: TestContext, { address, fingerprint }: Coordinator, options: Omit<ClientOptions, "coordinator">): Promise<Client> {
	const connecting = Client.connect({ coordinator: `127.0.0.1:${address.port}`, localAddress: "127.0.0.1", pin: fingerprint, ...options });
	connecting.then(
		(client) => t.after(() => client.destroy()),
		() => undefined,
	);
	return connecting;
}

test("state gone: a running Coordinator says once that it cannot keep leases, and goes on with those that it knows", { timeout: 120_000 }, async (t) => {
	const [state, own] = [join(await temporary(t), "state"), await temporary(t)];
	const { coordinator, told } = await listen(t, state);
	const alice = await connect(t, coordinator, { id: "alice", stateDirectory: own });
	await rm(state, { recursive: true });
	await connect(t, coordinator, { id: "bob", stateDirectory: await temporary(t) });
	const unsaved = () => told.filter((status) => status.type === "state-unsaved");
	await until(() => unsaved().length > 0, { timeoutMs: 60_000 });
	assert.match(unsaved()[0]?.error.message ?? "", /leases\.txt: .*(removed or replaced|no such file).*; leases are lost at the next start/);
	await alice.close();
	// Its lease lives on in the process.
	await assert.rejects(connect(t, coordinator, { id: "alice", stateDirectory: await temporary(t) }), { code: "ID_TAKEN" });
	await (await connect(t, coordinator, { id: "alice", stateDirectory: own })).close();
	await coordinator.close();
	assert.equal(unsaved().length, 1, "it does not say so again and again");
	await assert.rejects(readdir(state), { code: "ENOENT" }, "and it makes nothing that somebody has taken away");
});

test("state gone: a Coordinator that is started without it has another key, and its Clients end with PIN_MISMATCH", { timeout: 120_000 }, async (t) => {
	const state = join(await temporary(t), "state");
	const first = await listen(t, state);
	const alice = await connect(t, first.coordinator, { id: "alice", stateDirectory: await temporary(t) });
	const { port } = first.coordinator.address;
	await first.coordinator.close();
	await rm(state, { recursive: true });
	const { coordinator } = await listen(t, state, port);
	assert.notEqual(coordinator.fingerprint, first.coordinator.fingerprint);
	await alice.closed;
	await assert.rejects(alice.peers(), { code: "PIN_MISMATCH" });
	assert.equal(coordinator.clientCount, 0);
});

test("state gone: a running Client needs it no more, and one that is started without it has another key, whose id is taken", {
	timeout: 120_000,
}, async (t) => {
	const [state, own] = [await temporary(t), join(await temporary(t), "own")];
	const { coordinator } = await listen(t, state);
	const alice = await connect(t, coordinator, { id: "alice", stateDirectory: own });
	await rm(own, { recursive: true });
	coordinator.disconnect("alice", { retryAfterMs: 0 });
	await until(() => coordinator.clientCount === 0, { timeoutMs: 30_000 });
	await until(() => coordinator.clientCount === 1, { timeoutMs: 30_000 });
	assert.equal(coordinator.clients()[0]?.fingerprint, alice.fingerprint, "it came back with its key");
	await alice.close();
	await until(() => coordinator.clientCount === 0, { timeoutMs: 30_000 });
	const refused = (await connect(t, coordinator, { id: "alice", stateDirectory: own }).then(
		() => assert.fail("another key got the id"),
		(error: unknown) => error,
	)) as { code: string; retryAfterMs: number };
	assert.equal(refused.code, "ID_TAKEN");
	assert.ok(refused.retryAfterMs > 86_000_000 && refused.retryAfterMs <= 86_400_000, `${refused.retryAfterMs}`);
});
