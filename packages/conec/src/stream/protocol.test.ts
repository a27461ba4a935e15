import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../testing/memory/virtual-clock.ts";
import { ANSWER, accept, connectEnds, type Ends, HEADER, OPEN } from "../../testing/stream-fixture.ts";
import { Recorder, until } from "../../testing/transport/suite-recorder.ts";
import type { ConecError } from "../errors.ts";
import { resolveLimits } from "../limits.ts";
import { APPLICATION_CODE_BASE, RESET_CODES } from "../wire/codes.ts";
import { FRAME } from "../wire/frames.ts";
import { encodeReject } from "../wire/open.ts";
import { decodeAck, encodeAck, encodeCode } from "../wire/stream-frames.ts";
import type { FramedStream } from "./framed-stream.ts";
import { openMessageStream, rejectStream } from "./open-stream.ts";

const EMPTY = new Uint8Array(0);

/** A test of what goes over the wire: the other side is written frame by frame. */
function onEnds(behaviour: string, run: (ends: Ends) => Promise<void>): void {
	test(`stream protocol: ${behaviour}`, { timeout: 300_000 }, async () => {
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
	return { raw, stream: accept(await ends.incoming(), ends.init()) };
}

/** A MessageStream being opened, whose acceptor is raw. */
async function openedTo(ends: Ends, options: Parameters<typeof openMessageStream>[3] = {}): Promise<{ raw: Recorder; opening: Promise<FramedStream> }> {
	const opening = openMessageStream(ends.near, OPEN, ends.init(), options);
	opening.catch(() => {});
	return { raw: new Recorder().accept(await ends.incoming()), opening };
}

const NAMES = new Map(Object.entries(FRAME).map(([name, kind]) => [kind as number, name]));

/** What came: names of frames, and events. */
function kinds(raw: Recorder): string {
	return raw.events.map((event) => (event.type === "frame" ? NAMES.get(event.kind) : event.type)).join(" ");
}

function ack(raw: Recorder, received: number): void {
	raw.write(FRAME.ACK, encodeAck(received, 262_144));
}

onEnds("RESUMABLE first; END after the messages; close waits for the acknowledgement; FIN right behind the ACK of the peer's END", async (ends) => {
	const { raw, stream } = await acceptedFrom(ends);
	await raw.framesOf(1);
	await stream.send("a");
	const closed = stream.close();
	await raw.framesOf(3);
	assert.equal(kinds(raw), "RESUMABLE DATA END");
	ack(raw, 2);
	await closed;
	raw.write(FRAME.DATA, new Uint8Array(1));
	raw.write(FRAME.END, EMPTY);
	await raw.first("end");
	assert.equal(kinds(raw), "RESUMABLE DATA END ACK end");
	assert.equal(decodeAck(raw.frames.at(-1)?.payload ?? EMPTY)?.received, 2);
	raw.stream.finish();
	assert.deepEqual(await stream.closed, { by: "local" });
});

onEnds("END is acknowledged on arrival, read or not, and FIN waits for this side's own END", async (ends) => {
	const { raw, stream } = await acceptedFrom(ends);
	raw.write(FRAME.DATA, new Uint8Array(1));
	raw.write(FRAME.END, EMPTY);
	await raw.framesOf(2);
	assert.equal(kinds(raw), "RESUMABLE ACK");
	assert.equal(stream.waitingMessages, 1);
	await stream.send("late");
	const closed = stream.close();
	await raw.first("end");
	assert.equal(kinds(raw), "RESUMABLE ACK DATA END end");
	ack(raw, 2);
	raw.stream.finish();
	await closed;
});

onEnds("close resolves when everything is in the peer's process, though nothing that comes is read here", async (ends) => {
	const { raw, stream } = await acceptedFrom(ends);
	for (let i = 0; i < 10; i++) raw.write(FRAME.DATA, new Uint8Array(20_000));
	const closed = stream.close();
	await raw.framesOf(2);
	ack(raw, 1);
	await closed;
	stream.stop();
	await until("it is told to stop", () => kinds(raw).includes("STOP"));
	raw.write(FRAME.RESET, encodeCode(0));
	raw.stream.finish();
	await stream.closed;
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

onEnds("after the peer's reset, or this side's stop, close waits for the acknowledgement all the same", async (ends) => {
	for (const how of ["reset", "stop"] as const) {
		const { raw, stream } = await acceptedFrom(ends);
		if (how === "reset") {
			raw.write(FRAME.RESET, encodeCode(9));
			await assert.rejects(stream.receive(), { code: "STREAM_RESET", closeCode: 9 });
		} else {
			stream.stop(9);
			raw.write(FRAME.RESET, encodeCode(0));
		}
		await stream.send("a");
		const closed = stream.close();
		await raw.first("end");
		let done = false;
		void closed.then(() => {
			done = true;
		});
		await new Promise((resolve) => setTimeout(resolve, 10));
		assert.equal(done, false);
		ack(raw, 2);
		await closed;
		raw.stream.finish();
		assert.deepEqual(await stream.closed, how === "reset" ? { by: "peer", code: "STREAM_RESET", closeCode: 9 } : { by: "local", closeCode: 9 });
	}
});

onEnds("STOP fails the sends that wait and is answered by RESET; what comes after this side's stop is dropped, and acknowledged", async (ends) => {
	const { raw, stream } = await acceptedFrom(ends);
	raw.write(FRAME.STOP, encodeCode(4));
	await until("RESET came", () => kinds(raw).includes("RESET"));
	await assert.rejects(stream.send("x"), { code: "STREAM_STOPPED", closeCode: 4 });
	stream.stop(5);
	raw.write(FRAME.DATA, new Uint8Array(10));
	raw.write(FRAME.RESET, encodeCode(0));
	ack(raw, 1);
	await raw.first("end");
	assert.equal(decodeAck(raw.frames.at(-1)?.payload ?? EMPTY)?.received, 2);
	raw.stream.finish();
	assert.deepEqual(await stream.closed, { by: "peer", code: "STREAM_STOPPED", closeCode: 4 });
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

onEnds("a reset or stop with a code that nobody knows ends the whole stream", async (ends) => {
	for (const code of [0, 0x1234, APPLICATION_CODE_BASE + 9]) {
		for (const how of ["reset", "stop"] as const) {
			const { raw, stream } = await acceptedFrom(ends);
			raw.stream[how](code);
			await assert.rejects(stream.receive(), (error: ConecError) => error.code === "STREAM_RESET" && error.closeCode === undefined);
			await assert.rejects(stream.send("x"), { code: "STREAM_RESET" });
			assert.deepEqual(await stream.closed, { by: "peer", code: "STREAM_RESET" });
		}
	}
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
		[FRAME.RESUMABLE],
		[FRAME.REJECT],
		[FRAME.OPEN],
		[FRAME.CONTROL],
		[FRAME.TAGGED],
		[FRAME.ACK],
		[FRAME.FROM],
		[FRAME.BLOCKED],
		[FRAME.STOP],
		[FRAME.RESET],
		[FRAME.END, FRAME.DATA],
		[FRAME.END, FRAME.END],
		[0x14],
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

onEnds("openStream waits for RESUMABLE", async (ends) => {
	const { raw, opening } = await openedTo(ends);
	let open = false;
	void opening.then(() => {
		open = true;
	});
	await new Promise((resolve) => setTimeout(resolve, 10));
	assert.equal(open, false);
	raw.write(FRAME.RESUMABLE, ANSWER);
	const stream = await opening;
	raw.write(FRAME.END, EMPTY);
	assert.equal(await stream.receive(), null);
	const closed = stream.close();
	await raw.first("end");
	assert.equal(kinds(raw), "ACK ACK END end");
	ack(raw, 1);
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

onEnds("a stop before the answer ends the stream when the answer is no rejection", async (ends) => {
	const { raw, opening } = await openedTo(ends);
	raw.stream.stop(RESET_CODES.PEER_LOST);
	await new Promise((resolve) => setTimeout(resolve, 10));
	raw.write(FRAME.RESUMABLE, ANSWER);
	const stream = await opening;
	await assert.rejects(stream.send("x"), { code: "PEER_LOST" });
});

onEnds("rejectStream answers REJECT and FIN, and reads nothing more", async (ends) => {
	const raw = new Recorder().open(ends.near, HEADER);
	raw.write(FRAME.DATA, new Uint8Array(100));
	rejectStream(await ends.incoming(), "PEER_BUSY", "64 streams wait");
	await raw.first("end");
	assert.equal(new TextDecoder().decode(raw.frames[0]?.payload), '{"code":"PEER_BUSY","message":"64 streams wait"}');
	assert.equal((await raw.first("stopped")).code, RESET_CODES.REJECTED);
	const opening = openMessageStream(ends.near, OPEN, ends.init());
	rejectStream(await ends.incoming(), "PEER_LOST");
	await assert.rejects(opening, { code: "PEER_LOST" });
	raw.stream.reset(0);
});

onEnds("any other answer, FIN or reset before the answer is an error of its own", async (ends) => {
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
	await assert.rejects(openMessageStream(ends.near, OPEN, ends.init(), { signal: AbortSignal.abort(reason) }), (error) => error === reason);
});

onEnds("early data goes before the answer; a rejection then ends the stream", async (ends) => {
	const { raw, opening } = await openedTo(ends, { early: true });
	const stream = await opening;
	await stream.send("early");
	const closed = stream.close();
	await raw.framesOf(2);
	assert.equal(kinds(raw), "DATA END");
	raw.write(FRAME.RESUMABLE, ANSWER);
	ack(raw, 2);
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
	const opening = openMessageStream(ends.near, OPEN, ends.init({ lostCode: "COORDINATOR_LOST" }));
	const stream = accept(await ends.incoming(), ends.init({ lostCode: "PEER_LOST" }));
	const opened = await opening;
	ends.farTransport.lose();
	await assert.rejects(opened.receive(), { code: "COORDINATOR_LOST" });
	await assert.rejects(stream.receive(), { code: "PEER_LOST" });
	await assert.rejects(openMessageStream(ends.near, OPEN, ends.init({ lostCode: "COORDINATOR_LOST" })), { code: "COORDINATOR_LOST" });
});

test("stream protocol: an answer that never comes is PEER_TIMEOUT after 10 s, early or not", async () => {
	const clock = createVirtualClock();
	const ends = await connectEnds({ clock, step: () => clock.advance(1) });
	const waiting = openMessageStream(ends.near, OPEN, ends.init());
	const early = await openMessageStream(ends.near, OPEN, ends.init(), { early: true });
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

onEnds("a reset after END changes nothing", async (ends) => {
	const { raw, stream } = await acceptedFrom(ends);
	const closed = stream.close();
	await raw.framesOf(2);
	stream.reset(9);
	ack(raw, 1);
	await closed;
	raw.write(FRAME.DATA, Uint8Array.of(7));
	raw.write(FRAME.END, EMPTY);
	assert.deepEqual(await stream.receive(), Uint8Array.of(7));
	assert.equal(await stream.receive(), null);
	raw.stream.finish();
	assert.deepEqual(await stream.closed, { by: "local" });
	assert.equal(raw.has("reset"), false);
});
