import assert from "node:assert/strict";
import { test } from "node:test";
import { Heard } from "../test/support/heard.ts";
import { ends, join, link, nextStream } from "../test/support/link.ts";
import { RECORD } from "./constants.ts";
import type { Environment } from "./environment.ts";
import { nativeStreamOptions, Stream } from "./stream.ts";

for (const first of ["near", "far"] as const) {
	test(`half-close: ${first} side first; FIN is acknowledged, the other direction goes on`, async (t) => {
		const { dialled, accepted } = await link(t);
		const { near, nearHeard, far, farHeard } = await ends(dialled, accepted);
		const [early, earlyHeard, late, lateHeard] = first === "near" ? [near, nearHeard, far, farHeard] : [far, farHeard, near, nearHeard];
		early.write(0, Buffer.from("bye"));
		early.finish();
		assert.equal(early.write(0, Buffer.of(1)), -1, "nothing follows a FIN");
		await lateHeard.until("end");
		await earlyHeard.until("finished");
		late.write(0, Buffer.from("one more thing"));
		await earlyHeard.untilCount(1);
		late.finish();
		await earlyHeard.until("end");
		await lateHeard.until("finished");
		assert.deepEqual(earlyHeard.events.toSorted(), ["end", "finished"]);
		assert.deepEqual(lateHeard.events.toSorted(), ["end", "finished"]);
	});
}

test("finish: acknowledged although the far application has read nothing, and FIN comes after all data", async (t) => {
	const { dialled, accepted } = await link(t);
	const { near, nearHeard, far, farHeard } = await ends(dialled, accepted, { paused: true, far: { creditBytes: 1_000 } });
	for (let i = 0; i < 100; i++) near.write(0, Buffer.alloc(1_000, i));
	near.finish();
	await nearHeard.until("finished");
	assert.ok(!farHeard.events.includes("end"));
	farHeard.stream = far;
	for (const { payload } of [...farHeard.frames]) far.consumed(payload.length);
	await farHeard.until("end");
	assert.equal(farHeard.count, 100);
});

for (const code of [0, 1, 2 ** 31, 2 ** 32 + 5, Number.MAX_SAFE_INTEGER]) {
	test(`codes: reset and stop carry ${code} in both directions`, async (t) => {
		const { dialled, accepted } = await link(t);
		const one = await ends(dialled, accepted);
		one.near.reset(code);
		one.near.stop(code);
		await one.farHeard.until(`reset ${code}`, `stopped ${code}`);
		const two = await ends(dialled, accepted);
		two.far.reset(code);
		two.far.stop(code);
		await two.nearHeard.until(`reset ${code}`, `stopped ${code}`);
	});
}

test("codes: what is none is refused and leaves the stream as it was", async (t) => {
	const { dialled, accepted } = await link(t);
	const { near, farHeard } = await ends(dialled, accepted);
	for (const code of [-1, 0.5, Number.NaN, Number.POSITIVE_INFINITY, 2 ** 62]) {
		assert.throws(() => near.reset(code), { name: "QuicError", code: "INVALID_ARGUMENT" });
		assert.throws(() => near.stop(code), { name: "QuicError", code: "INVALID_ARGUMENT" });
	}
	near.write(0, Buffer.from("still"));
	near.finish();
	await farHeard.until("end");
	assert.equal(farHeard.count, 1);
});

test("reset: drops what is queued, ends one direction only, and counts once", async (t) => {
	const { dialled, accepted } = await link(t);
	const { near, nearHeard, far, farHeard } = await ends(dialled, accepted, { paused: true });
	for (let i = 0; i < 100; i++) near.write(0, Buffer.alloc(100_000));
	assert.ok(near.queuedBytes > 5_000_000);
	near.reset(7);
	near.reset(8);
	near.finish();
	assert.equal(near.queuedBytes, 0);
	assert.equal(near.write(0, Buffer.of(1)), -1);
	await farHeard.until("reset 7");
	far.write(0, Buffer.from("the other direction lives"));
	await nearHeard.untilCount(1);
	far.finish();
	await nearHeard.until("end");
	await farHeard.until("finished"); // the acknowledgement may be some milliseconds behind
	assert.deepEqual(farHeard.events, ["reset 7", "finished"]);
});

