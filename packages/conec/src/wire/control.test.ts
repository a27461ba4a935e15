import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { REFUSED_CODES, REJECT_CODES } from "./codes.ts";
import { type ControlMessage, decodeControl, encodeControl, type Hello, type Refused, type Welcome } from "./control.ts";
import { FRAME_BYTES } from "./frames.ts";

const HELLO: Hello = { type: "hello", versions: [2], id: "alice", key: "kept", limits: { connectionWindowBytes: 16_777_216 }, capabilities: [] };
const WELCOME: Welcome = {
	type: "welcome",
	version: 2,
	session: "s",
	epoch: "e",
	limits: { messageBytes: 1_048_576, metadataBytes: 1_024, streamsPerPair: 16, connectionWindowBytes: 16_777_216 },
	capabilities: ["broadcast"],
	observedAddress: { address: "192.0.2.7", port: 40_000 },
};
const REFUSED: Refused = { type: "refused", code: "ID_TAKEN", message: "in use", retryAfterMs: 1_000 };

const id = fc.constantFrom("alice", "a.b", "node-1.example");
const capabilities = fc.array(fc.stringMatching(/^[a-z0-9-]{1,64}$/), { maxLength: 32 });
const versions = fc.array(fc.integer({ min: 1, max: 65_535 }), { minLength: 1, maxLength: 16 });
const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const message: fc.Arbitrary<ControlMessage> = fc.oneof(
	fc.record({ type: fc.constant("hello" as const), versions, id, key: fc.constantFrom("kept" as const, "ephemeral" as const), capabilities }),
	fc.record({
		type: fc.constant("hello" as const),
		...{ versions, id, key: fc.constant("kept" as const), capabilities },
		limits: fc.record({ connectionWindowBytes: fc.integer({ min: 65_536, max: Number.MAX_SAFE_INTEGER }) }),
	}),
	fc.record({
		type: fc.constant("hello" as const),
		versions,
		id,
		key: fc.constant("kept" as const),
		capabilities,
		metadata: fc.constantFrom(null, 0, "x", ["a"], { b: { c: 1 } }),
	}),
	fc.record({
		type: fc.constant("welcome" as const),
		version: fc.integer({ min: 1, max: 65_535 }),
		session: fc.string({ minLength: 1, maxLength: 64 }),
		epoch: fc.string({ minLength: 1, maxLength: 64 }),
		limits: fc.record({
			messageBytes: fc.integer({ min: 1, max: 0xff_ffff }),
			metadataBytes: fc.nat({ max: 2_048 }),
			streamsPerPair: fc.integer({ min: 1, max: 65_536 }),
			connectionWindowBytes: fc.integer({ min: 65_536, max: Number.MAX_SAFE_INTEGER }),
		}),
		capabilities,
		observedAddress: fc.record({ address: fc.ipV4(), port: fc.nat({ max: 65_535 }) }),
		natTest: fc.record({ port: fc.integer({ min: 1, max: 65_535 }), key: fc.stringMatching(/^[0-9a-f]{32}$/) }, { noNullPrototype: true }),
	}),
	fc.record({ type: fc.constant("refused" as const), code: fc.constantFrom(...REFUSED_CODES) }),
	fc.record({
		type: fc.constant("refused" as const),
		code: fc.constantFrom(...REFUSED_CODES),
		message: fc.string({ maxLength: 256 }),
		versions,
		retryAfterMs: count,
	}),
	fc.record({ type: fc.constant("ping" as const), nonce: count }),
	fc.record({ type: fc.constant("pong" as const), nonce: count }),
	fc.record({ type: fc.constant("close" as const), reason: fc.string({ maxLength: 256 }) }),
	fc.record({ type: fc.constant("metadata" as const), request: count, metadata: fc.constantFrom(null, 0, "x", { b: [1] }) }),
	fc.record({ type: fc.constant("metadata" as const), request: count }),
	fc.record({ type: fc.constant("metadata-set" as const), request: count }),
	fc.record({
		type: fc.constant("metadata-refused" as const),
		request: count,
		code: fc.constantFrom(...REJECT_CODES),
		message: fc.string({ maxLength: 256 }),
		retryAfterMs: count,
	}),
);

