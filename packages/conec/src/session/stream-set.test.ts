import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryNetwork } from "../../testing/memory/transport.ts";
import { accept } from "../../testing/stream-fixture.ts";
import { ConecError } from "../errors.ts";
import { DEFAULT_LIMITS } from "../limits.ts";
import type { FramedStream, StreamInit } from "../stream/framed-stream.ts";
import type { TransportConnection } from "../transport/transport.ts";
import { RESET_CODES } from "../wire/codes.ts";
import { StreamSet } from "./stream-set.ts";

const init = (id: number): StreamInit => ({
	peer: "b",
	id,
	path: "proxied",
	metadata: undefined,
	limits: DEFAULT_LIMITS,
	describe: `stream ${id}`,
	lostCode: "PEER_LOST",
});
const make = (id: number) => ({ init: init(id), open: { id } });
const gone = new ConecError("CLIENT_CLOSED", "gone");
const flush = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 5));

/** A connection whose other end accepts every stream, or none. */
async function connect(accepting: boolean): Promise<{ connection: TransportConnection; far: FramedStream[]; network: ReturnType<typeof createMemoryNetwork> }> {
	const network = createMemoryNetwork();
	const [listening, dialling] = [network.createTransport(), network.createTransport()];
	const far: FramedStream[] = [];
	const identity = { certificates: [Uint8Array.of(1)], privateKey: Uint8Array.of(1) };
	listening.accept({
		identity,
		clientTrust: {},
		alpnProtocols: ["x"],
		retry: "never",
		undecidedCode: 0,
		keyLog: false,
		connections: 10,
		onConnection: (connection) => {
			connection.confirm();
			if (accepting) connection.onStream = (incoming) => void far.push(accept(incoming, init(0)));
		},
	});
	const { address, port } = listening.address;
	const connection = await dialling.dial({
		address,
		port,
		serverName: "x",
		trust: { roots: identity.certificates },
		identity,
		alpnProtocol: "x",
		handshakeTimeoutMs: 20_000,
	});
	return { connection, far, network };
}

test("stream set: keeps streams and numbers exactly as long as they live", async () => {
	const { connection, far } = await connect(true);
	const set = new StreamSet();
	const streams = await Promise.all([set.open(connection, {}, make), set.open(connection, { id: 3 }, make), set.open(connection, {}, make)]);
	assert.deepEqual(
		streams.map((stream) => stream.id),
		[2 ** 32, 3, 2 ** 32 + 1],
	);
	assert.deepEqual([set.size, set.ids], [3, 3]);
	await assert.rejects(set.open(connection, { id: 3 }, make), { name: "RangeError", code: "STREAM_ID_IN_USE" });
	await Promise.all([...streams, ...far].map((stream) => stream.close()));
	await Promise.all(streams.map((stream) => stream.closed));
	assert.deepEqual([set.size, set.ids], [0, 0]);
	assert.equal((await set.open(connection, {}, make)).id, 2 ** 32 + 2, "automatic numbers are never used again");
});

test("stream set: an opening that is aborted or fails leaves nothing", async () => {
	const { connection } = await connect(false);
	const set = new StreamSet();
	const abort = new AbortController();
	const opening = set.open(connection, { id: 1, signal: abort.signal }, make);
	assert.deepEqual([set.size, set.ids], [1, 1]);
	abort.abort("reason");
	await assert.rejects(opening, (reason) => reason === "reason");
	assert.deepEqual([set.size, set.ids], [0, 0]);
	const second = set.open(connection, { id: 1 }, make);
	connection.close(0, "");
	await assert.rejects(second, { code: "PEER_LOST" });
	assert.deepEqual([set.size, set.ids], [0, 0]);
});

test("stream set: ending delivers what was closed, fails the rest and what is being opened, and opens nothing more", async () => {
	const { connection, far } = await connect(true);
	const set = new StreamSet();
	const [closed, open] = await Promise.all([set.open(connection, {}, make), set.open(connection, {}, make)]);
	await closed.send("last words");
	void closed.close();
	const opening = set.open(connection, {}, make);
	const ended = set.end({ error: gone, wireCode: RESET_CODES.CLIENT_CLOSED, lingerMs: 60_000, flush });
	await assert.rejects(opening, { code: "CLIENT_CLOSED" });
	await ended;
	assert.deepEqual([set.size, set.ids], [0, 0]);
	assert.equal(String(Buffer.from((await far[0]?.receive()) ?? [])), "last words");
	assert.equal(await far[0]?.receive(), null);
	await assert.rejects(open.receive(), { code: "CLIENT_CLOSED" });
	await assert.rejects(far[1]?.receive() ?? Promise.resolve(), { code: "CLIENT_CLOSED" });
	await assert.rejects(set.open(connection, {}, make), { code: "CLIENT_CLOSED" });
});

test("stream set: a closed stream that nobody acknowledges costs lingerMs and no more", async () => {
	const { connection, network } = await connect(true);
	const set = new StreamSet();
	const stream = await set.open(connection, {}, make);
	// More than the windows take, for a peer that does not read.
	for (let i = 0; i < 40; i++) void stream.send(new Uint8Array(100_000)).catch(() => undefined);
	const acknowledged = stream.close();
	const started = performance.now();
	await set.end({ error: gone, wireCode: RESET_CODES.CLIENT_CLOSED, lingerMs: 100, flush });
	const took = performance.now() - started;
	assert.ok(took >= 95 && took < 10_000, `${took} ms`);
	await assert.rejects(acknowledged, { code: "CLIENT_CLOSED" });
	assert.equal(set.size, 0);
	assert.equal(network.openConnections, 2);
});
