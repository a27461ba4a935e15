import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Client, Coordinator } from "../packages/conec/src/index.ts";
import { NODE_FLAGS, programOf } from "../packages/conec/testing/node-flags.ts";

/** Quick to notice silence, so that the test is; not so quick that a busy machine is silent so long. */
const limits = { idleTimeoutMs: 4_000, keepAliveIntervalMs: 400 };
/** Noticed by then: the default of the idle limit is 15 s. */
const NOTICED_MS = 11_000;

/** Starts a child and waits for its first line. */
async function start(t: TestContext, name: string, ...parameters: string[]): Promise<{ child: ChildProcess; line: string }> {
	const path = programOf(fileURLToPath(new URL(`children/${name}`, import.meta.url)));
	const child = spawn(process.execPath, [...NODE_FLAGS, path, ...parameters], { stdio: ["ignore", "pipe", "inherit"] });
	t.after(() => child.kill("SIGKILL"));
	const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
	return { child, line };
}

/** A port for a Coordinator that comes back to it: none of those that systems give to whoever asks for any, as tests beside this one do. */
async function quietPort(): Promise<string> {
	for (;;) {
		const socket = createSocket("udp4");
		try {
			const port = randomInt(20_000, 30_000);
			socket.bind(port, "127.0.0.1");
			await once(socket, "listening");
			return String(port);
		} catch {
			// It is taken.
		} finally {
			socket.close();
		}
	}
}

async function kill(child: ChildProcess): Promise<void> {
	child.kill("SIGKILL");
	await once(child, "exit");
}

for (const path of ["proxied", "direct"] as const) {
	test(`kill: when a Client is killed, a ${path} stream to it fails with PEER_LOST and its id is free again`, { timeout: 300_000 }, async (t) => {
		const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0, limits });
		const where = { coordinator: `localhost:${coordinator.address.port}`, pin: coordinator.fingerprint };
		const { child } = await start(t, "echo.ts", "bob", where.coordinator, where.pin);
		const alice = await Client.connect({ id: "alice", ...where });
		const stream = await alice.openStream("bob", { path });
		assert.equal(stream.path, path);
		const bytes = new Uint8Array(100_000);
		const transfer = (async () => {
			for (;;) await stream.send(bytes);
		})();
		for (let i = 0; i < 20; i++) assert.equal((await stream.receive())?.length, bytes.length);
		const drained = (async () => {
			while ((await stream.receive()) !== null);
		})();
		// Both are listened to before they can fail.
		const message =
			path === "direct" ? /^Lost (stream to "bob": the direct connection is lost|the direct channel to "bob": .+)$/ : /: the Coordinator has lost the peer$/;
		const lost = Promise.all([assert.rejects(transfer, { code: "PEER_LOST", peer: "bob" }), assert.rejects(drained, { code: "PEER_LOST", message })]);
		const started = performance.now();
		await kill(child);
		await lost;
		assert.ok(performance.now() - started < NOTICED_MS);
		assert.equal((await stream.closed).code, "PEER_LOST");
		const bob = await Client.connect({ id: "bob", ...where });
		assert.equal((await alice.openStream("bob")).peer, "bob");
		await Promise.all([alice.close(), bob.close()]);
		await coordinator.close();
	});
}

test("kill: when the Coordinator is killed and comes back, its Clients know at once, and connect again with the same pin", { timeout: 300_000 }, async (t) => {
	const state = await mkdtemp(join(tmpdir(), "conec-kill-"));
	t.after(() => rm(state, { recursive: true }));
	const first = await start(t, "coordinator.ts", state, await quietPort());
	const { port, pin } = JSON.parse(first.line) as { port: number; pin: string };
	// Long enough that only a stateless reset can be the reason (RFC 9000, 10.3).
	const options = { coordinator: `localhost:${port}`, pin, keepAliveIntervalMs: 300, reconnect: false };
	const [alice, bob] = await Promise.all([Client.connect({ id: "alice", ...options }), Client.connect({ id: "bob", ...options })]);
	const stream = await alice.openStream("bob", { path: "proxied" });
	await kill(first.child);
	const second = await start(t, "coordinator.ts", state, String(port));
	assert.deepEqual(JSON.parse(second.line), { port, pin });
	const started = performance.now();
	await assert.rejects(stream.receive(), { code: "COORDINATOR_LOST" });
	assert.equal((await alice.closed).code, "COORDINATOR_LOST");
	// The longer the restart has taken, the longer the pause until the next packet that is answered by a reset: at most as long again.
	assert.ok(performance.now() - started < NOTICED_MS);
	const again = await Client.connect({ id: "alice", ...options });
	assert.equal((await again.openStream("alice")).peer, "alice");
	await Promise.all([again.close(), bob.close()]);
});

