import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { resolveLimits } from "../options.ts";
import { RESET_CODES } from "../wire/codes.ts";
import { FRAME } from "../wire/frames.ts";
import { createMemoryNetwork, type MemoryTransport } from "./memory.ts";
import type { MemoryConnection } from "./memory-connection.ts";
import { acceptOptions, dialOptions, OPEN, type TransportFixture } from "./suite-fixture.ts";
import { Recorder, until } from "./suite-recorder.ts";
import type { SocketAddress, TransportConnection } from "./transport.ts";
import { transportSuite } from "./transport-suite.ts";
import { createVirtualClock } from "./virtual-clock.ts";

const CERTIFICATE = new TextEncoder().encode("stands for a certificate");
const IDENTITY = { certificates: [CERTIFICATE], privateKey: new Uint8Array(0) };
const sha256 = (bytes: Uint8Array): Uint8Array => new Uint8Array(createHash("sha256").update(bytes).digest());
const STRANGER = new TextEncoder().encode("stands for another certificate");
const STREAMS = 60;
const UNDECIDED = 8;

function createFixture(options: { readonly delayMs?: number } = {}): TransportFixture {
	const network = createMemoryNetwork({ windowBytes: 512 * 1_024, ...options });
	const limits = { headerTimeoutMs: 60_000, helloTimeoutMs: 60_000, streamsPerConnection: STREAMS - 1, undecidedConnections: UNDECIDED };
	return {
		createTransport: (times) => network.createTransport({ limits: resolveLimits({ ...limits, ...times }) }),
		identity: IDENTITY,
		keyDigest: sha256(CERTIFICATE),
		certificateDigest: sha256(CERTIFICATE),
		stranger: { identity: { ...IDENTITY, certificates: [STRANGER] }, certificateDigest: sha256(STRANGER) },
		openStalledStream: (pair, handler) => void (pair.near as MemoryConnection).openStalledStream(handler),
		createRoute: (target) => network.createRoute(target as MemoryTransport),
		windowBytes: 2 * 1_024 * 1_024,
		streams: STREAMS,
		undecidedConnections: UNDECIDED,
		headerTimeoutCode: RESET_CODES.HEADER_TIMEOUT,
		async assertNothingLeft() {
			await until("nothing is left", () => network.openConnections + network.liveStreams === 0);
		},
		close() {},
	};
}

transportSuite("memory", () => createFixture());
transportSuite("memory with delay", () => createFixture({ delayMs: 2 }));

test("memory transport: on a virtual clock nothing moves but by advance", async () => {
	const clock = createVirtualClock();
	const network = createMemoryNetwork({ clock, delayMs: 100 });
	const fixture = { ...createFixture(), createTransport: () => network.createTransport() };
	const [dialling, accepting] = [network.createTransport(), network.createTransport()];
	let far: TransportConnection | undefined;
	const acceptor = new Recorder();
	accepting.accept(
		acceptOptions(fixture, (connection) => {
			far = connection;
			connection.confirm();
			connection.onStream = (stream) => acceptor.accept(stream);
		}),
	);
	const dialled = dialling.dial(dialOptions(fixture, accepting.address.port));
	await clock.advance(199);
	assert.equal(far, undefined);
	await clock.advance(1);
	const near = await dialled;
	assert.notEqual(far, undefined);
	const opener = new Recorder().open(near, OPEN);
	opener.write(FRAME.DATA, new Uint8Array(1));
	opener.stream.finish();
	await clock.advance(99);
	assert.equal(acceptor.events.length, 0);
	await clock.advance(1);
	assert.equal(acceptor.summary(), "frame end");
	assert.equal(opener.has("finished"), false);
	await clock.advance(100);
	assert.equal(opener.has("finished"), true);
	near.close(3, "bye");
	await clock.advance(100);
	assert.equal(network.openConnections, 0);
	assert.equal(clock.pending, 0);
});

test("memory transport: a port can be bound once", () => {
	const network = createMemoryNetwork();
	network.createTransport({ port: 1_719 });
	assert.throws(() => network.createTransport({ port: 1_719 }), { code: "ADDRESS_IN_USE" });
});

test("memory transport: who is not trusted connects but is told so at once", async () => {
	const network = createMemoryNetwork();
	const fixture = createFixture();
	const [dialling, accepting] = [network.createTransport(), network.createTransport()];
	accepting.accept({ ...acceptOptions(fixture, () => assert.fail("nothing may come")), clientTrust: { roots: [new Uint8Array(1)] } });
	const near = await dialling.dial(dialOptions(fixture, accepting.address.port));
	const info = await near.closed;
	assert.equal(info.error?.code, "CERTIFICATE_REFUSED");
	const { identity: _identity, ...anonymous } = dialOptions(fixture, accepting.address.port);
	assert.equal((await (await dialling.dial(anonymous)).closed).error?.code, "CERTIFICATE_REQUIRED");
	await until("both are gone", () => network.openConnections === 0);
});

