import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../testing/memory/virtual-clock.ts";
import { connectEnds, type Ends, HEADER } from "../../testing/stream-fixture.ts";
import { Recorder, until } from "../../testing/transport/suite-recorder.ts";
import { resolveLimits } from "../limits.ts";
import { APPLICATION_CODE_BASE, RESET_CODES } from "../wire/codes.ts";
import { FRAME } from "../wire/frames.ts";
import { encodeReject } from "../wire/open.ts";
import type { FramedStream } from "./framed-stream.ts";
import { acceptMessageStream, openMessageStream, rejectStream } from "./open-stream.ts";

const EMPTY = new Uint8Array(0);

/** A test of what goes over the wire: the other side is written frame by frame. */
function onEnds(behaviour: string, run: (ends: Ends) => Promise<void>): void {
	test(`stream protocol: ${behaviour}`, { timeout: 120_000 }, async () => {
		const ends = await connectEnds();
		try {
			await run(ends);
		} finally {
			await ends.close();
		}
		assert.equal(ends.network.liveStreams, 0);
	});
}

/** An accepted MessageStream whose opener is raw. */
async function acceptedFrom(ends: Ends): Promise<{ raw: Recorder; stream: FramedStream }> {
	const raw = new Recorder().open(ends.near, HEADER);
	return { raw, stream: acceptMessageStream(await ends.incoming(), ends.init()) };
}

/** A MessageStream being opened, whose acceptor is raw. */
async function openedTo(ends: Ends, options: Parameters<typeof openMessageStream>[3] = {}): Promise<{ raw: Recorder; opening: Promise<FramedStream> }> {
	const opening = openMessageStream(ends.near, HEADER, ends.init(), options);
	opening.catch(() => {});
	return { raw: new Recorder().accept(await ends.incoming()), opening };
}

function kinds(raw: Recorder): string {
	return raw.events.map((event) => (event.type === "frame" ? `0x0${event.kind}` : event.type)).join(" ");
}

onEnds("ACCEPT first; END after the messages; FIN after END and END_ACK", async (ends) => {
	const { raw, stream } = await acceptedFrom(ends);
	await raw.framesOf(1);
	await stream.send("a");
	const closed = stream.close();
	await raw.framesOf(3);
	assert.equal(kinds(raw), "0x02 0x00 0x06");
	raw.write(FRAME.END_ACK, EMPTY);
	await closed;
	raw.write(FRAME.DATA, new Uint8Array(1));
	raw.write(FRAME.END, EMPTY);
	await raw.first("end");
	assert.equal(kinds(raw), "0x02 0x00 0x06 0x07 end");
	raw.stream.finish();
	assert.deepEqual(await stream.closed, { by: "local" });
});

onEnds("END is acknowledged on arrival, read or not, and FIN waits for this side's own END", async (ends) => {
	const { raw, stream } = await acceptedFrom(ends);
	raw.write(FRAME.DATA, new Uint8Array(1));
	raw.write(FRAME.END, EMPTY);
	await raw.framesOf(2);
	assert.equal(kinds(raw), "0x02 0x07");
	assert.equal(stream.waitingMessages, 1);
	await stream.send("late");
	const closed = stream.close();
	await raw.first("end");
	assert.equal(kinds(raw), "0x02 0x07 0x00 0x06 end");
	raw.write(FRAME.END_ACK, EMPTY);
	raw.stream.finish();
	await closed;
});

onEnds("FIN without END is STREAM_TRUNCATED, after what came", async (ends) => {
	const { raw, stream } = await acceptedFrom(ends);
	raw.write(FRAME.DATA, new Uint8Array(3));
	raw.stream.finish();
	assert.equal((await stream.receive())?.length, 3);
	await assert.rejects(stream.receive(), { code: "STREAM_TRUNCATED" });
	assert.deepEqual(await stream.closed, { by: "error", code: "STREAM_TRUNCATED" });
	assert.equal((await raw.first("reset")).code, RESET_CODES.STREAM_TRUNCATED);
});

onEnds("a peer that finishes without acknowledging has not received", async (ends) => {
	const { raw, stream } = await acceptedFrom(ends);
	raw.write(FRAME.END, EMPTY);
	raw.stream.finish();
	assert.equal(await stream.receive(), null);
	await assert.rejects(stream.close(), { code: "STREAM_TRUNCATED" });
	assert.deepEqual(await stream.closed, { by: "error", code: "STREAM_TRUNCATED" });
});

