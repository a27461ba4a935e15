/**
 * Frames that go ahead of those that wait, for the compliance suite.
 *
 * @module
 */

import assert from "node:assert/strict";
import { seededRandom } from "../../src/base/random.ts";
import type { Frame } from "../../src/transport/transport.ts";
import { FRAME, FRAME_HEADER_BYTES } from "../../src/wire/frames.ts";
import { fill, MESSAGE_BYTES, type OnPair, OPEN, openedPair, pattern } from "./suite-fixture.ts";
import { Recorder, until } from "./suite-recorder.ts";

/** The kind of the urgent frames in these tests: one that may be unknown. */
const URGENT = 0x91;
/** Length of the frames that `fill` writes. */
const FILLED_BYTES = 16 * 1_024 + FRAME_HEADER_BYTES;
const MIB = 1_024 * 1_024;

/** Where the urgent frames are among all frames. */
function placesOf(frames: readonly Frame[]): number[] {
	return frames.flatMap(({ kind }, place) => (kind === URGENT ? [place] : []));
}

/** Registers the tests. */
export function urgentSuite(onPair: OnPair): void {
	onPair("urgent frames go ahead of all that wait, in order among themselves, in both directions", async (pair, { windowBytes }) => {
		for (const direction of ["forward", "backward"] as const) {
			const opener = new Recorder({ hold: direction === "backward" });
			const { acceptor } = await openedPair(pair, { opener, hold: direction === "forward" });
			const [writer, reader] = direction === "forward" ? [opener, acceptor] : [acceptor, opener];
			const writtenBytes = await fill(writer, windowBytes);
			const queuedBytes = writer.stream.queuedBytes;
			const scratch = pattern(20, 1);
			const queued = [writer.stream.writeUrgent(URGENT, scratch), writer.stream.writeUrgent(URGENT, pattern(30, 2))];
			scratch.fill(0xee); // a copy has been queued
			assert.deepEqual(queued, [queuedBytes + 24, queuedBytes + 58]);
			assert.equal(writer.write(FRAME.DATA, pattern(1)), queuedBytes + 63);
			reader.release();
			const frames = await reader.framesOf(writtenBytes / (16 * 1_024) + 3);
			const places = placesOf(frames);
			assert.deepEqual([...(frames[places[0] ?? -1]?.payload ?? [])], [...pattern(20, 1)]);
			assert.deepEqual([...(frames[places[1] ?? -1]?.payload ?? [])], [...pattern(30, 2)]);
			assert.equal(places[1], (places[0] ?? 0) + 1);
			// All frames that waited, except one that may have been begun, and the last one.
			assert.equal(frames.length - 1 - (places[1] ?? 0), Math.floor(queuedBytes / FILLED_BYTES) + 1);
			opener.stream.reset(0);
			acceptor.stream.reset(0);
		}
	});

	onPair("what goes aside arrives by itself, and in order with what does not", async (pair) => {
		const opener = new Recorder();
		const { acceptor } = await openedPair(pair, { opener });
		opener.stream.writeUrgent(URGENT, pattern(4, 0), true);
		const [alone] = await acceptor.framesOf(1);
		assert.deepEqual([...(alone?.payload ?? [])], [...pattern(4, 0)]);
		// In one turn: little that is sent at its end, and what goes aside before and behind it.
		for (let seed = 1; seed < 7; seed++) opener.stream.writeUrgent(URGENT, pattern(4, seed), seed % 3 !== 0);
		const frames = await acceptor.framesOf(7);
		frames.forEach(({ payload }, seed) => {
			assert.deepEqual([...payload], [...pattern(4, seed)]);
		});
		opener.stream.reset(0);
		acceptor.stream.reset(0);
	});

	onPair("an urgent frame waits for the end of a long one that has begun, and for no other", async (pair) => {
		const options = { messageBytes: MIB, highWaterBytes: MIB };
		const opener = new Recorder().open(pair.near, OPEN, options);
		const acceptor = new Recorder({ hold: true }).accept(await pair.incoming(), options);
		for (let seed = 0; seed < 4; seed++) opener.write(FRAME.DATA, pattern(MIB, seed));
		let queuedBytes = -1;
		for (let looks = 0; looks < 40; looks++) {
			if (queuedBytes !== opener.stream.queuedBytes) looks = 0;
			queuedBytes = opener.stream.queuedBytes;
			await new Promise((resolve) => setTimeout(resolve, 10));
		}
		assert.ok(queuedBytes > 0, "the window holds all of it");
		opener.stream.writeUrgent(URGENT, pattern(5));
		acceptor.release();
		const frames = await acceptor.framesOf(5);
		const whole = Math.floor(queuedBytes / (MIB + FRAME_HEADER_BYTES));
		assert.deepEqual(placesOf(frames), [4 - whole]);
		frames
			.filter(({ kind }) => kind === FRAME.DATA)
			.forEach(({ payload }, seed) => {
				assert.ok(Buffer.from(payload).equals(pattern(MIB, seed)), `message ${seed}`);
			});
	});

	onPair("each lane keeps its order, however they are mixed", async (pair) => {
		const random = seededRandom(7);
		const below = (count: number): number => Math.floor(random.fraction() * count);
		const { opener, acceptor } = await openedPair(pair);
		const written = { [FRAME.DATA]: 0, [URGENT]: 0 } as Record<number, number>;
		for (let i = 0; i < 3_000; i++) {
			const urgent = below(4) === 0;
			const kind = urgent ? URGENT : FRAME.DATA;
			const number = written[kind] as number;
			written[kind] = number + 1;
			const payload = new Uint8Array(4 + (urgent ? below(20) : ([0, 100, 3_000, 20_000][below(4)] as number))).fill(number & 0xff);
			new DataView(payload.buffer).setUint32(0, number);
			if (urgent) opener.stream.writeUrgent(kind, payload);
			else opener.write(kind, payload);
			if (below(50) === 0) await new Promise((resolve) => setImmediate(resolve));
			if (opener.stream.queuedBytes > MIB) await until("there is room", () => opener.stream.queuedBytes < MIB / 2);
		}
		const frames = await acceptor.framesOf(3_000);
		const seen = { [FRAME.DATA]: 0, [URGENT]: 0 } as Record<number, number>;
		for (const { kind, payload } of frames) {
			const number = new DataView(payload.buffer, payload.byteOffset).getUint32(0);
			assert.equal(number, seen[kind]);
			assert.ok(payload.subarray(4).every((byte) => byte === (number & 0xff)));
			seen[kind] = number + 1;
		}
		assert.deepEqual(seen, written);
	});

	onPair("the header stays the first frame, and FIN comes behind urgent frames and all others", async (pair) => {
		const opener = new Recorder().open(pair.near, OPEN, { messageBytes: MESSAGE_BYTES });
		opener.stream.writeUrgent(URGENT, pattern(3));
		for (let seed = 0; seed < 30; seed++) opener.write(FRAME.DATA, pattern(MESSAGE_BYTES, seed));
		opener.stream.writeUrgent(URGENT, pattern(4));
		opener.stream.finish();
		assert.equal(opener.stream.writeUrgent(URGENT, pattern(5)), -1);
		const incoming = await pair.incoming();
		assert.deepEqual([incoming.header.kind, [...incoming.header.payload]], [OPEN.kind, [...OPEN.payload]]);
		const acceptor = new Recorder().accept(incoming, { messageBytes: MESSAGE_BYTES });
		await acceptor.first("end");
		assert.equal(acceptor.frames.length, 32);
		const lengths = acceptor.frames.filter(({ kind }) => kind === URGENT).map(({ payload }) => payload.length);
		assert.deepEqual(lengths, [3, 4]);
		await opener.first("finished");
	});

	onPair("a reset drops urgent frames that wait, too", async (pair, { windowBytes }) => {
		const { opener, acceptor } = await openedPair(pair, { hold: true });
		await fill(opener, windowBytes);
		opener.stream.writeUrgent(URGENT, pattern(9));
		opener.stream.reset(0x03);
		assert.equal(opener.stream.queuedBytes, 0);
		assert.equal(opener.stream.writeUrgent(URGENT, pattern(9)), -1);
		assert.equal((await acceptor.first("reset")).code, 0x03);
		acceptor.release();
		assert.deepEqual(placesOf(acceptor.frames), []);
	});

	onPair("urgent frames count towards the high-water mark, and `drained` follows", async (pair, { windowBytes }) => {
		const opener = new Recorder().open(pair.near, OPEN, { highWaterBytes: MIB });
		const acceptor = new Recorder({ hold: true }).accept(await pair.incoming(), { messageBytes: MESSAGE_BYTES });
		await fill(opener, windowBytes);
		while (opener.stream.queuedBytes < MIB) opener.stream.writeUrgent(URGENT, pattern(16 * 1_024));
		assert.equal(opener.has("drained"), false);
		acceptor.release();
		await opener.first("drained");
	});
}
