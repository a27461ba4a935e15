import assert from "node:assert/strict";
import { test } from "node:test";
import { Heard } from "../test/support/heard.ts";
import { ends, eventually, link, nextStream } from "../test/support/link.ts";
import type { Connection, IncomingStream } from "./index.ts";

const incoming = { headerBytes: 1_000, headerTimeoutMs: 60_000, headerTimeoutCode: 71, headerInvalidCode: 72 };
const hasty = { ...incoming, headerTimeoutMs: 150 };

test("header: exactly one frame is read; OPEN, 100 frames and FIN of one burst all arrive after accept", async (t) => {
	const { dialled, accepted } = await link(t);
	const arrived = nextStream(accepted);
	const near = new Heard();
	const stream = dialled.openStream(near, {}, { kind: 1, payload: Buffer.from("open") });
	for (let i = 0; i < 100; i++) stream.write(2, Buffer.from(`data ${i}`));
	stream.finish();
	const opened = await arrived;
	assert.equal(opened.kind, 1);
	assert.equal(Buffer.from(opened.payload).toString(), "open");
	assert.equal(opened.bidirectional, true);
	await new Promise((resolve) => setTimeout(resolve, 50)); // all of it is here by now
	const heard = new Heard();
	heard.stream = opened.accept(heard);
	await heard.until("end");
	assert.deepEqual(
		heard.frames.map(({ payload }) => Buffer.from(payload).toString()),
		Array.from({ length: 100 }, (_, i) => `data ${i}`),
	);
	heard.stream.finish();
	await near.until("end", "finished");
});

test("header: of any length up to the limit passes, and one that comes byte by byte", async (t) => {
	const { dialled, accepted } = await link(t, { listen: { incoming } });
	for (const size of [0, 1, 999, 1_000]) {
		const arrived = nextStream(accepted);
		dialled.openStream(new Heard(), {}, { kind: 255, payload: Buffer.alloc(size, 3) });
		assert.deepEqual(Buffer.from((await arrived).payload), Buffer.alloc(size, 3));
	}
	const arrived = nextStream(accepted);
	const slow = dialled.openStream(new Heard(), { mode: "bytes" });
	for (const byte of [7, 0, 0, 2, 8, 9, 1, 2]) {
		slow.write(0, Buffer.of(byte));
		await new Promise((resolve) => setTimeout(resolve, 3));
	}
	const { kind, payload } = await arrived;
	assert.deepEqual([kind, ...payload], [7, 8, 9]);
});

const refused: [string, number[], boolean, number][] = [
	["comes too late", [1, 0, 0], false, 71],
	["comes too late in its payload", [1, 0, 0, 9, 1], false, 71],
	["is too long", [1, 0, 3, 0xe9], false, 72],
	["is cut short", [1, 0], true, 72],
	["is cut short in its payload", [1, 0, 0, 9, 1], true, 72],
];
for (const [what, bytes, finish, code] of refused) {
	test(`header: one that ${what} ends the stream with code ${code}, and JS never sees it`, async (t) => {
		const { dialled, accepted } = await link(t, { listen: { incoming: code === incoming.headerTimeoutCode ? hasty : incoming } });
		accepted.onStream = () => assert.fail("it must not be shown");
		const heard = new Heard();
		const stream = dialled.openStream(heard, { mode: "bytes" });
		stream.write(0, Buffer.from(bytes));
		if (finish) stream.finish();
		await heard.until(`reset ${code}`);
		if (!finish) await heard.until(`stopped ${code}`);
		await ends(dialled, accepted); // the connection goes on
	});
}

test("header: the dialling side's limits hold for what the server opens", async (t) => {
	const { dialled, accepted } = await link(t, { connect: { incoming } });
	const heard = new Heard();
	accepted.openStream(heard, {}, { kind: 1, payload: Buffer.alloc(1_001) });
	await heard.until("reset 72", "stopped 72");
	await ends(accepted, dialled);
});

test("header: a limit that no record can hold is refused", async (t) => {
	await assert.rejects(link(t, { listen: { incoming: { headerBytes: 1024 * 1024 } } }), { name: "QuicError", code: "INVALID_ARGUMENT" });
});

