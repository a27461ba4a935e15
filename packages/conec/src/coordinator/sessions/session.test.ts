import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import type { IncomingStream, TransportCloseInfo } from "../../transport/transport.ts";
import { CLOSE_CODES, RESET_CODES } from "../../wire/codes.ts";
import { Session, type SessionHost, type SessionParts } from "./session.ts";

/** A session on a connection that ends as the test says, or at once when it is closed from here. */
function stage() {
	const clock = createVirtualClock();
	const taken: unknown[] = [];
	const closed: number[] = [];
	const released: Session[] = [];
	let end: (info: TransportCloseInfo) => void = () => undefined;
	const connection = {
		closed: new Promise<TransportCloseInfo>((resolve) => {
			end = resolve;
		}),
		close: (closeCode: number, reason: string) => {
			closed.push(closeCode);
			end({ by: "local", closeCode, reason });
		},
		onStream: (_: IncomingStream): void => undefined,
	};
	const parts = {
		...{ id: "mallory", fingerprint: `sha256:${"ab".repeat(32)}`, key: "ephemeral", poolKeys: [], metadata: undefined, capabilities: [], direct: false },
		...{ connection, control: { end: () => undefined } },
	} as unknown as SessionParts;
	const host = {
		...{ limits: { metadataUpdatesPerMinute: 60, closeTimeoutMs: 3_000, openSilenceMs: 5_000 }, clock },
		changed: () => undefined,
		changeCost: () => 1,
		release: (one: Session) => void released.push(one),
		onStream: (_: unknown, incoming: unknown) => void taken.push(incoming),
		onChannelMessage: () => undefined,
		onHeard: () => undefined,
		onRequest: () => undefined,
	} as unknown as SessionHost;
	const session = new Session(parts, host);
	return { clock, connection, session, taken, closed, released, end };
}

test("session: streams that had come in before it was ended, and are looked at after that, are refused", () => {
	const { connection, session, taken, closed, released } = stage();
	const refused: number[] = [];
	const incoming = { refuse: (code: number) => void refused.push(code) } as unknown as IncomingStream;
	connection.onStream(incoming);
	session.end(CLOSE_CODES.CERTIFICATE_REFUSED, "denied");
	connection.onStream(incoming);
	assert.deepEqual([taken.length, refused, closed, released.length], [1, [RESET_CODES.DISCONNECTED], [CLOSE_CODES.CERTIFICATE_REFUSED], 1]);
});

test("session: a Client that says close and stays is ended after closeTimeoutMs, and only then is its id free", async () => {
	const { clock, session, closed, released } = stage();
	assert.equal(session.leaving, false);
	session.received({ type: "close", reason: "bye" });
	assert.equal(session.leaving, true);
	await clock.advance(2_000);
	// Saying it again gives it no more time.
	session.received({ type: "close", reason: "bye" });
	await clock.advance(999);
	assert.deepEqual([closed, released.length], [[], 0]);
	await clock.advance(1);
	assert.deepEqual([closed, released], [[CLOSE_CODES.NORMAL], [session]]);
	// It has left, whichever side ended the connection.
	assert.deepEqual(await session.closed, { by: "peer", code: "CLIENT_CLOSED", reason: "it said that it leaves, and did not go" });
});

test("session: a Client that says close and goes is not ended a second time", async () => {
	const { clock, session, closed, released, end } = stage();
	session.received({ type: "close", reason: "bye" });
	end({ by: "peer", closeCode: CLOSE_CODES.CLIENT_CLOSED, reason: "bye" });
	await clock.advance(10_000);
	assert.deepEqual([closed, released], [[], [session]]);
	assert.deepEqual(await session.closed, { by: "peer", code: "CLIENT_CLOSED", reason: "bye" });
});
