import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { CONTROL_BYTES, decodeTransfer, encodeTransfer, FILE_PROBLEMS, KINDS, type TransferMessage } from "./protocol.ts";

const count = fc.nat({ max: Number.MAX_SAFE_INTEGER });
const text = fc.string({ unit: "grapheme", maxLength: 50 });
const words = text.filter((value) => value !== "");
const hash = fc.stringMatching(/^[0-9a-f]{64}$/);
const nothing = fc.constant(undefined);
const problem = fc.constantFrom(...FILE_PROBLEMS);

test("transfer protocol: what is encoded is decoded", () => {
	const message: fc.Arbitrary<Exclude<TransferMessage, { type: "content" }>> = fc.oneof(
		fc.record({ type: fc.constant("file" as const), index: count, name: text, size: count, mode: fc.nat({ max: 0o777 }), mtimeMs: fc.integer() }),
		fc.record({
			type: fc.constant("file" as const),
			index: count,
			name: text,
			size: fc.constant(undefined),
			mode: fc.constant(undefined),
			mtimeMs: fc.double({ min: -8.64e15, max: 8.64e15, noNaN: true }).map((time) => time + 0),
		}),
		fc.record({ type: fc.constant("directory" as const), index: count, name: text, mode: fc.nat({ max: 0o777 }), mtimeMs: fc.integer() }),
		fc.record({ type: fc.constant("leave" as const) }),
		fc.record({ type: fc.constant("verify" as const), size: count, sha256: fc.stringMatching(/^[0-9a-f]{64}$/) }),
		fc.record({ type: fc.constant("abandon" as const), problem, detail: text }),
		fc.record({ type: fc.constant("skipped" as const), name: text, problem, detail: text }),
		fc.record({ type: fc.constant("verdict" as const), index: count, problem, detail: text }),
		fc.record({ type: fc.constant("verdict" as const), index: count }),
		fc.record({
			type: fc.constant("file" as const),
			index: count,
			name: text,
			size: count,
			mode: nothing,
			mtimeMs: nothing,
			resume: fc.constant(true as const),
		}),
		fc.record({ type: fc.constant("kept" as const), index: count, offset: count }),
		fc.record({ type: fc.constant("kept" as const), index: count, offset: count, sha256: hash, detail: words }),
		fc.record({ type: fc.constant("kept" as const), index: count, offset: count, same: fc.constant(true as const) }),
		fc.record({ type: fc.constant("from" as const), offset: count }),
		fc.record({ type: fc.constant("from" as const), offset: count, sha256: hash, detail: words }),
	);
	fc.assert(fc.property(message, (value) => assert.deepEqual(decodeTransfer(encodeTransfer(value)), { ok: true, message: { ...value } })));
});

test("transfer protocol: content keeps its bytes, also none", () => {
	assert.deepEqual(decodeTransfer(Uint8Array.of(KINDS.content, 1, 2, 255)), { ok: true, message: { type: "content", data: Uint8Array.of(1, 2, 255) } });
	assert.deepEqual(decodeTransfer(Uint8Array.of(KINDS.content)), { ok: true, message: { type: "content", data: new Uint8Array(0) } });
});

test("transfer protocol: any bytes decode or give a reason, never an exception", () => {
	const kinds = fc.constantFrom(...Object.values(KINDS), 0, 0x7f);
	fc.assert(
		fc.property(
			kinds,
			fc.oneof(
				fc.uint8Array({ maxLength: 60 }),
				fc.json().map((json) => new TextEncoder().encode(json)),
			),
			(kind, body) => {
				const decoded = decodeTransfer(Uint8Array.of(kind, ...body));
				assert.equal(typeof decoded.ok, "boolean");
			},
		),
	);
});

function raw(kind: number, body: unknown): Uint8Array {
	return Uint8Array.of(kind, ...new TextEncoder().encode(JSON.stringify(body)));
}

