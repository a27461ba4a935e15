import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { encodeFrame, FRAME, FRAME_BYTES, FrameDecoder, type FrameEvent, isKnownKind, isSkippedKind, maxPayloadBytes } from "./frames.ts";

const MESSAGE_BYTES = 70_000;

const frame = fc.record({
	kind: fc.oneof(fc.constantFrom(...Object.values(FRAME)), fc.integer({ min: 0x80, max: 0xff })),
	payload: fc.uint8Array({ maxLength: 300 }),
});

function decode(pieces: Iterable<Uint8Array>): { events: FrameEvent[]; decoder: FrameDecoder } {
	const decoder = new FrameDecoder({ messageBytes: MESSAGE_BYTES });
	const events: FrameEvent[] = [];
	for (const piece of pieces) {
		events.push(...decoder.push(piece));
	}
	return { events, decoder };
}

function expected(frames: readonly { kind: number; payload: Uint8Array }[]): FrameEvent[] {
	return frames.map(({ kind, payload }) => (isKnownKind(kind) ? { type: "frame", kind, payload } : { type: "skipped", kind, length: payload.length }));
}

function concatenate(frames: readonly { kind: number; payload: Uint8Array }[]): Uint8Array {
	return new Uint8Array(Buffer.concat(frames.map(({ kind, payload }) => encodeFrame(kind, payload))));
}

/** Cuts bytes at the given places. */
function cut(bytes: Uint8Array, places: readonly number[]): Uint8Array[] {
	const at = [...new Set(places.map((place) => (bytes.length === 0 ? 0 : place % bytes.length)))].sort((a, b) => a - b);
	return [0, ...at].map((start, index) => bytes.subarray(start, at[index] ?? bytes.length));
}

test("frames: what is encoded is decoded, however the bytes are cut", () => {
	fc.assert(
		fc.property(fc.array(frame, { maxLength: 20 }), fc.array(fc.nat(), { maxLength: 40 }), (frames, places) => {
			const { events, decoder } = decode(cut(concatenate(frames), places));
			assert.deepEqual(events, expected(frames));
			assert.equal(decoder.atBoundary, true);
			assert.equal(decoder.heldBytes, 0);
		}),
	);
});

test("frames: byte by byte gives the same, and holds what has come and no more", () => {
	const bytes = encodeFrame(FRAME.DATA, new Uint8Array(5_000).fill(3));
	const decoder = new FrameDecoder({ messageBytes: MESSAGE_BYTES });
	for (const [index, byte] of bytes.entries()) {
		const events = decoder.push(Uint8Array.of(byte));
		assert.equal(events.length, index === bytes.length - 1 ? 1 : 0);
		assert.ok(decoder.heldBytes <= index + 1);
	}
});

test("frames: a stream cut short is seen to be, wherever it is cut", () => {
	fc.assert(
		fc.property(frame, fc.nat(), ({ kind, payload }, place) => {
			const bytes = encodeFrame(kind, payload);
			const { events, decoder } = decode([bytes.subarray(0, 1 + (place % (bytes.length - 1)))]);
			assert.deepEqual(events, []);
			assert.equal(decoder.atBoundary, false);
		}),
	);
});

test("frames: mutated bytes give events or one error, never an exception, and never hold more than came", () => {
	fc.assert(
		fc.property(
			fc.array(frame, { minLength: 1, maxLength: 10 }),
			fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 8 }),
			(frames, mutations) => {
				const bytes = concatenate(frames);
				for (const [place, value] of mutations) {
					bytes[place % bytes.length] = value;
				}
				const { events, decoder } = decode(cut(bytes, [7, 100, 333]));
				const error = events.findIndex((event) => event.type === "error");
				assert.ok(error === -1 || error === events.length - 1);
				assert.ok(decoder.heldBytes <= bytes.length);
			},
		),
		{ numRuns: 2_000 },
	);
});

test("frames: random bytes never throw", () => {
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 2_000 }), (bytes) => {
			decode([bytes]);
		}),
		{ numRuns: 2_000 },
	);
});

test("frames: zero, the limit and one more, for each kind", () => {
	for (const kind of [...Object.values(FRAME), 0x80, 0xff]) {
		const max = maxPayloadBytes(kind, MESSAGE_BYTES);
		assert.equal(max, kind === FRAME.DATA || kind === FRAME.TAGGED ? MESSAGE_BYTES : FRAME_BYTES);
		for (const length of [0, max]) {
			const { events } = decode([encodeFrame(kind, new Uint8Array(length))]);
			assert.deepEqual(events, expected([{ kind, payload: new Uint8Array(length) }]));
		}
		// The four header bytes are enough to be refused, and nothing is held for what they declare.
		const { events, decoder } = decode([encodeFrame(kind, new Uint8Array(max + 1)).subarray(0, 4)]);
		assert.equal(events.length, 1);
		assert.equal(events[0]?.type === "error" && events[0].code, "MESSAGE_TOO_LONG");
		assert.ok(decoder.heldBytes <= 4);
		assert.deepEqual(decoder.push(encodeFrame(FRAME.DATA, new Uint8Array(1))), [], "nothing follows an error");
	}
});

test("frames: kinds that are not known end the stream below 0x80", () => {
	const known = new Set<number>(Object.values(FRAME));
	assert.ok([...known].every(isKnownKind));
	for (let kind = 0x08; kind < 0x80; kind++) {
		if (known.has(kind)) continue;
		assert.equal(isKnownKind(kind) || isSkippedKind(kind), false);
		const { events } = decode([encodeFrame(kind, new Uint8Array(0))]);
		assert.equal(events[0]?.type === "error" && events[0].code, "FRAME_INVALID");
	}
});

test("frames: a payload is the caller's own", () => {
	const bytes = encodeFrame(FRAME.DATA, Uint8Array.of(1, 2, 3));
	const { events } = decode([bytes]);
	bytes.fill(0);
	assert.deepEqual(events, [{ type: "frame", kind: FRAME.DATA, payload: Uint8Array.of(1, 2, 3) }]);
});
