import assert from "node:assert/strict";
import { test } from "node:test";
import { Endpoint } from "../src/index.ts";
import { bundle } from "./support/bundle.ts";
import { runChild } from "./support/child.ts";
import { dialling, endpoint, ends, eventually, join, listening, nextConnection, SERVER } from "./support/link.ts";
import { relay } from "./support/relay.ts";

const DRAIN_MS = 30_000;

for (const [how, signal] of [
	["end", null],
	["exit", null],
	["kill", "SIGKILL"],
] as const) {
	const skip = process.platform === "win32" && signal !== null && "there is no SIGKILL";
	test(`close: "sent" means sent, and nothing waits for the drain (then: ${how})`, { skip }, async (t) => {
		const child = await bundle("close-and-exit");
		t.after(() => child.remove());
		const server = endpoint(t);
		server.listen(listening());
		const arrived = nextConnection(server);
		const running = runChild(child.file, { args: [String(server.address.port), Buffer.from(SERVER.keyPin).toString("hex"), how] });
		const accepted = await arrived;
		const start = performance.now();
		accepted.confirm();
		const { by, closeCode, reason } = await accepted.closed;
		assert.deepEqual([by, closeCode, reason], ["peer", 5, "words"]);
		const ended = await running;
		assert.equal(ended.signal, signal, ended.stderr);
		assert.ok(Number(ended.stdout) < DRAIN_MS / 2, `close took ${ended.stdout} ms`);
		assert.ok(performance.now() - start < DRAIN_MS, "the drain kept the process alive");
	});
}

test("close: the port is free when it resolves, 20 times with live connections", async (t) => {
	let port = 0;
	for (let round = 0; round < 20; round++) {
		const server = Endpoint.bind({ host: "127.0.0.1", port });
		t.after(() => server.close());
		port = server.address.port;
		server.listen(listening());
		const client = endpoint(t);
		await join(client, server);
		// Half of them long before quinn is done with the connection.
		await server.close({ drainMs: round % 2 === 0 ? 0 : 200 });
	}
});

test("close: behind a close that was sent, the port is free when the drain is over", async (t) => {
	const server = endpoint(t);
	server.listen(listening());
	const client = Endpoint.bind({ host: "127.0.0.1", port: 0 });
	const { port } = client.address;
	await client.connect(dialling(server));
	await client.close({ drainMs: 100, until: "sent" });
	await eventually(() => {
		try {
			const again = Endpoint.bind({ host: "127.0.0.1", port });
			void again.close({ drainMs: 0 });
			return true;
		} catch {
			return false;
		}
	}, "the port");
});

test("close: it is repeated behind to a peer that has not heard it", async (t) => {
	for (let tries = 1; ; tries++) {
		const server = endpoint(t);
		server.listen(listening());
		const { port, target } = await relay(t, server.address.port);
		const client = Endpoint.bind({ host: "127.0.0.1", port: 0 });
		const arrived = nextConnection(server);
		await client.connect(dialling(server, { port }));
		const accepted = await arrived;
		accepted.confirm();
		target(0);
		await client.close({ code: 5, reason: "words", drainMs: 5_000, until: "sent" });
		target(server.address.port);
		accepted.sendDatagram(Uint8Array.of(1));
		const { by, closeCode, error } = await accepted.closed;
		// quinn knows the connection for three probe timeouts, less than 0.1 s here: a machine that stands still for longer is too late.
		if (by === "error" && (error as { code?: string }).code === "STATELESS_RESET" && tries < 5) continue;
		assert.deepEqual([by, closeCode], ["peer", 5]);
		return;
	}
});

test("close: one that resolves when sent does so once, whatever comes after", async (t) => {
	const server = endpoint(t);
	server.listen(listening());
	const client = endpoint(t);
	await client.connect(dialling(server));
	const closing = client.close({ until: "sent" });
	assert.equal(client.close({ drainMs: 0 }), closing);
	await closing;
	assert.throws(() => client.sendRaw(Uint8Array.of(1), server.address), { code: "CLOSED" });
	await client.close();
});

test("close: what was written just before the endpoint is closed arrives first, 30 times", async (t) => {
	const server = endpoint(t);
	server.listen(listening());
	for (let round = 0; round < 30; round++) {
		const client = endpoint(t);
		const { dialled, accepted } = await join(client, server);
		const { near, farHeard } = await ends(dialled, accepted);
		near.write(0, Uint8Array.of(round));
		const closing = client.close({ code: 5, until: "sent" });
		const { by } = await accepted.closed;
		assert.equal(by, "peer", `round ${round}`);
		assert.equal(farHeard.count, 1, `round ${round}`);
		await closing;
	}
});
