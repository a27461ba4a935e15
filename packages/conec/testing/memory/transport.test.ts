import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../src/base/random.ts";
import type { SocketAddress, TransportConnection } from "../../src/transport/transport.ts";
import { FRAME } from "../../src/wire/frames.ts";
import { createMemoryFixture } from "../transport/memory-fixture.ts";
import { acceptOptions, dialOptions, OPEN } from "../transport/suite-fixture.ts";
import { Recorder, until } from "../transport/suite-recorder.ts";
import { transportSuite } from "../transport/transport-suite.ts";
import { createMemoryNetwork, type MemoryTransport } from "./transport.ts";
import { createVirtualClock } from "./virtual-clock.ts";

transportSuite("memory", () => createMemoryFixture());
transportSuite("memory with delay", () => createMemoryFixture({ delayMs: 2 }));

test("memory transport: on a virtual clock nothing moves but by advance", async () => {
	const clock = createVirtualClock();
	const network = createMemoryNetwork({ clock, delayMs: 100 });
	const fixture = { ...createMemoryFixture(), createTransport: () => network.createTransport() };
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
	const fixture = createMemoryFixture();
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
	const fixture = createMemoryFixture();
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

/** Two transports with a connection, and a stream on it, on a virtual clock. */
async function virtualPair(options: Parameters<typeof createMemoryNetwork>[0] = {}) {
	const clock = createVirtualClock();
	const network = createMemoryNetwork({ clock, delayMs: 10, ...options });
	const fixture = { ...createMemoryFixture(), createTransport: () => network.createTransport() };
	const [dialling, accepting] = [network.createTransport(), network.createTransport()];
	const acceptor = new Recorder();
	const accepted: TransportConnection[] = [];
	accepting.accept(
		acceptOptions(fixture, (connection) => {
			accepted.push(connection);
			connection.confirm();
			connection.onStream = (stream) => acceptor.accept(stream);
		}),
	);
	const near = await clock.until(dialling.dial(dialOptions(fixture, accepting.address.port)), 1_000);
	const opener = new Recorder().open(near, OPEN);
	await clock.advance(100);
	const ends: string[] = [];
	void near.closed.then(({ by, error }) => ends.push(`near ${by} ${error?.code ?? ""} ${clock.now()}`));
	void accepted[0]?.closed.then(({ by, error }) => ends.push(`far ${by} ${error?.code ?? ""} ${clock.now()}`));
	return { clock, network, fixture, dialling, accepting, acceptor, opener, near, ends };
}

test("memory transport: between separated transports nothing passes, and what waited passes when they meet again", async () => {
	const { clock, network, fixture, dialling, accepting, acceptor, opener, ends } = await virtualPair();
	const datagrams: number[] = [];
	accepting.onDatagram = () => datagrams.push(clock.now());
	const meet = network.separate(dialling, accepting);
	const meetAgain = network.separate(accepting, dialling);
	opener.write(FRAME.DATA, new Uint8Array(1));
	dialling.sendDatagram(new Uint8Array(1), accepting.address);
	const dialled = dialling.dial({ ...dialOptions(fixture, accepting.address.port), handshakeTimeoutMs: 10_000 });
	await clock.advance(5_000);
	assert.equal(acceptor.summary(), "nothing");
	meet();
	meet();
	await clock.advance(500);
	assert.equal(acceptor.summary(), "nothing", "the other partition is not over");
	meetAgain();
	await clock.advance(0);
	assert.equal(acceptor.summary(), "frame");
	dialling.sendDatagram(new Uint8Array(1), accepting.address);
	await clock.advance(10);
	assert.deepEqual([datagrams.length, ends], [1, []]);
	assert.notEqual(await clock.until(dialled, 10_000), undefined);
	dialling.destroy();
	await clock.advance(1_000);
	assert.deepEqual([network.openConnections, clock.pending], [0, 0]);
});

test("memory transport: a partition that outlasts the idle limits ends connections at both ends", async () => {
	const { clock, network, dialling, accepting, ends } = await virtualPair();
	const since = clock.now();
	const meet = network.separate(dialling, accepting);
	await clock.advance(20_000);
	assert.deepEqual(ends.sort(), [`far error CONNECTION_LOST ${since + 15_000}`, `near error CONNECTION_LOST ${since + 15_000}`]);
	meet();
	await clock.advance(1_000);
	assert.deepEqual([network.openConnections, network.liveStreams, clock.pending], [0, 0, 0]);
});

test("memory transport: who is killed says nothing, and is missed after the idle limit", async () => {
	const { clock, network, dialling, acceptor, opener, ends } = await virtualPair();
	const since = clock.now();
	opener.write(FRAME.DATA, new Uint8Array(1));
	dialling.vanish();
	await clock.advance(20_000);
	assert.deepEqual(ends, [`near error CONNECTION_LOST ${since}`, `far error CONNECTION_LOST ${since + 15_000}`]);
	assert.equal(acceptor.summary(), "lost", "what was on its way is gone");
	assert.deepEqual([network.openConnections, network.liveStreams, clock.pending], [0, 0, 0]);
	assert.equal(network.createTransport({ port: dialling.address.port }).address.port, dialling.address.port, "the port is free");
});

test("memory transport: cut breaks the connections of two transports and no others", async () => {
	const { clock, network, fixture, dialling, accepting, ends } = await virtualPair();
	const third = network.createTransport();
	const other = await clock.until(third.dial(dialOptions(fixture, accepting.address.port)), 1_000);
	let over = false;
	void other.closed.then(() => {
		over = true;
	});
	network.cut(accepting, dialling);
	await clock.advance(100);
	assert.deepEqual([ends.length, over], [2, false]);
	third.destroy();
	await clock.advance(100);
	assert.equal(network.openConnections, 0);
});

test("memory transport: with jitter nothing overtakes anything, and the same seed gives the same times", async () => {
	const run = async (seed: number): Promise<string> => {
		const { clock, acceptor, opener, near } = await virtualPair({ jitterMs: 40, random: seededRandom(seed) });
		const times: number[] = [];
		for (let i = 0; i < 50; i++) {
			opener.write(FRAME.DATA, Uint8Array.of(i));
			await clock.advance(1);
			times.push(acceptor.events.length);
		}
		await clock.advance(100);
		const { frames } = acceptor;
		assert.deepEqual(
			frames.map(({ payload }) => payload[0]),
			Array.from({ length: 50 }, (_, i) => i),
		);
		near.close(0, "");
		await clock.advance(100);
		return times.join(" ");
	};
	assert.equal(await run(1), await run(1));
	assert.notEqual(await run(1), await run(2));
});
