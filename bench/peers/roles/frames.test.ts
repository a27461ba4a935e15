import assert from "node:assert/strict";
import { test } from "node:test";
import { frame, Unframer } from "./frames.ts";

const messages = [0, 1, 3, 4, 5, 64, 255, 256, 70_000].map((size, index) => new Uint8Array(size).fill(index));
const stream = Buffer.concat(messages.map(frame));

for (const piece of [1, 2, 3, 4, 5, 7, 68, 1_000, stream.length]) {
	test(`frames: whole messages come out of pieces of ${piece} bytes`, () => {
		const came: Buffer[] = [];
		const frames = new Unframer((message) => came.push(Buffer.from(message)));
		for (let offset = 0; offset < stream.length; offset += piece) frames.push(stream.subarray(offset, offset + piece));
		assert.deepEqual(
			came,
			messages.map((message) => Buffer.from(message)),
		);
	});
}

test("frames: a message waits for its last byte", () => {
	let came = 0;
	const frames = new Unframer(() => came++);
	const framed = frame(new Uint8Array(10));
	frames.push(framed.subarray(0, 13));
	frames.push(new Uint8Array(0));
	assert.equal(came, 0);
	frames.push(framed.subarray(13));
	assert.equal(came, 1);
});
