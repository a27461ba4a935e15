import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { LINE_LENGTH, linesOf } from "./lines.ts";

async function lines(...chunks: (string | Uint8Array)[]): Promise<string[]> {
	async function* source(): AsyncGenerator<Uint8Array, void, void> {
		for (const chunk of chunks) yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
	}
	const result: string[] = [];
	for await (const line of linesOf(source())) result.push(line);
	return result;
}

test("lines: ends of both kinds, empty lines, a last line without end", async () => {
	assert.deepEqual(await lines("a\nb\r\n\nc"), ["a", "b", "", "c"]);
	assert.deepEqual(await lines("a\n"), ["a"]);
	assert.deepEqual(await lines(), []);
});

test("lines: a character cut in two is put together", async () => {
	const bytes = Buffer.from("é🙂\n");
	assert.deepEqual(await lines(...[...bytes].map((byte) => Uint8Array.of(byte))), ["é🙂"]);
});

test("lines: a line without end comes in pieces", async () => {
	const pieces = await lines("x".repeat(LINE_LENGTH), "x".repeat(LINE_LENGTH), "y\nz");
	assert.deepEqual(
		pieces.map((piece) => piece.length),
		[LINE_LENGTH, LINE_LENGTH, 1, 1],
	);
});

test("lines: the same however the bytes are cut", async () => {
	await fc.assert(
		fc.asyncProperty(fc.array(fc.constantFrom("a", "é", "\n", "\r\n"), { maxLength: 30 }), fc.integer({ min: 1, max: 5 }), async (parts, size) => {
			const bytes = Buffer.from(parts.join(""));
			const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
			const expected = bytes.toString().split(/\r?\n/);
			if (expected.at(-1) === "") expected.pop();
			assert.deepEqual(await lines(...chunks), expected);
		}),
	);
});
