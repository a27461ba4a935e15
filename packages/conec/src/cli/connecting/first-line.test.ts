import assert from "node:assert/strict";
import { PassThrough, type Readable } from "node:stream";
import { test } from "node:test";
import { firstLine } from "./first-line.ts";

async function rest(input: Readable): Promise<string> {
	const pieces: Buffer[] = [];
	for await (const piece of input) pieces.push(piece as Buffer);
	return Buffer.concat(pieces).toString();
}

for (const [pieces, line, left] of [
	[["a\nb\nc"], "a", "b\nc"],
	[["a", "b", "\n", "c"], "ab", "c"],
	[["\n", "b"], "", "b"],
	[["abc"], "abc", ""],
	[["a\n"], "a", ""],
	[["x".repeat(10), "\nrest"], "x".repeat(10), "rest"],
	[[], undefined, ""],
] as const) {
	test(`first line: of ${JSON.stringify(pieces)} it is ${JSON.stringify(line)}, and the rest is left`, async () => {
		const input = new PassThrough();
		const found = firstLine(input, 10);
		for (const piece of pieces) {
			input.write(piece);
			await new Promise((resolve) => setImmediate(resolve));
		}
		input.end();
		assert.equal(await found, line);
		assert.equal(await rest(input), left);
	});
}

test("first line: one that is too long, and an input that breaks or has ended, are none", async () => {
	const long = new PassThrough();
	long.write("x".repeat(11));
	assert.equal(await firstLine(long, 10), undefined);
	const broken = new PassThrough();
	const found = firstLine(broken, 10);
	broken.destroy(new Error("broken"));
	assert.equal(await found, undefined);
	assert.equal(await firstLine(broken, 10), undefined);
});