test("kill: when the Coordinator is killed for good, Clients know after the idle limit", { timeout: 300_000 }, async (t) => {
	const state = await mkdtemp(join(tmpdir(), "conec-kill-"));
	t.after(() => rm(state, { recursive: true }));
	const { child, line } = await start(t, "coordinator.ts", state);
	const { port, pin } = JSON.parse(line) as { port: number; pin: string };
	const alice = await Client.connect({ id: "alice", coordinator: `localhost:${port}`, pin, limits, reconnect: false });
	const stream = await alice.openCoordinatorStream();
	await kill(child);
	const started = performance.now();
	await assert.rejects(stream.receive(), { code: "COORDINATOR_LOST", message: /: the connection to the Coordinator is lost$/ });
	assert.deepEqual(await alice.closed, { by: "error", code: "COORDINATOR_LOST", reason: "nothing came from there for too long" });
	assert.ok(performance.now() - started < NOTICED_MS);
	await assert.rejects(alice.openStream("bob"), { code: "COORDINATOR_LOST" });
});

test("kill: a Client that is killed and started again with its kept key is back at once, and nobody else gets its id meanwhile", {
	timeout: 300_000,
}, async (t) => {
	const state = await mkdtemp(join(tmpdir(), "conec-kill-"));
	t.after(() => rm(state, { recursive: true }));
	// Whoever waited for the one that is killed would wait longer than a connect may take.
	const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0, limits: { holderPingMs: 20_000, idleTimeoutMs: 60_000 } });
	const where = { coordinator: `localhost:${coordinator.address.port}`, pin: coordinator.fingerprint };
	const { child } = await start(t, "echo.ts", "bob", where.coordinator, where.pin, state);
	await kill(child);
	// The Coordinator has not noticed: nothing said goodbye, and the idle limit is far.
	assert.equal(coordinator.clientCount, 1);
	const squatting = performance.now();
	await assert.rejects(Client.connect({ id: "bob", ...where }), { code: "ID_TAKEN" });
	assert.ok(performance.now() - squatting < 8_000, "nobody has to be asked");
	const started = performance.now();
	const bob = await Client.connect({ id: "bob", ...where, stateDirectory: state });
	assert.ok(performance.now() - started < 8_000, `${performance.now() - started} ms`);
	assert.equal((await bob.openStream("bob")).peer, "bob");
	await bob.close();
	await assert.rejects(Client.connect({ id: "bob", ...where }), { code: "ID_TAKEN" });
	await coordinator.close();
});

test("kill: leases and the lock outlive a Coordinator that is killed, and the next one takes over", { timeout: 300_000 }, async (t) => {
	const directory = await mkdtemp(join(tmpdir(), "conec-kill-"));
	t.after(() => rm(directory, { recursive: true, maxRetries: 20, retryDelay: 100 }));
	const [state, own] = [join(directory, "coordinator"), join(directory, "alice")];
	const first = await start(t, "coordinator.ts", state, await quietPort());
	const { port, pin } = JSON.parse(first.line) as { port: number; pin: string };
	const where = { coordinator: `localhost:${port}`, pin };
	const alice = await Client.connect({ id: "alice", ...where, stateDirectory: own });
	await assert.rejects(Coordinator.listen({ host: "127.0.0.1", port: 0, stateDirectory: state }), {
		code: "STATE_DIRECTORY_INVALID",
		message: new RegExp(`process ${first.child.pid}\\b`),
	});
	// Granted leases are written within a second.
	for (const end = performance.now() + 12_000; ; ) {
		if ((await readFile(join(state, "leases.txt"), "utf8").catch(() => "")).includes('"alice"')) break;
		assert.ok(performance.now() < end, "the lease is not written");
		await new Promise((resolve) => setTimeout(resolve, 20));
	}
	await kill(first.child);
	alice.destroy();
	await start(t, "coordinator.ts", state, String(port));
	await assert.rejects(Client.connect({ id: "alice", ...where }), { code: "ID_TAKEN" });
	const again = await Client.connect({ id: "alice", ...where, stateDirectory: own });
	assert.equal(again.fingerprint, alice.fingerprint);
	await again.close();
});

test("kill: two processes with one identity do not fight for ever: the newcomer is told when to come again", { timeout: 300_000 }, async (t) => {
	const state = await mkdtemp(join(tmpdir(), "conec-kill-"));
	t.after(() => rm(state, { recursive: true }));
	const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0 });
	const where = { coordinator: `localhost:${coordinator.address.port}`, pin: coordinator.fingerprint, stateDirectory: state, reconnect: false };
	let ended = 0;
	const replica = async (): Promise<number> => {
		for (;;) {
			try {
				const client = await Client.connect({ id: "bob", ...where });
				assert.equal((await client.closed).code, ended === 0 ? "SUPERSEDED" : "COORDINATOR_CLOSED");
				if (ended > 0) return 0;
			} catch (error) {
				const { code, retryAfterMs } = error as { code?: string; retryAfterMs?: number };
				if (code === "SUPERSEDED") continue; // the other one came between our hello and our welcome
				assert.equal(code, "ID_CONTENDED");
				ended++;
				return retryAfterMs ?? 0;
			}
		}
	};
	const started = performance.now();
	const replicas = [replica(), replica()];
	const retryAfterMs = await Promise.race(replicas);
	assert.ok(performance.now() - started < 10_000);
	assert.ok(retryAfterMs > 5_000 && retryAfterMs <= 10_000, `${retryAfterMs}`);
	assert.equal(coordinator.clientCount, 1);
	await coordinator.close();
	await Promise.all(replicas);
});