const WRONG: readonly (readonly [what: string, message: Uint8Array, reason: RegExp])[] = [
	["an empty message", new Uint8Array(0), /empty/],
	["an unknown kind", raw(0x7f, {}), /unknown kind 0x7f/],
	["JSON that is no object", raw(KINDS.file, [1]), /not a JSON object/],
	["bytes that are no UTF-8", Uint8Array.of(KINDS.file, 0x22, 0xff, 0x22), /not a JSON object/],
	["a control message that is too long", new Uint8Array(CONTROL_BYTES + 1).fill(KINDS.file), /too long/],
	["FILE without a name", raw(KINDS.file, { index: 0, size: 1 }), /name/],
	["FILE with a negative size", raw(KINDS.file, { index: 0, name: "a", size: -1 }), /size/],
	["FILE with a size that is no integer", raw(KINDS.file, { index: 0, name: "a", size: 1.5 }), /size/],
	["FILE with a size past 2^53", raw(KINDS.file, { index: 0, name: "a", size: 2 ** 53 }), /size/],
	["FILE with setuid", raw(KINDS.file, { index: 0, name: "a", size: 1, mode: 0o4755 }), /mode/],
	["DIRECTORY without a name", raw(KINDS.directory, { index: 0 }), /DIRECTORY without a name/],
	["DIRECTORY without an index", raw(KINDS.directory, { name: "a" }), /DIRECTORY without an index/],
	["DIRECTORY with the sticky bit", raw(KINDS.directory, { index: 0, name: "a", mode: 0o1777 }), /mode/],
	["LEAVE that is not a JSON object", Uint8Array.of(KINDS.leave), /not a JSON object/],
	["VERIFY without a size", raw(KINDS.verify, { sha256: "0".repeat(64) }), /size/],
	["VERIFY with a short hash", raw(KINDS.verify, { size: 0, sha256: "ab" }), /SHA-256/],
	["FILE that may go on, without a size", raw(KINDS.file, { index: 0, name: "a", resume: true }), /without a size/],
	["KEPT without an index", raw(KINDS.kept, { offset: 0 }), /index/],
	["KEPT with a negative offset", raw(KINDS.kept, { index: 0, offset: -1 }), /offset/],
	["KEPT with an offset past 2^53", raw(KINDS.kept, { index: 0, offset: 2 ** 53 }), /offset/],
	["KEPT with a short hash", raw(KINDS.kept, { index: 0, offset: 1, sha256: "ab" }), /SHA-256/],
	["FROM without an offset", raw(KINDS.from, {}), /offset/],
	["FROM with an offset that is no integer", raw(KINDS.from, { offset: 0.5 }), /offset/],
	["FROM with a hash that is none", raw(KINDS.from, { offset: 0, sha256: 7 }), /SHA-256/],
	["VERDICT without an index", raw(KINDS.verdict, {}), /index/],
];

for (const [what, message, reason] of WRONG) {
	test(`transfer protocol: refuses ${what}`, () => {
		const decoded = decodeTransfer(message);
		assert.match(decoded.ok ? "" : decoded.reason, reason);
	});
}

test("transfer protocol: an unknown problem counts as FAILED", () => {
	const decoded = decodeTransfer(raw(KINDS.verdict, { index: 3, problem: "SOLAR_FLARE", detail: 7 }));
	assert.deepEqual(decoded, { ok: true, message: { type: "verdict", index: 3, problem: "FAILED", detail: "" } });
});

test("transfer protocol: a time that no date can have is left out, and the file stays", () => {
	for (const time of ["1e300", "-1e300", "8640000000000001", "-8640000000000001", "null", '"yesterday"', "[]", "{}", "true", "1e999"]) {
		const body = new TextEncoder().encode(`{"index":0,"name":"a","mtimeMs":${time}}`);
		const decoded = decodeTransfer(Uint8Array.of(KINDS.file, ...body));
		assert.deepEqual(decoded, { ok: true, message: { type: "file", index: 0, name: "a", size: undefined, mode: undefined, mtimeMs: undefined } }, time);
	}
});

test("transfer protocol: times before 1970, at the ends of the range and between milliseconds are kept", () => {
	for (const mtimeMs of [-1, -0.5, 0, 0.25, -8.64e15, 8.64e15]) {
		const decoded = decodeTransfer(raw(KINDS.directory, { index: 0, name: "a", mtimeMs }));
		assert.equal(decoded.ok && decoded.message.type === "directory" && decoded.message.mtimeMs, mtimeMs);
	}
});
