/**
 * What the compliance suite needs of the memory transport.
 *
 * @module
 */

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { resolveLimits } from "../../src/limits.ts";
import { parseFingerprint } from "../../src/tls/fingerprint.ts";
import { RESET_CODES } from "../../src/wire/codes.ts";
import { testIdentity } from "../identities.ts";
import { MemoryConnection } from "../memory/connection.ts";
import { createMemoryNetwork, type MemoryTransport } from "../memory/transport.ts";
import type { TransportFixture } from "./suite-fixture.ts";
import { until } from "./suite-recorder.ts";

const STREAMS = 60;
const UNDECIDED = 8;

/** Transports of one network. `delayMs` is one way. */
export function createMemoryFixture(options: { readonly delayMs?: number } = {}): TransportFixture {
	const network = createMemoryNetwork({ windowBytes: 512 * 1_024, ...options });
	const limits = { headerTimeoutMs: 60_000, helloTimeoutMs: 60_000, streamsPerConnection: STREAMS - 1, undecidedConnections: UNDECIDED };
	const [identity, stranger] = [testIdentity("localhost"), testIdentity("ann")];
	return {
		createTransport: (times) => network.createTransport({ limits: resolveLimits({ ...limits, ...times }) }),
		identity,
		keyDigest: parseFingerprint(identity.fingerprint, "pin"),
		certificateDigest: leafDigest(identity.certificates),
		stranger: { identity: stranger, certificateDigest: leafDigest(stranger.certificates) },
		openStalledStream({ near }, handler) {
			assert.ok(near instanceof MemoryConnection);
			const stream = near.openStalledStream(handler);
			return { closed: near.closed, finish: () => stream.finish(), reset: (code) => stream.reset(code) };
		},
		createRoute: (target) => network.createRoute(target as MemoryTransport),
		windowBytes: 2 * 1_024 * 1_024,
		streams: STREAMS,
		mostStreams: STREAMS,
		undecidedConnections: UNDECIDED,
		headerTimeoutCode: RESET_CODES.HEADER_TIMEOUT,
		async assertNothingLeft() {
			await until("nothing is left", () => network.openConnections + network.liveStreams === 0);
		},
		close() {},
	};
}

function leafDigest([leaf = new Uint8Array()]: readonly Uint8Array[]): Uint8Array {
	return new Uint8Array(createHash("sha256").update(leaf).digest());
}
