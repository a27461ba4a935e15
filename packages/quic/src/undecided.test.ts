import assert from "node:assert/strict";
import { test } from "node:test";
import { Heard } from "../test/support/heard.ts";
import { dialling, endpoint, eventually, listening, nextConnection, nextStream } from "../test/support/link.ts";
import type { Stream } from "./index.ts";

const quiet = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 100));

test("undecided: one stream and 64 KiB until confirmed, then everything", async (t) => {
	const server = endpoint(t);
	server.listen(listening());
	const arrived = nextConnection(server);
	const dialled = await endpoint(t).connect(dialling(server));
	const accepted = await arrived;
	const incoming: number[] = [];
	const heard = new Heard();
	accepted.onStream = (stream) => {
		incoming.push(stream.kind);
		if (stream.kind === 1) heard.stream = stream.accept(heard);
	};
	const first = dialled.openStream(new Heard(), {}, { kind: 1, payload: Buffer.from("hello") });
	dialled.openStream(new Heard(), {}, { kind: 2, payload: Buffer.from("second") });
	// The far application takes everything at once, and still the window does not open for more than 64 KiB at a time.
	for (let i = 0; i < 200; i++) first.write(0, Buffer.alloc(1_000));
	await heard.untilBytes(60_000);
	await quiet();
	assert.deepEqual(incoming, [1]);
	accepted.confirm();
	await heard.untilBytes(200_000);
	await eventually(() => incoming.length > 1, "the second stream");
	assert.deepEqual(incoming, [1, 2]);
});

test("undecided: an unread stream holds 64 KiB at most", async (t) => {
	const server = endpoint(t);
	server.listen(listening());
	const arrived = nextConnection(server);
	const dialled = await endpoint(t).connect(dialling(server));
	const accepted = await arrived;
	const stream = nextStream(accepted);
	const first = dialled.openStream(new Heard(), {}, { kind: 1, payload: new Uint8Array(0) });
	for (let i = 0; i < 300; i++) first.write(0, Buffer.alloc(1_000));
	const incoming = await stream;
	await quiet();
	const sent = 300 * 1_004 - first.queuedBytes;
	assert.ok(sent <= 64 * 1024 + 64, `${sent} bytes left the sender`);
	accepted.confirm();
	const heard = new Heard();
	heard.stream = incoming.accept(heard);
	await heard.untilCount(300);
});

test("undecided: a first frame that is none ends the connection with its own code and says why; later ones end only their stream", async (t) => {
	const server = endpoint(t);
	server.listen(listening({ undecidedInvalidCode: 4_711, incoming: { headerBytes: 100, headerInvalidCode: 31 } }));
	const cases: [(stream: Stream) => unknown, RegExp][] = [
		[(stream) => stream.write(0, Uint8Array.of(0, 101)), /too long/],
		[(stream) => stream.finish(), /cut short/],
		[(stream) => stream.reset(5), /reset/],
	];
	for (const [act, reason] of cases) {
		const arrived = nextConnection(server);
		const dialled = await endpoint(t).connect(dialling(server));
		await arrived;
		const stream = dialled.openStream(new Heard(), { mode: "bytes" });
		stream.write(0, Uint8Array.of(1, 0));
		await eventually(() => stream.queuedBytes === 0, "QUIC has the bytes");
		act(stream);
		const info = await dialled.closed;
		assert.deepEqual([info.by, info.closeCode], ["peer", 4_711]);
		assert.match(info.reason, reason);
	}
	const arrived = nextConnection(server);
	const dialled = await endpoint(t).connect(dialling(server));
	const accepted = await arrived;
	accepted.confirm();
	const refused = new Heard();
	dialled.openStream(refused, {}, { kind: 1, payload: Buffer.alloc(101) });
	await refused.until("reset 31", "stopped 31");
	const stream = nextStream(accepted);
	dialled.openStream(new Heard(), {}, { kind: 1, payload: Buffer.alloc(100) });
	assert.equal((await stream).payload.length, 100);
});