onEnds("after the peer's reset, close is content with the transport's acknowledgement", async (ends) => {
	for (const endFirst of [false, true]) {
		const { raw, stream } = await acceptedFrom(ends);
		if (endFirst) {
			raw.write(FRAME.END, EMPTY);
			assert.equal(await stream.receive(), null);
		}
		raw.stream.reset(APPLICATION_CODE_BASE + 9);
		if (!endFirst) {
			await assert.rejects(stream.receive(), { code: "STREAM_RESET", closeCode: 9 });
		}
		await stream.send("a");
		await stream.close();
		assert.equal(raw.has("end"), true);
		await stream.closed;
	}
});

onEnds("a reset or stop with a code of the library ends both directions with its meaning", async (ends) => {
	for (const [wireCode, code] of [
		[RESET_CODES.PEER_LOST, "PEER_LOST"],
		[RESET_CODES.CLIENT_CLOSED, "CLIENT_CLOSED"],
		[RESET_CODES.COORDINATOR_CLOSED, "COORDINATOR_CLOSED"],
		[RESET_CODES.MESSAGE_TOO_LONG, "MESSAGE_TOO_LONG"],
		[RESET_CODES.DISCONNECTED, "DISCONNECTED"],
	] as const) {
		for (const how of ["reset", "stop"] as const) {
			const { raw, stream } = await acceptedFrom(ends);
			raw.stream[how](wireCode);
			await assert.rejects(stream.receive(), { code });
			await assert.rejects(stream.send("x"), { code });
			await assert.rejects(stream.close(), { code });
			assert.deepEqual(await stream.closed, { by: "peer", code });
			await until("the raw side is told", () => raw.has("reset") || raw.has("stopped"));
		}
	}
});

onEnds("codes that nobody knows are STREAM_RESET and STREAM_STOPPED without a closeCode", async (ends) => {
	const { raw, stream } = await acceptedFrom(ends);
	raw.stream.reset(0x1234);
	await assert.rejects(stream.receive(), { code: "STREAM_RESET", closeCode: undefined });
	raw.stream.stop(0x1234);
	await until("sending has ended", () => stream.over);
	await assert.rejects(stream.send("x"), { code: "STREAM_STOPPED", closeCode: undefined });
});

onEnds("unknown kinds from 0x80 on are skipped, others end the stream", async (ends) => {
	const { raw, stream } = await acceptedFrom(ends);
	raw.write(0x80, new Uint8Array(16 * 1_024));
	raw.write(0xff, EMPTY);
	raw.write(FRAME.DATA, new Uint8Array(1));
	assert.equal((await stream.receive())?.length, 1);
	raw.write(0x7f, EMPTY);
	await assert.rejects(stream.receive(), { code: "FRAME_INVALID" });
	assert.equal((await raw.first("reset")).code, RESET_CODES.FRAME_INVALID);
	assert.equal((await raw.first("stopped")).code, RESET_CODES.FRAME_INVALID);
});

onEnds("a frame where it is not allowed ends the stream", async (ends) => {
	for (const frames of [
		[FRAME.ACCEPT],
		[FRAME.REJECT],
		[FRAME.OPEN],
		[FRAME.CONTROL],
		[FRAME.TAGGED],
		[FRAME.END_ACK],
		[FRAME.END, FRAME.DATA],
		[FRAME.END, FRAME.END],
		[0x10],
	]) {
		const { raw, stream } = await acceptedFrom(ends);
		for (const kind of frames) {
			raw.write(kind, EMPTY);
		}
		assert.deepEqual(await stream.closed, { by: "error", code: "FRAME_INVALID" });
		await assert.rejects(stream.close(), { code: "FRAME_INVALID" });
		assert.equal((await raw.first("reset")).code, RESET_CODES.FRAME_INVALID);
	}
});

onEnds("a message longer than this side takes ends the stream at both", async (ends) => {
	const { raw, stream } = await acceptedFrom(ends);
	raw.write(FRAME.DATA, new Uint8Array(1_024 * 1_024 + 1));
	await assert.rejects(stream.receive(), { code: "MESSAGE_TOO_LONG" });
	assert.deepEqual(await stream.closed, { by: "error", code: "MESSAGE_TOO_LONG" });
	assert.equal((await raw.first("stopped")).code, RESET_CODES.MESSAGE_TOO_LONG);
});

