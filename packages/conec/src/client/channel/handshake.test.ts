import assert from "node:assert/strict";
import { test } from "node:test";
import { ConecError } from "../../errors.ts";
import { resolveLimits } from "../../limits.ts";
import type { TransportCloseInfo, TransportConnection } from "../../transport/transport.ts";
import { greetDirectly } from "./handshake.ts";

const LIMITS = resolveLimits({}, "client");

test("direct hello: on a connection that is over before it can be said, how it ended is told", async () => {
	const refused = new ConecError("CERTIFICATE_REFUSED", "the peer refused the certificate");
	for (const [info, code] of [
		[{ by: "error", reason: "", error: refused }, "CERTIFICATE_REFUSED"],
		[{ by: "error", reason: "", error: new ConecError("CONNECTION_LOST", "timed out") }, "PEER_LOST"],
	] as const satisfies [TransportCloseInfo, string][]) {
		const connection = {
			closed: Promise.resolve(info),
			openStream: () => {
				throw new ConecError("CONNECTION_LOST", "the connection is over");
			},
			close: () => undefined,
		} as unknown as TransportConnection;
		await assert.rejects(greetDirectly(connection, "00".repeat(16), LIMITS, new AbortController().signal), { code });
	}
});
