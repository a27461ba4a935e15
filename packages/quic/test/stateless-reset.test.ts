import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { createSocket, type RemoteInfo, type Socket } from "node:dgram";
import { once } from "node:events";
import { after, before, type TestContext, test } from "node:test";
import type { Connection, Endpoint } from "../src/index.ts";
import { type Bundle, bundle } from "./support/bundle.ts";
import { ALPN, CLIENT, endpoint, eventually } from "./support/link.ts";

let program: Bundle;

before(async () => {
	program = await bundle("listener");
});

after(() => program.remove());

interface Listener {
	readonly process: ChildProcess;
	readonly port: number;
	readonly pin: Uint8Array;
}

async function listener(t: TestContext, key: Buffer, port = 0): Promise<Listener> {
	const process = spawn(globalThis.process.execPath, [program.file, `${port}`, key.toString("hex")], { stdio: ["ignore", "pipe", "inherit"] });
	t.after(() => process.kill("SIGKILL"));
	const [said] = (await once(process.stdout, "data")) as [Buffer];
	const told = JSON.parse(said.toString()) as { port: number; pin: string };
	return { process, port: told.port, pin: Buffer.from(told.pin, "hex") };
}

/** Comes back on the same port with the same key, and knows nobody. */
async function restart(t: TestContext, { process, port }: Listener, key: Buffer): Promise<void> {
	const gone = once(process, "exit");
	process.kill("SIGKILL");
	await gone;
	await listener(t, key, port);
}

function dial(from: Endpoint, { port, pin }: Pick<Listener, "port" | "pin">, keepAliveIntervalMs: number): Promise<Connection> {
	return from.connect({
		address: "127.0.0.1",
		port,
		serverName: "localhost",
		trust: { pinnedKeys: [pin] },
		identity: CLIENT.identity,
		alpnProtocols: [ALPN],
		transport: { keepAliveIntervalMs, idleTimeoutMs: 60_000 },
	});
}

async function socket(t: TestContext): Promise<Socket> {
	const made = createSocket("udp4");
	t.after(() => made.close());
	await new Promise<void>((resolve) => made.bind(0, "127.0.0.1", resolve));
	return made;
}

test("stateless reset: 600 connections learn of a restart as soon as they send, not one after the other", async (t) => {
	const key = randomBytes(32);
	const first = await listener(t, key);
	const client = endpoint(t);
	const connections: Connection[] = [];
	const dialledFrom = performance.now();
	for (let i = 0; i < 12; i++) connections.push(...(await Promise.all(Array.from({ length: 50 }, () => dial(client, first, 1_000)))));
	const dialMs = performance.now() - dialledFrom;
	await restart(t, first, key);
	const start = performance.now();
	const ends = await Promise.all(connections.map((connection) => connection.closed));
	const tookMs = performance.now() - start;
	assert.deepEqual([...new Set(ends.map(({ error }) => (error as { code?: string } | undefined)?.code))], ["STATELESS_RESET"]);
	t.diagnostic(`${Math.round(tookMs)} ms, dialled in ${Math.round(dialMs)} ms`);
	// One reset every 20 ms, which is quinn's own measure, would take 12 s, and one for each batch of packets that is read in one go longer than that on
	// a busy machine.
	const boundMs = Math.max(6_000, 3 * dialMs);
	assert.ok(tookMs < boundMs, `${Math.round(tookMs)} ms of ${Math.round(boundMs)} ms`);
});

test("stateless reset: only for ids of its own key, and each shorter than the packet that asks for it", async (t) => {
	const key = randomBytes(32);
	const first = await listener(t, key);
	// Between the client and the listener, to see a packet that the restarted listener would answer.
	const near = await socket(t);
	const far = await socket(t);
	let client: RemoteInfo | undefined;
	let packet: Buffer | undefined;
	near.on("message", (data, from) => {
		client = from;
		if (((data[0] as number) & 0x80) === 0 && data.length >= 40) packet = data;
		far.send(data, first.port, "127.0.0.1");
	});
	far.on("message", (data) => client !== undefined && near.send(data, client.port, "127.0.0.1"));
	const connection = await dial(endpoint(t), { ...first, port: near.address().port }, 20);
	await eventually(() => packet !== undefined, "a packet of the connection");
	connection.close(0);
	await restart(t, first, key);

	const outsider = await socket(t);
	const answers: Buffer[] = [];
	outsider.on("message", (data) => answers.push(data));
	for (const bytes of [22, 43, 100, 1_200]) {
		for (let i = 0; i < 200; i++) {
			const garbage = randomBytes(bytes);
			garbage[0] = 0x40 | ((garbage[0] as number) & 0x3f);
			outsider.send(garbage, first.port, "127.0.0.1");
		}
		await new Promise((resolve) => setTimeout(resolve, 50));
	}
	// The listener answers in order: after the one that it does answer, no answer to the garbage can come any more.
	assert.ok(packet);
	const asks = packet;
	await eventually(() => {
		if (answers.length === 0) outsider.send(asks, first.port, "127.0.0.1");
		return answers.length > 0;
	}, "a reset");
	await new Promise((resolve) => setTimeout(resolve, 100));
	assert.ok(answers.length <= 20, `${answers.length} answers: to garbage too`);

	answers.length = 0;
	const asked = 3_000;
	for (let i = 0; i < asked; i++) {
		outsider.send(asks, first.port, "127.0.0.1");
		if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve));
	}
	await eventually(() => answers.length > 5, "resets");
	await new Promise((resolve) => setTimeout(resolve, 200));
	assert.ok(answers.length <= asked, `${answers.length} resets for ${asked} packets`);
	for (const answer of answers) assert.ok(answer.length < asks.length, `${answer.length} bytes for ${asks.length}`);
});
