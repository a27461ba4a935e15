import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../testing/memory/virtual-clock.ts";
import { encodeFrame, FRAME } from "../wire/frames.ts";
import { TimedFrames } from "./timed-frames.ts";
import type { TransportConnection } from "./transport.ts";

/** `takes`: whether the handler consumes each frame at once. */
function setup(takes: boolean = true) {
	const clock = createVirtualClock();
	const heard: string[] = [];
	const written: string[] = [];
	let returned = 0;
	const frames = new TimedFrames(
		{
			frame: (kind, payload) => {
				heard.push(`${kind} ${Buffer.from(payload)}`);
				if (takes) stream.consumed(payload.length);
			},
			end: () => heard.push("end"),
			reset: (code) => heard.push(`reset ${code}`),
			stopped: (code) => heard.push(`stopped ${code}`),
			drained: () => heard.push("drained"),
			finished: () => heard.push("finished"),
			lost: ({ code }) => heard.push(`lost ${code}`),
		},
		10_000,
		clock,
	);
	const bytes = {
		queuedBytes: 7,
		write: (_kind: number, chunk: Uint8Array) => written.push(Buffer.from(chunk).toString("hex")),
		finish: () => written.push("fin"),
		reset: (code: number) => written.push(`reset ${code}`),
		stop: (code: number) => written.push(`stop ${code}`),
		consumed: (count: number) => {
			returned += count;
		},
	};
	const stream = frames.over(bytes, {} as TransportConnection);
	return { clock, frames, stream, heard, written, returned: () => returned, push: (chunk: Uint8Array) => frames.frame(0, chunk) };
}

const ping = encodeFrame(FRAME.CONTROL, Buffer.from("ping"));

test("timed frames: are put together from any pieces, skipped kinds without what is in them, and every byte is given back", () => {
	const { push, heard, clock, returned } = setup();
	for (const byte of ping) push(Uint8Array.of(byte));
	push(Buffer.concat([ping, encodeFrame(0x99, Buffer.from("what?")), ping.subarray(0, 5)]));
	push(ping.subarray(5));
	assert.deepEqual(heard, ["4 ping", "4 ping", "153 ", "4 ping"]);
	assert.equal(clock.pending, 0);
	assert.equal(returned(), 3 * ping.length + 9);
});

test("timed frames: one that is not complete in time ends the stream, however its bytes drip", async () => {
	const { push, heard, clock } = setup();
	push(ping);
	await clock.advance(60_000);
	assert.deepEqual(heard, ["4 ping"], "silence between frames is none of its business");
	for (let i = 0; i < 6; i++) {
		push(ping.subarray(i, i + 1));
		await clock.advance(1_900);
	}
	assert.deepEqual(heard, ["4 ping", "lost PEER_TIMEOUT"]);
	push(ping);
	assert.equal(heard.length, 2);
	assert.equal(clock.pending, 0);
});

test("timed frames: each frame has its own time", async () => {
	const { push, heard, clock } = setup();
	for (let i = 0; i < 5; i++) {
		push(i === 0 ? ping.subarray(0, 6) : Buffer.concat([ping.subarray(6), ping.subarray(0, 6)]));
		await clock.advance(9_000);
	}
	assert.equal(heard.length, 4);
	await clock.advance(1_000);
	assert.equal(heard.at(-1), "lost PEER_TIMEOUT");
});

test("timed frames: too long, unknown or cut short ends the stream at once", () => {
	for (const [chunk, code] of [
		[Uint8Array.of(FRAME.CONTROL, 0, 0x40, 1), "MESSAGE_TOO_LONG"],
		[Uint8Array.of(FRAME.DATA, 0xff, 0xff, 0xff), "MESSAGE_TOO_LONG"],
		[Uint8Array.of(0x20, 0, 0, 0), "FRAME_INVALID"],
	] as const) {
		const { push, heard, clock } = setup();
		push(chunk);
		assert.deepEqual(heard, [`lost ${code}`]);
		assert.equal(clock.pending, 0);
	}
	const { push, frames, heard, clock } = setup();
	push(ping.subarray(0, 3));
	frames.end();
	assert.deepEqual(heard, ["lost STREAM_TRUNCATED"]);
	assert.equal(clock.pending, 0);
});

test("timed frames: the rest passes through, and a timer does not outlive the stream", () => {
	const { push, frames, stream, heard, written, clock } = setup();
	stream.write(FRAME.CONTROL, Buffer.from("hi"));
	stream.finish();
	stream.reset(1);
	stream.stop(2);
	assert.deepEqual(written, ["040000026869", "fin", "reset 1", "stop 2"]);
	assert.equal(stream.queuedBytes, 7);
	frames.drained();
	frames.finished();
	frames.stopped(3);
	push(ping.subarray(0, 1));
	assert.equal(clock.pending, 1);
	frames.reset(4);
	assert.deepEqual(heard, ["drained", "finished", "stopped 3", "reset 4"]);
	assert.equal(clock.pending, 0);
});

test("timed frames: nothing is given back while a frame is not consumed, and the time of one that is begun counts from then on", async () => {
	const { push, stream, heard, clock, returned } = setup(false);
	push(Buffer.concat([ping, ping]));
	push(ping.subarray(0, 5));
	await clock.advance(60_000);
	stream.consumed(4);
	assert.deepEqual([returned(), heard], [0, ["4 ping", "4 ping"]], "this side does not read on, so nobody is late");
	stream.consumed(4);
	assert.equal(returned(), 2 * ping.length + 5);
	await clock.advance(9_999);
	push(ping.subarray(5, 6));
	assert.equal(returned(), 2 * ping.length + 6);
	await clock.advance(1);
	assert.deepEqual(heard, ["4 ping", "4 ping", "lost PEER_TIMEOUT"]);
});