test("header: one of the largest limit passes", async (t) => {
	const { dialled, accepted } = await link(t, { listen: { incoming: { headerBytes: 65_536 } } });
	const arrived = nextStream(accepted);
	dialled.openStream(new Heard(), {}, { kind: 1, payload: Buffer.alloc(65_536, 5) });
	assert.deepEqual(Buffer.from((await arrived).payload), Buffer.alloc(65_536, 5));
});

test("incoming: what is never taken is bounded by the window and holds nobody else up", async (t) => {
	const { dialled, accepted } = await link(t, { listen: { transport: { streamWindowBytes: 128 * 1024 } } });
	const arrived = nextStream(accepted);
	const waiting = dialled.openStream(new Heard(), {}, { kind: 1, payload: Buffer.of() });
	for (let i = 0; i < 20; i++) waiting.write(0, Buffer.alloc(50_000));
	const untaken = await arrived;
	const { near, farHeard } = await ends(dialled, accepted);
	for (let i = 0; i < 40; i++) near.write(0, Buffer.alloc(50_000));
	await farHeard.untilCount(40);
	assert.ok(waiting.queuedBytes >= 1_000_000 - 128 * 1024);
	assert.equal(untaken.owner, accepted);
});

test("incoming: refused with a code, the opener hears it in both directions", async (t) => {
	const { dialled, accepted } = await link(t);
	const arrived = nextStream(accepted);
	const heard = new Heard();
	dialled.openStream(heard, {}, { kind: 1, payload: Buffer.of() });
	const stream = await arrived;
	stream.refuse(81);
	stream.refuse(82);
	await heard.until("reset 81", "stopped 81");
});

/** Some datagrams there and back: what was sent before them has been received, also where nothing tells. */
async function exchange(from: Connection, to: Connection): Promise<void> {
	to.onDatagram = (data) => to.sendDatagram(data);
	for (let round = 0; round < 5; round++) {
		const back = new Promise<Uint8Array>((resolve) => {
			from.onDatagram = resolve;
		});
		from.sendDatagram(Buffer.of(round));
		await back;
	}
}

test("incoming: streams wait for a handler, and one given up by its opener tells so after accept", async (t) => {
	const { dialled, accepted } = await link(t);
	const first = dialled.openStream(new Heard(), {}, { kind: 1, payload: Buffer.of(1) });
	const second = dialled.openStream(new Heard(), {}, { kind: 1, payload: Buffer.of(2) });
	await eventually(() => first.queuedBytes + second.queuedBytes === 0, "both to be sent");
	await exchange(dialled, accepted);
	first.reset(91);
	first.stop(92);
	await exchange(dialled, accepted);
	const taken: IncomingStream[] = [];
	accepted.onStream = (stream) => taken.push(stream);
	await eventually(() => taken.length === 2, "both streams");
	const heard = new Heard();
	(taken.find(({ payload }) => payload[0] === 1) as IncomingStream).accept(heard);
	await heard.until("reset 91", "stopped 92");
});

test("incoming: accepted after its connection is gone, it says so", async (t) => {
	const { dialled, accepted } = await link(t);
	const arrived = nextStream(accepted);
	dialled.openStream(new Heard(), {}, { kind: 1, payload: Buffer.of() });
	const stream = await arrived;
	dialled.close(0);
	await accepted.closed;
	const heard = new Heard();
	const late = stream.accept(heard);
	assert.deepEqual(heard.events, [], "never from inside a call");
	await heard.until("lost CONNECTION_LOST");
	assert.equal(late.write(0, Buffer.of(1)), -1);
	stream.refuse(1);
});

test("incoming: a stream is taken once; a second accept does not disturb the first", async (t) => {
	const { dialled, accepted } = await link(t);
	const arrived = nextStream(accepted);
	const near = dialled.openStream(new Heard(), {}, { kind: 1, payload: Buffer.of() });
	const stream = await arrived;
	const heard = new Heard();
	heard.stream = stream.accept(heard);
	assert.throws(() => stream.accept(new Heard()), { name: "QuicError", code: "INVALID_ARGUMENT" });
	stream.refuse(5);
	near.write(0, Buffer.from("to the first"));
	await heard.untilCount(1);
	assert.equal(Buffer.from(heard.frames[0]?.payload ?? []).toString(), "to the first");
});