function decodeText(text: string): ReturnType<typeof decodeControl> {
	return decodeControl(new TextEncoder().encode(text));
}

/** The message with fields changed; `undefined` leaves one out. */
function changed(base: object, changes: Record<string, unknown>): ReturnType<typeof decodeControl> {
	return decodeText(JSON.stringify({ ...base, ...changes }));
}

test("control: what is encoded is decoded", () => {
	fc.assert(
		fc.property(message, (sent) => {
			const decoded = decodeControl(encodeControl(sent));
			// fast-check also makes objects without a prototype.
			assert.deepEqual(decoded, {
				ok: true,
				value: {
					...sent,
					...("limits" in sent ? { limits: { ...sent.limits } } : {}),
					...("observedAddress" in sent ? { observedAddress: { ...sent.observedAddress } } : {}),
				},
			});
		}),
	);
});

test("control: truncated and mutated messages give a value or one sentence, never an exception", () => {
	fc.assert(
		fc.property(message, fc.nat(), fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 }), (sent, length, mutations) => {
			const bytes = encodeControl(sent);
			for (const [place, value] of mutations) {
				bytes[place % bytes.length] = value;
			}
			const decoded = decodeControl(bytes.subarray(0, length % (bytes.length + 1)));
			assert.ok(decoded.ok || decoded.error.startsWith("Control message"));
		}),
		{ numRuns: 3_000 },
	);
});

test("control: a hello with any field missing, of another type, or out of bounds is refused", () => {
	assert.equal(changed(HELLO, {}).ok, true);
	for (const [field, values] of Object.entries({
		type: [undefined, 7, "", "h".repeat(65), null],
		versions: [undefined, null, 1, "1", {}, [], [0], [-1], [65_536], [1.5], ["1"], Array(17).fill(1)],
		id: [undefined, null, 7, "", "Alice", "a".repeat(64), "xn--a", "1", [], "__proto__"],
		key: [undefined, null, 7, "", "Kept", "toString"],
		limits: [null, 7, "a", [], {}, { connectionWindowBytes: 65_535 }, { connectionWindowBytes: "65536" }, { connectionWindowBytes: 2 ** 53 }],
		capabilities: [null, 7, "a", {}, [1], [""], ["A"], ["a".repeat(65)], Array(33).fill("a")],
		metadata: ["x".repeat(1_023), { a: "x".repeat(1_024) }],
	})) {
		for (const value of values) {
			const decoded = changed(HELLO, { [field]: value });
			assert.equal(decoded.ok, false, `${field}: ${JSON.stringify(value)?.slice(0, 60)}`);
			assert.ok(!decoded.ok && decoded.error.includes(field === "type" ? "type" : field === "limits" ? "" : field), !decoded.ok ? decoded.error : "");
		}
	}
	assert.equal(changed(HELLO, { metadata: "x".repeat(1_022) }).ok, true);
	const { limits: _limits, ...older } = HELLO;
	assert.deepEqual(changed(HELLO, { limits: undefined }), { ok: true, value: older }, "older versions have none");
	assert.deepEqual(changed(HELLO, { capabilities: undefined }), { ok: true, value: HELLO });
	assert.deepEqual(changed(HELLO, { metadata: null }), { ok: true, value: { ...HELLO, metadata: null } });
	assert.equal(decodeControl(encodeControl({ ...HELLO, metadata: "xy" }), 3).ok, false, "the bound can be lower");
});