onEnds("openStream waits for ACCEPT", async (ends) => {
	const { raw, opening } = await openedTo(ends);
	let open = false;
	void opening.then(() => {
		open = true;
	});
	await new Promise((resolve) => setTimeout(resolve, 10));
	assert.equal(open, false);
	raw.write(FRAME.ACCEPT, EMPTY);
	const stream = await opening;
	raw.write(FRAME.END, EMPTY);
	assert.equal(await stream.receive(), null);
	const closed = stream.close();
	await raw.first("end");
	assert.equal(kinds(raw), "0x07 0x06 end");
	raw.write(FRAME.END_ACK, EMPTY);
	await closed;
	raw.stream.finish();
});

onEnds("REJECT gives its code; one that is not known, or not understood, is PROTOCOL_ERROR", async (ends) => {
	for (const [payload, code] of [
		[encodeReject({ code: "PEER_BUSY" }), "PEER_BUSY"],
		[encodeReject({ code: "PEER_UNKNOWN", message: "who?" }), "PEER_UNKNOWN"],
		[new TextEncoder().encode('{"code":"FROM_THE_FUTURE"}'), "PROTOCOL_ERROR"],
		[EMPTY, "PROTOCOL_ERROR"],
	] as const) {
		const { raw, opening } = await openedTo(ends);
		raw.write(FRAME.REJECT, payload);
		raw.stream.finish();
		await assert.rejects(opening, { code, peer: "bob" });
		await raw.first("reset");
	}
});

onEnds("a rejection explains itself even if STOP_SENDING overtakes it", async (ends) => {
	const { raw, opening } = await openedTo(ends);
	raw.stream.stop(RESET_CODES.REJECTED);
	await new Promise((resolve) => setTimeout(resolve, 10));
	raw.write(FRAME.REJECT, encodeReject({ code: "PEER_BUSY" }));
	await assert.rejects(opening, { code: "PEER_BUSY" });
});

onEnds("a stop before ACCEPT counts after it", async (ends) => {
	const { raw, opening } = await openedTo(ends);
	raw.stream.stop(APPLICATION_CODE_BASE + 4);
	await new Promise((resolve) => setTimeout(resolve, 10));
	raw.write(FRAME.ACCEPT, EMPTY);
	const stream = await opening;
	await assert.rejects(stream.send("x"), { code: "STREAM_STOPPED", closeCode: 4 });
});

onEnds("rejectStream answers REJECT and FIN, and reads nothing more", async (ends) => {
	const raw = new Recorder().open(ends.near, HEADER);
	raw.write(FRAME.DATA, new Uint8Array(100));
	rejectStream(await ends.incoming(), "PEER_BUSY", "64 streams wait");
	await raw.first("end");
	assert.equal(new TextDecoder().decode(raw.frames[0]?.payload), '{"code":"PEER_BUSY","message":"64 streams wait"}');
	assert.equal((await raw.first("stopped")).code, RESET_CODES.REJECTED);
	const opening = openMessageStream(ends.near, HEADER, ends.init());
	rejectStream(await ends.incoming(), "PEER_LOST");
	await assert.rejects(opening, { code: "PEER_LOST" });
	raw.stream.reset(0);
});

onEnds("any other answer, FIN or reset before ACCEPT is an error of its own", async (ends) => {
	for (const [answer, code] of [
		[(raw: Recorder) => raw.write(FRAME.DATA, new Uint8Array(1)), "FRAME_INVALID"],
		[(raw: Recorder) => raw.stream.finish(), "STREAM_TRUNCATED"],
		[(raw: Recorder) => raw.stream.reset(RESET_CODES.PEER_LOST), "PEER_LOST"],
		[(raw: Recorder) => raw.stream.reset(RESET_CODES.HEADER_TIMEOUT), "PEER_TIMEOUT"],
		[(raw: Recorder) => raw.stream.reset(RESET_CODES.HEADER_INVALID), "FRAME_INVALID"],
		[(raw: Recorder) => raw.stream.reset(APPLICATION_CODE_BASE + 1), "STREAM_RESET"],
	] as const) {
		const { raw, opening } = await openedTo(ends);
		raw.write(0x81, EMPTY);
		answer(raw);
		await assert.rejects(opening, { code });
		await until("the raw side is told", () => raw.has("stopped") || raw.has("reset"));
	}
});