test("stop: ends the sender at once although the reader's window is full", async (t) => {
	const { dialled, accepted } = await link(t);
	const { near, nearHeard, far } = await ends(dialled, accepted, { paused: true });
	for (let i = 0; i < 100; i++) near.write(0, Buffer.alloc(100_000));
	await nearHeard.until().then(() => new Promise((resolve) => setTimeout(resolve, 50)));
	far.stop(9);
	far.stop(10);
	await nearHeard.until("stopped 9");
	assert.equal(near.write(0, Buffer.of(1)), -1);
	assert.equal(near.queuedBytes, 0);
});

test("lost: with the connection every stream is lost, once, and waits for nothing", async (t) => {
	const { dialled, accepted } = await link(t);
	const idle = await ends(dialled, accepted);
	const busy = await ends(dialled, accepted, { paused: true });
	for (let i = 0; i < 50; i++) busy.near.write(0, Buffer.alloc(100_000));
	const halfClosed = await ends(dialled, accepted);
	halfClosed.near.finish();
	await halfClosed.farHeard.until("end");
	await halfClosed.nearHeard.until("finished");
	accepted.close(3);
	for (const { nearHeard, farHeard } of [idle, busy, halfClosed]) {
		await nearHeard.until("lost CONNECTION_LOST");
		await farHeard.until("lost CONNECTION_LOST");
		for (const { events } of [nearHeard, farHeard]) assert.equal(events.filter((event) => event.startsWith("lost")).length, 1);
	}
});

test("lost: a stream that waits for the peer's limit is lost with the connection", async (t) => {
	const { dialled, accepted } = await link(t, { listen: { transport: { bidirectionalStreams: 1 } } });
	await ends(dialled, accepted);
	const waiting = new Heard();
	dialled.openStream(waiting, {}, { kind: 1, payload: Buffer.of() });
	dialled.close(0);
	await waiting.until("lost CONNECTION_LOST");
});

test("limit: a stream beyond the peer's limit waits with all that was written, and goes when there is room", async (t) => {
	const { dialled, accepted } = await link(t, { listen: { transport: { bidirectionalStreams: 1 } } });
	const first = await ends(dialled, accepted);
	const arrived = nextStream(accepted);
	const waiting = new Heard();
	const second = dialled.openStream(waiting, {}, { kind: 5, payload: Buffer.from("second") });
	second.write(0, Buffer.from("written early"));
	second.finish();
	const given = new Heard();
	const third = dialled.openStream(given, {}, { kind: 6, payload: Buffer.of() });
	third.reset(1);
	third.stop(1); // gives it up before it was opened: the peer never sees it
	first.near.reset(0);
	first.near.stop(0);
	first.far.reset(0);
	first.far.stop(0);
	const incoming = await arrived;
	assert.equal(incoming.kind, 5);
	const heard = new Heard();
	heard.stream = incoming.accept(heard);
	await heard.until("end");
	assert.equal(Buffer.from(heard.frames[0]?.payload ?? []).toString(), "written early");
	await waiting.until("finished");
	assert.ok(!given.events.some((event) => event.startsWith("lost")));
});

test("stale: streams, connections and endpoints that are over are harmless, also when others have taken their place", async (t) => {
	const { client, server, dialled, accepted } = await link(t);
	const { near, nearHeard, far } = await ends(dialled, accepted);
	dialled.close(0);
	await nearHeard.until("lost CONNECTION_LOST");
	await dialled.closed;
	await accepted.closed;
	const fresh = await join(client, server);
	const other = await ends(fresh.dialled, fresh.accepted);
	for (const stream of [near, far]) {
		assert.equal(stream.write(0, Buffer.of(1)), -1);
		assert.equal(stream.queuedBytes, 0);
		stream.finish();
		stream.reset(1);
		stream.stop(1);
		stream.consumed(100_000);
	}
	dialled.close(1);
	accepted.confirm();
	other.near.write(0, Buffer.from("untouched"));
	await other.farHeard.untilCount(1);
	assert.deepEqual(other.farHeard.events, []);
});

