import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../base/random.ts";
import { HeldFrames } from "./held-frames.ts";

test("held frames: come out as they went in, in any order of both, and nothing is left of them", () => {
	const random = seededRandom(7);
	const below = (most: number): number => Math.floor(random.fraction() * most);
	const held = new HeldFrames();
	const expected: [number, string][] = [];
	for (let i = 0; i < 5_000; i++) {
		if (expected.length > 0 && below(2) === 0) {
			const [kind, text] = expected.shift() as [number, string];
			assert.equal(held.firstLength, text.length);
			held.shift((...frame) => assert.deepEqual([frame[0], Buffer.from(frame[1]).toString()], [kind, text]));
		} else {
			const frame: [number, string] = [below(256), "x".repeat(below(100) === 0 ? 16_384 : below(40))];
			expected.push(frame);
			held.push(frame[0], Buffer.from(frame[1]));
		}
		assert.equal(held.isEmpty, expected.length === 0);
	}
	held.clear();
	assert.equal(held.isEmpty, true);
});

test("held frames: what is held is a copy, and one that pushes while it is given a frame changes nothing of that", () => {
	const held = new HeldFrames();
	const own = Buffer.from("abc");
	held.push(4, own);
	own.fill(0);
	held.shift((_, payload) => {
		held.push(4, Buffer.from("zzz"));
		assert.equal(Buffer.from(payload).toString(), "abc");
	});
	assert.equal(held.firstLength, 3);
});
