import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import type { IncomingStream } from "../../transport/transport.ts";
import { CLOSE_CODES, RESET_CODES } from "../../wire/codes.ts";
import { Session, type SessionParts } from "./session.ts";

test("session: streams that had come in before it was ended, and are looked at after that, are refused", () => {
	const [taken, refused, closed]: [unknown[], number[], number[]] = [[], [], []];
	const connection = {
		closed: new Promise(() => undefined),
		close: (code: number) => void closed.push(code),
		onStream: (_: IncomingStream): void => undefined,
	};
	let released = 0;
	const session = new Session({
		...{ id: "mallory", fingerprint: `sha256:${"ab".repeat(32)}`, key: "ephemeral", metadata: undefined, capabilities: [], direct: false },
		...{ metadataUpdatesPerMinute: 60, clock: createVirtualClock(), connection, control: { end: () => undefined } },
		changed: () => undefined,
		changeCost: () => 1,
		release: () => void released++,
		onStream: (_: unknown, incoming: unknown) => void taken.push(incoming),
		onChannelMessage: () => undefined,
		onHeard: () => undefined,
		onRequest: () => undefined,
	} as unknown as SessionParts);
	const incoming = { refuse: (code: number) => void refused.push(code) } as unknown as IncomingStream;
	connection.onStream(incoming);
	session.end(CLOSE_CODES.CERTIFICATE_REFUSED, "denied");
	connection.onStream(incoming);
	assert.deepEqual([taken.length, refused, closed, released], [1, [RESET_CODES.DISCONNECTED], [CLOSE_CODES.CERTIFICATE_REFUSED], 1]);
});