/** A stream without a socket: the records are the test's. */
function loose(): { readonly stream: Stream; readonly heard: Heard; readonly environment: { isBehind: boolean } } {
	const heard = new Heard();
	const environment = { isBehind: false, adopt() {}, release() {} };
	return { stream: new Stream(environment as unknown as Environment, 1, heard, nativeStreamOptions({ creditBytes: 1_024 })), heard, environment };
}

/** Lets the event loop go round so often. */
async function rounds(count: number): Promise<void> {
	for (let i = 0; i < count; i++) await new Promise((resolve) => setImmediate(resolve));
}

const NOTHING = new Uint8Array(0);
const LOST_CONNECTION = new Uint8Array(Uint32Array.of(1).buffer);

test("stream end: when one direction finds the connection lost, what the other still has comes first", () => {
	const { stream, heard } = loose();
	stream.record(RECORD.STREAM_LOST, 0, LOST_CONNECTION);
	stream.record(RECORD.FRAME, 0, Buffer.from("last words"));
	stream.record(RECORD.END, 0, NOTHING);
	assert.deepEqual(heard.events, ["end"]);
	stream.record(RECORD.STREAM_DONE, 0, NOTHING);
	assert.equal(heard.count, 1);
	assert.deepEqual(heard.events, ["end", "lost CONNECTION_LOST"]);
});

test("stream end: a loss waits no longer than one turn of the event loop, and nothing is told after it", async () => {
	const { stream, heard } = loose();
	stream.record(RECORD.STREAM_LOST, 0, LOST_CONNECTION);
	await new Promise((resolve) => setImmediate(resolve));
	assert.deepEqual(heard.events, ["lost CONNECTION_LOST"]);
	stream.record(RECORD.FRAME, 0, Buffer.from("too late"));
	stream.record(RECORD.END, 0, NOTHING);
	stream.record(RECORD.STREAM_DONE, 0, NOTHING);
	await new Promise((resolve) => setImmediate(resolve));
	assert.equal(heard.count, 0);
	assert.deepEqual(heard.events, ["lost CONNECTION_LOST"]);
});

test("stream end: while this thread is behind, a loss waits for what has come before it, round after round", async () => {
	const { stream, heard, environment } = loose();
	environment.isBehind = true;
	stream.record(RECORD.STREAM_LOST, 0, LOST_CONNECTION);
	for (let i = 0; i < 20; i++) {
		await rounds(1);
		stream.record(RECORD.FRAME, 0, Buffer.of(i));
	}
	assert.deepEqual([heard.count, heard.events], [20, []]);
	environment.isBehind = false;
	await rounds(2);
	assert.deepEqual([heard.count, heard.events], [20, ["lost CONNECTION_LOST"]]);
	stream.record(RECORD.FRAME, 0, Buffer.from("too late"));
	await rounds(3);
	assert.deepEqual([heard.count, heard.events], [20, ["lost CONNECTION_LOST"]]);
});

test("stream end: a loss is told after a hundred rounds at the latest, however long this thread stays behind", async () => {
	const { stream, heard, environment } = loose();
	environment.isBehind = true;
	stream.record(RECORD.STREAM_LOST, 0, LOST_CONNECTION);
	await rounds(90);
	assert.deepEqual(heard.events, [], "all that one connection may have waiting is delivered by then");
	await rounds(15);
	assert.deepEqual(heard.events, ["lost CONNECTION_LOST"]);
});

test("stream end: the last record of a stream tells its loss at once, also while this thread is behind, and only once", async () => {
	const { stream, heard, environment } = loose();
	environment.isBehind = true;
	stream.record(RECORD.STREAM_LOST, 0, LOST_CONNECTION);
	stream.record(RECORD.FRAME, 0, Buffer.from("last words"));
	stream.record(RECORD.STREAM_DONE, 0, NOTHING);
	assert.deepEqual([heard.count, heard.events], [1, ["lost CONNECTION_LOST"]]);
	environment.isBehind = false;
	await rounds(5);
	assert.deepEqual(heard.events, ["lost CONNECTION_LOST"]);
});