onEnds("an aborted open rejects with the reason and gives the stream up", async (ends) => {
	const reason = { why: "never mind" };
	const controller = new AbortController();
	const { raw, opening } = await openedTo(ends, { signal: controller.signal });
	controller.abort(reason);
	await assert.rejects(opening, (error) => error === reason);
	assert.equal((await raw.first("reset")).code, RESET_CODES.CANCELLED);
	assert.equal((await raw.first("stopped")).code, RESET_CODES.CANCELLED);
	await assert.rejects(openMessageStream(ends.near, HEADER, ends.init(), { signal: AbortSignal.abort(reason) }), (error) => error === reason);
});

onEnds("early data goes before ACCEPT; a rejection then ends the stream", async (ends) => {
	const { raw, opening } = await openedTo(ends, { early: true });
	const stream = await opening;
	await stream.send("early");
	const closed = stream.close();
	await raw.framesOf(2);
	assert.equal(kinds(raw), "0x00 0x06");
	raw.write(FRAME.ACCEPT, EMPTY);
	raw.write(FRAME.END_ACK, EMPTY);
	await closed;
	stream.stop();

	const rejected = await openedTo(ends, { early: true });
	const doomed = await rejected.opening;
	rejected.raw.write(FRAME.REJECT, encodeReject({ code: "PEER_BUSY" }));
	await assert.rejects(doomed.receive(), { code: "PEER_BUSY" });
	await assert.rejects(doomed.close(), { code: "PEER_BUSY" });
	assert.deepEqual(await doomed.closed, { by: "peer", code: "PEER_BUSY" });
});

onEnds("what the loss of the connection is called is the owner's to say", async (ends) => {
	const opening = openMessageStream(ends.near, HEADER, ends.init({ lostCode: "COORDINATOR_LOST" }));
	const stream = acceptMessageStream(await ends.incoming(), ends.init({ lostCode: "PEER_LOST" }));
	const opened = await opening;
	ends.farTransport.lose();
	await assert.rejects(opened.receive(), { code: "COORDINATOR_LOST" });
	await assert.rejects(stream.receive(), { code: "PEER_LOST" });
	await assert.rejects(openMessageStream(ends.near, HEADER, ends.init({ lostCode: "COORDINATOR_LOST" })), { code: "COORDINATOR_LOST" });
});

test("stream protocol: an answer that never comes is PEER_TIMEOUT after 10 s, early or not", async () => {
	const clock = createVirtualClock();
	const ends = await connectEnds({ clock, step: () => clock.advance(1) });
	const waiting = openMessageStream(ends.near, HEADER, ends.init());
	const early = await openMessageStream(ends.near, HEADER, ends.init(), { early: true });
	const outcome = assert.rejects(waiting, { code: "PEER_TIMEOUT", peer: "bob" });
	let over = false;
	void early.closed.then(() => {
		over = true;
	});
	await clock.advance(resolveLimits().requestTimeoutMs - 1);
	assert.equal(over, false);
	await clock.advance(1);
	await outcome;
	assert.deepEqual(await early.closed, { by: "local", code: "PEER_TIMEOUT" });
	await assert.rejects(early.send("x"), { code: "PEER_TIMEOUT" });
	const closed = ends.close();
	await clock.advance(10);
	await closed;
	assert.equal(clock.pending, 0);
});

onEnds("an END_ACK that crosses the reset of a side that had sent END is no error, and the other direction goes on", async (ends) => {
	const { raw, stream } = await acceptedFrom(ends);
	const closing = assert.rejects(stream.close(), { code: "STREAM_CLOSED", closeCode: 9 });
	await raw.framesOf(2);
	stream.reset(9);
	await closing;
	raw.write(FRAME.END_ACK, EMPTY);
	raw.write(FRAME.DATA, Uint8Array.of(7));
	raw.write(FRAME.END, EMPTY);
	assert.deepEqual(await stream.receive(), Uint8Array.of(7));
	assert.equal(await stream.receive(), null);
	raw.stream.finish();
	assert.deepEqual(await stream.closed, { by: "local", closeCode: 9 });
});

onEnds("of END_ACKs after a reset the second is an error, and so is the first where there was no END", async (ends) => {
	for (const [ended, acknowledgements] of [
		[true, 2],
		[false, 1],
	] as const) {
		const { raw, stream } = await acceptedFrom(ends);
		if (ended) {
			void stream.close().catch(() => {});
			await raw.framesOf(2);
		}
		stream.reset(9);
		for (let i = 0; i < acknowledgements; i++) raw.write(FRAME.END_ACK, EMPTY);
		await assert.rejects(stream.receive(), { code: "FRAME_INVALID" });
	}
});
