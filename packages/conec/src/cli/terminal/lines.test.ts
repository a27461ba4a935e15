import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type InputLine, LINE_BYTES, linesOf, tooLongText } from "./lines.ts";

async function items(...chunks: (string | Uint8Array)[]): Promise<InputLine[]> {
	async function* source(): AsyncGenerator<Uint8Array, void, void> {
		for (const chunk of chunks) yield typeof chunk === "string" ? Buffer.from(chunk) : chunk;
	}
	const result: InputLine[] = [];
	for await (const line of linesOf(source())) result.push(line);
	return result;
}

async function lines(...chunks: (string | Uint8Array)[]): Promise<string[]> {
	return (await items(...chunks)).map((line) => (line.type === "line" ? Buffer.from(line.bytes).toString("latin1") : `${line.number}: ${line.length}`));
}

const latin1 = (text: string): Buffer => Buffer.from(text, "latin1");

test("lines: ends of both kinds, empty lines, a last line without end", async () => {
	assert.deepEqual(await lines("a\nb\r\n\nc"), ["a", "b", "", "c"]);
	assert.deepEqual(await lines("a\n"), ["a"]);
	assert.deepEqual(await lines("\n"), [""]);
	assert.deepEqual(await lines(), []);
	assert.deepEqual(await lines("a\r"), ["a\r"], "a return without a newline is no end");
});

test("lines: bytes stay as they are, text or not", async () => {
	const all = Buffer.from(Array.from({ length: 256 }, (_, byte) => byte).filter((byte) => byte !== 0x0a));
	assert.deepEqual(await lines(all, "\n", Uint8Array.of(0xff, 0x00, 0xc3)), [all.toString("latin1"), "\xff\0\xc3"]);
});

test("lines: the longest line is one, and a longer one is refused whole, however it comes", async () => {
	const longest = "x".repeat(LINE_BYTES);
	assert.deepEqual(await lines(`${longest}\n`), [longest]);
	assert.deepEqual(await lines(`${longest}\r\n`), [longest]);
	assert.deepEqual(await lines(longest), [longest]);
	const over = String(LINE_BYTES + 1);
	assert.deepEqual(await lines(`a\n${longest}x\nb`), ["a", `2: ${over}`, "b"]);
	assert.deepEqual(await lines(longest, "x"), [`1: ${over}`]);
	assert.deepEqual(await lines(longest, "x", "\n", "z\n"), [`1: ${over}`, "z"]);
	assert.deepEqual(await lines(longest, longest, longest, "\n", longest), [`1: ${3 * LINE_BYTES}`, longest]);
});

test("lines: a source that uses its memory again does no harm", async () => {
	const memory = Buffer.from("ab");
	async function* source(): AsyncGenerator<Uint8Array, void, void> {
		yield memory;
		memory.write("cd");
		yield memory;
	}
	const result: InputLine[] = [];
	for await (const line of linesOf(source())) result.push(line);
	assert.deepEqual(result, [{ type: "line", bytes: Buffer.from("abcd") }]);
});

test("lines: the same however the bytes are cut", async () => {
	await fc.assert(
		fc.asyncProperty(fc.array(fc.constantFrom("a", "é", "\xff", "\n", "\r\n"), { maxLength: 30 }), fc.integer({ min: 1, max: 5 }), async (parts, size) => {
			const bytes = latin1(parts.join(""));
			const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, index) => bytes.subarray(index * size, (index + 1) * size));
			const expected = bytes.toString("latin1").split(/\r?\n/);
			if (expected.at(-1) === "") expected.pop();
			assert.deepEqual(await lines(...chunks), expected);
		}),
	);
});

test("lines: what is told of one that is too long says which, how long it is, and what to do", () => {
	const { message, hint } = tooLongText({ type: "too-long", number: 3, length: 70_000 });
	assert.equal(message, "Line 3 was not sent: it has 70,000 bytes, and a line can have 65,536");
	assert.match(hint, /conec pipe/);
});