test("control: a welcome with any field missing, of another type, or out of bounds is refused", () => {
	assert.equal(changed(WELCOME, {}).ok, true);
	for (const [field, values] of Object.entries({
		version: [undefined, null, "1", 0, -1, 65_536, 1.5],
		session: [undefined, 7, "", "s".repeat(65)],
		epoch: [undefined, 7, "", "s".repeat(65)],
		limits: [
			undefined,
			null,
			[],
			7,
			{},
			{ ...WELCOME.limits, messageBytes: 0 },
			{ ...WELCOME.limits, messageBytes: 2 ** 24 },
			{ ...WELCOME.limits, metadataBytes: -1 },
			{ ...WELCOME.limits, metadataBytes: 2_049 },
			{ ...WELCOME.limits, streamsPerPair: "16" },
			{ ...WELCOME.limits, connectionWindowBytes: undefined },
			{ ...WELCOME.limits, connectionWindowBytes: 65_535 },
			{ ...WELCOME.limits, connectionWindowBytes: 2 ** 53 },
		],
		observedAddress: [
			undefined,
			null,
			[],
			{},
			{ address: "a" },
			{ address: "", port: 1 },
			{ address: "a", port: -1 },
			{ address: "a", port: 65_536 },
			{ address: "a".repeat(65), port: 1 },
		],
		capabilities: [null, [""]],
		natTest: [
			null,
			[],
			{},
			{ port: 1720 },
			{ key: "00112233445566778899aabbccddeeff" },
			{ port: 0, key: "00112233445566778899aabbccddeeff" },
			{ port: 1720, key: "00" },
			{ port: 1720, key: "g0112233445566778899aabbccddeeff" },
		],
	})) {
		for (const value of values) {
			assert.equal(changed(WELCOME, { [field]: value }).ok, false, `${field}: ${JSON.stringify(value)?.slice(0, 60)}`);
		}
	}
});

test("control: refused, ping, pong and close are checked the same", () => {
	assert.deepEqual(changed(REFUSED, {}), { ok: true, value: REFUSED });
	for (const [field, values] of Object.entries({
		code: [undefined, 7, "", "lower", "A".repeat(65)],
		message: [7, null, {}],
		versions: [[], 7, [0]],
		retryAfterMs: [-1, 1.5, "1", null, 1e300],
	})) {
		for (const value of values) {
			assert.equal(changed(REFUSED, { [field]: value }).ok, false, `${field}: ${JSON.stringify(value)}`);
		}
	}
	assert.deepEqual(changed(REFUSED, { code: "FROM_THE_FUTURE" }), { ok: true, value: { ...REFUSED, code: "PROTOCOL_ERROR" } });
	for (const type of ["ping", "pong"]) {
		assert.deepEqual(changed({ type, nonce: 0 }, {}), { ok: true, value: { type, nonce: 0 } });
		for (const nonce of [undefined, -1, 0.5, 2 ** 53, "1", null]) {
			assert.equal(changed({ type }, { nonce }).ok, false);
		}
	}
	assert.deepEqual(changed({ type: "close" }, {}), { ok: true, value: { type: "close", reason: "" } });
	assert.equal(changed({ type: "close" }, { reason: 7 }).ok, false);
});

test("control: text for people is cut, not refused", () => {
	assert.deepEqual(changed({ type: "close" }, { reason: "x".repeat(1_000) }), { ok: true, value: { type: "close", reason: "x".repeat(256) } });
	assert.ok(encodeControl({ type: "close", reason: "x".repeat(100_000) }).length < 400);
	assert.ok(encodeControl({ ...REFUSED, message: "x".repeat(100_000) }).length < 400);
});

test("control: unknown fields are ignored, also those that name something on a prototype", () => {
	assert.deepEqual(changed(HELLO, { future: { a: 1 }, toString: 1, constructor: 2 }), { ok: true, value: HELLO });
	const polluting = decodeText(`{"__proto__":{"id":"mallory"},${JSON.stringify(HELLO).slice(1)}`);
	assert.deepEqual(polluting, { ok: true, value: HELLO });
	const { id: _id, ...nameless } = HELLO;
	assert.equal(decodeText(`{"__proto__":{"id":"mallory"},${JSON.stringify(nameless).slice(1)}`).ok, false, "inherited is not said");
});

test("control: a type that is not known is told apart from what is wrong", () => {
	assert.deepEqual(decodeText('{"type":"from-the-future","x":1}'), { ok: true, value: undefined });
	assert.deepEqual(decodeText('{"type":"constructor"}'), { ok: true, value: undefined });
	for (const text of ["", "null", "[]", "7", "{", '{"type":1}', "{}"]) {
		assert.equal(decodeText(text).ok, false, text);
	}
});

test("control: more than 16 KiB is not even parsed", () => {
	const padding = " ".repeat(FRAME_BYTES);
	assert.equal(decodeText(`${JSON.stringify({ type: "ping", nonce: 1 })}${padding}`).ok, false);
	assert.equal(decodeText(JSON.stringify({ type: "ping", nonce: 1 }).padEnd(FRAME_BYTES)).ok, true);
});
