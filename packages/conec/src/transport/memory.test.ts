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
import type { TransportConnection } from "./transport.ts";
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
	const limits = resolveLimits({ headerTimeoutMs: 100, helloTimeoutMs: 300, streamsPerConnection: STREAMS - 1, undecidedConnections: UNDECIDED });
	return {
		createTransport: () => network.createTransport({ limits }),
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
		assertNothingLeft() {
			assert.equal(network.openConnections, 0);
			assert.equal(network.liveStreams, 0);
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