/** Two transports on a clock of their own, each accepting and confirming. */
function createWorld(hosts: readonly [string, string] = ["192.0.2.1", "192.0.2.2"]) {
	const clock = createVirtualClock();
	const network = createMemoryNetwork({ clock, delayMs: 10 });
	const fixture = createFixture();
	const arrived: TransportConnection[] = [];
	const [a, b] = hosts.map((host) => network.createTransport({ host })) as [MemoryTransport, MemoryTransport];
	for (const transport of [a, b]) {
		transport.accept(
			acceptOptions(fixture, (connection) => {
				connection.confirm();
				arrived.push(connection);
			}),
		);
	}
	const dial = async (from: MemoryTransport, to: MemoryTransport): Promise<TransportConnection> => {
		const dialled = from.dial({ ...dialOptions(fixture, to.address.port), address: to.address.address });
		await clock.advance(20);
		return await dialled;
	};
	return { clock, network, fixture, arrived, a, b, dial };
}

test("memory transport: connections and datagrams show the sender's own address", async () => {
	const { clock, arrived, a, b, dial } = createWorld();
	const near = await dial(a, b);
	assert.deepEqual(near.remoteAddress, b.address);
	assert.deepEqual(arrived[0]?.remoteAddress, a.address);
	const from: SocketAddress[] = [];
	b.onDatagram = (_, address) => from.push(address);
	a.sendDatagram(Uint8Array.of(0x10), b.address);
	await clock.advance(9);
	assert.equal(from.length, 0);
	await clock.advance(1);
	assert.deepEqual(from, [a.address]);
});

test("memory transport: who is bound to every address sends from one, and reaches both families", async () => {
	const { clock, arrived, a, b, dial } = createWorld(["::", "::1"]);
	await dial(a, b);
	assert.deepEqual(arrived[0]?.remoteAddress, { address: "::1", port: a.address.port });
	const from: string[] = [];
	b.onDatagram = (_, { address }) => from.push(address);
	assert.equal(a.sendDatagram(Uint8Array.of(0x10), { address: "::1", port: b.address.port }), true);
	assert.equal(a.sendDatagram(Uint8Array.of(0x10), { address: "127.0.0.1", port: b.address.port }), true);
	assert.equal(b.sendDatagram(Uint8Array.of(0x10), { address: "127.0.0.1", port: a.address.port }), false);
	await clock.advance(10);
	assert.deepEqual(from, ["::1", "127.0.0.1"]);
});

test("memory transport: a test can watch and lose datagrams and dials; a dial tries again", async () => {
	const { clock, network, fixture, a, b } = createWorld();
	const seen: string[] = [];
	let lossy = true;
	network.onPacket = (packet) => {
		seen.push(`${packet.type} ${packet.from.port === a.address.port} ${packet.to.port === b.address.port}`);
		return !lossy;
	};
	let got = 0;
	b.onDatagram = () => {
		got++;
	};
	assert.equal(a.sendDatagram(Uint8Array.of(0x10), b.address), true);
	let dialled: TransportConnection | undefined;
	void a.dial(dialOptions(fixture, b.address.port)).then((connection) => {
		dialled = connection;
	});
	await clock.advance(999);
	lossy = false;
	assert.deepEqual(seen, ["datagram true true", "dial true true"]);
	assert.equal(got, 0);
	await clock.advance(20);
	assert.equal(dialled, undefined);
	await clock.advance(1);
	assert.notEqual(dialled, undefined);
	assert.equal(seen.length, 3);
	a.sendDatagram(Uint8Array.of(0x10), b.address);
	await clock.advance(10);
	assert.equal(got, 1);
	assert.equal(clock.pending, 0);
});

test("memory transport: who was dialled follows a move, datagrams find the new port only", async () => {
	const { clock, arrived, a, b, dial } = createWorld();
	const near = await dial(a, b);
	const old = a.address;
	a.move();
	assert.notEqual(a.address.port, old.port);
	assert.deepEqual(arrived[0]?.remoteAddress, old);
	await clock.advance(10);
	assert.deepEqual(arrived[0]?.remoteAddress, a.address);
	const opener = new Recorder().open(near, OPEN);
	const acceptor = new Recorder();
	(arrived[0] as TransportConnection).onStream = (stream) => acceptor.accept(stream);
	opener.write(FRAME.DATA, new Uint8Array(1));
	await clock.advance(10);
	assert.equal(acceptor.frames.length, 1);
	let got = 0;
	a.onDatagram = () => {
		got++;
	};
	b.sendDatagram(Uint8Array.of(0x10), old);
	await clock.advance(10);
	assert.equal(got, 0);
	b.sendDatagram(Uint8Array.of(0x10), a.address);
	await clock.advance(10);
	assert.equal(got, 1);
	assert.throws(() => a.move(b.address.port), { code: "ADDRESS_IN_USE" });
	a.move(old.port);
	assert.deepEqual(a.address, old);
});

test("memory transport: who dialled does not follow: both ends notice at their idle limits, or when they close", async () => {
	const { clock, network, arrived, a, b, dial } = createWorld();
	const [near, other] = [await dial(a, b), await dial(a, b)];
	const [far, farOther] = arrived as [TransportConnection, TransportConnection];
	b.move();
	other.close(3, "bye");
	const opener = new Recorder().open(near, OPEN);
	await clock.advance(14_999);
	assert.equal(network.openConnections, 3);
	assert.equal((await other.closed).by, "local");
	await clock.advance(1);
	for (const end of [near, far, farOther]) {
		assert.equal((await end.closed).error?.code, "CONNECTION_LOST");
	}
	assert.equal(opener.has("lost"), true);
	assert.equal(network.openConnections, 0);
	assert.equal(clock.pending, 0);
});
