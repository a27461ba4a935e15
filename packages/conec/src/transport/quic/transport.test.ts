import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { after, before, describe, test } from "node:test";
import { Endpoint } from "@conec/quic";
import { createMemoryFixture } from "../../../testing/transport/memory-fixture.ts";
import { ALPN, acceptOptions, dialOptions, type TransportFixture } from "../../../testing/transport/suite-fixture.ts";
import { quiet, until } from "../../../testing/transport/suite-recorder.ts";
import { createRelay } from "../../../testing/transport/suite-relay.ts";
import { strangersSuite } from "../../../testing/transport/suite-strangers.ts";
import { transportSuite } from "../../../testing/transport/transport-suite.ts";
import { resolveLimits } from "../../limits.ts";
import { parseFingerprint } from "../../tls/fingerprint.ts";
import type { Identity } from "../../tls/identity.ts";
import { makeSelfSigned } from "../../tls/self-signed.ts";
import { RESET_CODES } from "../../wire/codes.ts";
import type { Transport, TransportConnection } from "../transport.ts";
import { announcedStreams, createQuicTransport } from "./transport.ts";

const STREAMS = 60;
const UNDECIDED = 8;

async function createFixture(): Promise<TransportFixture> {
	const identity = await makeSelfSigned({ names: ["localhost"] }, "ephemeral");
	const stranger = await makeSelfSigned({ names: ["localhost"] }, "ephemeral");
	const keyDigest = parseFingerprint(identity.fingerprint, "pin");
	const limits = {
		streamsPerConnection: STREAMS - 1, // the control stream is one more
		undecidedConnections: UNDECIDED,
		quicStreamWindowBytes: 524_288,
		socketTurnBytes: 1_048_576,
		headerTimeoutMs: 60_000,
		helloTimeoutMs: 60_000,
		idleTimeoutMs: 60_000,
	};
	const stalling: Endpoint[] = [];
	return {
		createTransport: (times) =>
			createQuicTransport({ host: "127.0.0.1", port: 0, limits: resolveLimits({ ...limits, ...times }), role: "coordinator", datagrams: true }),
		identity,
		keyDigest,
		certificateDigest: leafDigest(identity),
		stranger: { identity: stranger, certificateDigest: leafDigest(stranger) },
		async openStalledStream(pair, handler) {
			const endpoint = Endpoint.bind({ host: "127.0.0.1", port: 0 });
			stalling.push(endpoint);
			const { address, port } = pair.accepting.address;
			const connection = await endpoint.connect({
				address,
				port,
				serverName: "localhost",
				trust: { pinnedKeys: [keyDigest] },
				identity,
				alpnProtocols: [ALPN],
			});
			const stream = connection.openStream({ ...NOTHING, reset: (code) => handler.reset(code), stopped: (code) => handler.stopped(code) }, { mode: "bytes" });
			stream.write(0, Uint8Array.of(1, 0));
			return { closed: connection.closed, finish: () => stream.finish(), reset: (code) => stream.reset(code) };
		},
		createRoute: createRelay,
		windowBytes: 2 * 1_024 * 1_024,
		streams: STREAMS,
		mostStreams: announcedStreams(STREAMS),
		undecidedConnections: UNDECIDED,
		headerTimeoutCode: RESET_CODES.HEADER_TIMEOUT,
		// The seam does not show it; packages/quic counts its handles, and a socket left open would keep this process from ending.
		assertNothingLeft() {},
		async close() {
			await Promise.all(stalling.map((endpoint) => endpoint.close({ drainMs: 0 })));
		},
	};
}

function leafDigest({ certificates }: Identity): Uint8Array {
	return new Uint8Array(
		createHash("sha256")
			.update(certificates[0] as Uint8Array)
			.digest(),
	);
}

const NOTHING = { frame() {}, end() {}, drained() {}, finished() {}, lost() {} };

transportSuite("quic", createFixture);

describe("transports of two kinds", () => {
	const memory = createMemoryFixture();
	let quic: TransportFixture;
	before(async () => {
		quic = await createFixture();
	});
	after(async () => {
		await memory.assertNothingLeft();
		await quic.close();
	});
	strangersSuite(
		"a quic transport, given streams of a memory transport",
		() => quic,
		() => memory,
	);
	strangersSuite(
		"a memory transport, given streams of a quic transport",
		() => memory,
		() => quic,
	);
});

test("quic transport: a connection can have a keep-alive of its own, at either side", async () => {
	const fixture = await createFixture();
	const limits = resolveLimits({ idleTimeoutMs: 4_000 });
	const [dialling, accepting] = [0, 0].map((port) => createQuicTransport({ host: "127.0.0.1", port, limits, role: "client", keepAliveIntervalMs: 0 })) as [
		Transport,
		Transport,
	];
	const options = dialOptions(fixture, accepting.address.port);
	const confirmed = acceptOptions(fixture, (connection) => connection.confirm());
	const over: string[] = [];
	const dial = async (name: string, own: { readonly keepAliveIntervalMs?: number }): Promise<TransportConnection> => {
		const connection = await dialling.dial({ ...options, ...own });
		void connection.closed.then(() => over.push(name));
		return connection;
	};
	try {
		accepting.accept({ ...confirmed, keepAliveIntervalMs: 200 });
		await dial("kept by the accepting side", {});
		accepting.accept(confirmed);
		await dial("kept by the dialling side", { keepAliveIntervalMs: 200 });
		const silent = await dial("kept by nobody", {});
		const { by, error } = await silent.closed;
		assert.equal(by, "error");
		assert.equal(error?.code, "CONNECTION_LOST");
		// Both others are older than that one has become.
		assert.deepEqual(over, ["kept by nobody"]);
	} finally {
		await Promise.all([dialling.close(0, "", 100), accepting.close(0, "", 100)]);
	}
});

test("quic transport: who did not ask for datagrams sends them and gets none", async () => {
	const limits = resolveLimits();
	const deaf = createQuicTransport({ host: "127.0.0.1", port: 0, limits, role: "coordinator" });
	const client = createQuicTransport({ host: "127.0.0.1", port: 0, limits, role: "client" });
	let got = 0;
	client.onDatagram = () => {
		got++;
	};
	deaf.onDatagram = () => assert.fail("not asked for");
	try {
		client.sendDatagram(Uint8Array.of(0x10), deaf.address);
		await quiet();
		deaf.sendDatagram(Uint8Array.of(0x12), client.address);
		await until("the client gets its own", () => got === 1);
	} finally {
		await Promise.all([deaf.close(0, "", 100), client.close(0, "", 100)]);
	}
});

test("quic transport: with the streams that are announced, one of those that are promised always has a place that is told of, and few are more", () => {
	for (let streams = 1; streams <= 70_000; streams++) {
		const announced = announcedStreams(streams);
		// quinn keeps back that more are free while those are no more than an eighth.
		const untold = Math.floor(announced / 8);
		assert.ok(announced - untold >= streams, `${streams}`);
		assert.ok(announced === streams || announced - 1 - Math.floor((announced - 1) / 8) < streams, `${streams}: as few as will do`);
	}
});
