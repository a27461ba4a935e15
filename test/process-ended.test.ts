import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Client, Coordinator } from "../packages/conec/src/index.ts";
import { NODE_FLAGS, programOf } from "../packages/conec/testing/node-flags.ts";

/** Nobody is missed because of silence. */
const limits = { idleTimeoutMs: 600_000 };

/** Starts a child. Resolves with its first message. */
async function start(t: TestContext, ...parameters: string[]): Promise<{ child: ChildProcess; message: unknown }> {
	const path = programOf(fileURLToPath(new URL("children/ends.ts", import.meta.url)));
	const child = spawn(process.execPath, [...NODE_FLAGS, path, ...parameters], { stdio: ["ignore", "ignore", "ignore", "ipc"] });
	t.after(() => child.kill("SIGKILL"));
	const [message] = await once(child, "message");
	return { child, message };
}

for (const how of ["exit", "throw"] as const) {
	test(`process end: when the process of a Client ends without closing (${how}), its peers and its Coordinator know at once`, {
		timeout: 300_000,
	}, async (t) => {
		const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0, limits });
		t.after(() => coordinator.close());
		const where = { coordinator: `localhost:${coordinator.address.port}`, pin: coordinator.fingerprint, limits };
		const { child } = await start(t, "client", where.coordinator, where.pin);
		const alice = await Client.connect({ id: "alice", ...where });
		t.after(() => alice.close());
		const ends: Promise<void>[] = [];
		for (const path of ["proxied", "direct"] as const) {
			const stream = await alice.openStream("bob", { path });
			await stream.send(new Uint8Array(10));
			assert.equal((await stream.receive())?.length, 10);
			ends.push(assert.rejects(stream.receive(), { code: "PEER_LOST", peer: "bob" }, path));
		}
		const [channel] = alice.channels();
		child.send(how);
		await Promise.all(ends);
		assert.deepEqual(await channel?.closed, { by: "peer", code: "PEER_LOST", reason: "the process ended" });
		// The id is free as soon as the Coordinator knows.
		const bob = await Client.connect({ id: "bob", ...where });
		await bob.close();
	});

	test(`process end: when the process of a Coordinator ends without closing (${how}), its Clients know at once`, { timeout: 300_000 }, async (t) => {
		const { child, message } = await start(t, "coordinator");
		const { port, pin } = message as { port: number; pin: string };
		const alice = await Client.connect({ id: "alice", coordinator: `localhost:${port}`, pin, limits, reconnect: false });
		const stream = await alice.openCoordinatorStream();
		child.send(how);
		await assert.rejects(stream.receive(), { code: "COORDINATOR_LOST" });
		assert.deepEqual(await alice.closed, { by: "peer", code: "COORDINATOR_LOST", reason: "the process ended" });
	});
}
