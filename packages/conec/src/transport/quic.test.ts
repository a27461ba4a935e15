import { createHash } from "node:crypto";
import { Endpoint } from "@conec/quic";
import { resolveLimits } from "../options.ts";
import { parseFingerprint } from "../tls/fingerprint.ts";
import { makeSelfSigned } from "../tls/self-signed.ts";
import { RESET_CODES } from "../wire/codes.ts";
import { createQuicTransport } from "./quic.ts";
import { ALPN, type TransportFixture } from "./suite-fixture.ts";
import { createRelay } from "./suite-relay.ts";
import type { Identity } from "./transport.ts";
import { transportSuite } from "./transport-suite.ts";

const STREAMS = 60;
const UNDECIDED = 8;

async function createFixture(): Promise<TransportFixture> {
	const identity = await makeSelfSigned({ names: ["localhost"] }, "ephemeral");
	const stranger = await makeSelfSigned({ names: ["localhost"] }, "ephemeral");
	const keyDigest = parseFingerprint(identity.fingerprint, "pin");
	const limits = resolveLimits({
		streamsPerConnection: STREAMS - 1, // the control stream is one more
		undecidedConnections: UNDECIDED,
		streamWindowBytes: 524_288,
		headerTimeoutMs: 200,
		helloTimeoutMs: 500,
		idleTimeoutMs: 2_000,
		keepAliveIntervalMs: 500,
	});
	const stalling: Endpoint[] = [];
	return {
		createTransport: () => createQuicTransport({ host: "127.0.0.1", port: 0, limits, role: "coordinator", datagrams: true }),
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
		},
		createRoute: createRelay,
		windowBytes: 2 * 1_024 * 1_024,
		streams: STREAMS,
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
