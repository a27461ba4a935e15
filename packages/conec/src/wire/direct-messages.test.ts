import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type DirectHello, type DirectMessage, type DirectWelcome, decodeDirect, encodeDirect } from "./direct-messages.ts";
import { FRAME_BYTES } from "./frames.ts";

const TOKEN = "00112233445566778899aabbccddeeff";
const HELLO: DirectHello = {
	type: "hello",
	versions: [2],
	token: TOKEN,
	capabilities: ["x"],
	limits: { messageBytes: 1_048_576, metadataBytes: 1_024, connectionWindowBytes: 16_777_216 },
};
const WELCOME: DirectWelcome = {
	type: "welcome",
	version: 2,
	capabilities: [],
	limits: { messageBytes: 1_048_576, metadataBytes: 1_024, connectionWindowBytes: 16_777_216 },
};
const LIMITS_WRONG = [
	undefined,
	null,
	[],
	{},
	{ ...WELCOME.limits, messageBytes: 0 },
	{ ...WELCOME.limits, messageBytes: 2 ** 24 },
	{ ...WELCOME.limits, metadataBytes: -1 },
	{ ...WELCOME.limits, metadataBytes: 2_049 },
	{ ...WELCOME.limits, connectionWindowBytes: undefined },
	{ ...WELCOME.limits, connectionWindowBytes: 0 },
	{ ...WELCOME.limits, connectionWindowBytes: 65_535 },
	{ ...WELCOME.limits, connectionWindowBytes: 2 ** 53 },
];
const GOOD: readonly DirectMessage[] = [HELLO, WELCOME, { type: "ping", nonce: 0 }, { type: "pong", nonce: 2 ** 53 - 1 }, { type: "close", reason: "bye" }];

function decodeText(text: string): ReturnType<typeof decodeDirect> {
	return decodeDirect(new TextEncoder().encode(text));
}

function changed(base: object, changes: Record<string, unknown>): ReturnType<typeof decodeDirect> {
	return decodeText(JSON.stringify({ ...base, ...changes }));
}

test("direct messages: what is encoded is decoded; what it says of names is not looked at", () => {
	for (const message of GOOD) {
		assert.deepEqual(decodeDirect(encodeDirect(message)), { ok: true, value: message });
		assert.deepEqual(changed(message, { id: "mallory", from: "mallory", peer: "mallory" }), { ok: true, value: message });
	}
	assert.ok(encodeDirect({ type: "close", reason: "x".repeat(100_000) }).length < 400);
});

test("direct messages: one with any field missing, of another type, or out of bounds is refused", () => {
	const wrong: [DirectMessage, Record<string, unknown[]>][] = [
		[
			HELLO,
			{
				versions: [undefined, null, [], [0], ["1"], Array(17).fill(1)],
				token: [undefined, null, 7, "", TOKEN.slice(1), `${TOKEN}0`, TOKEN.toUpperCase()],
				capabilities: [null, "x", [""], Array(33).fill("a")],
				limits: LIMITS_WRONG,
			},
		],
		[
			WELCOME,
			{
				version: [undefined, null, 0, "1", 65_536],
				capabilities: [null, [1]],
				limits: LIMITS_WRONG,
			},
		],
		[{ type: "ping", nonce: 1 }, { nonce: [undefined, null, -1, 0.5, 2 ** 53, "1"] }],
		[{ type: "pong", nonce: 1 }, { nonce: [undefined, null, -1, 0.5, 2 ** 53, "1"] }],
		[{ type: "close", reason: "" }, { reason: [null, 7] }],
	];
	for (const [good, fields] of wrong) {
		for (const [field, values] of Object.entries(fields)) {
			for (const value of values) assert.equal(changed(good, { [field]: value }).ok, false, `${good.type} ${field}: ${JSON.stringify(value)?.slice(0, 60)}`);
		}
	}
});

test("direct messages: what belongs on the Coordinator's control stream is not known here", () => {
	for (const type of ["refused", "channel-request", "channel-go", "nat-test", "from-the-future", "constructor"]) {
		assert.deepEqual(decodeText(JSON.stringify({ type })), { ok: true, value: undefined });
	}
	for (const text of ["", "null", "[]", "7", "{", '{"type":1}', "{}", " ".repeat(FRAME_BYTES + 1)]) assert.equal(decodeText(text).ok, false, text.slice(0, 9));
});

test("direct messages: mutated ones give a value or one sentence, never an exception", () => {
	fc.assert(
		fc.property(fc.constantFrom(...GOOD), fc.nat(), fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { maxLength: 4 }), (sent, length, mutations) => {
			const bytes = encodeDirect(sent);
			for (const [place, value] of mutations) bytes[place % bytes.length] = value;
			const decoded = decodeDirect(bytes.subarray(0, length % (bytes.length + 1)));
			assert.ok(decoded.ok || decoded.error.startsWith("Control message"));
		}),
		{ numRuns: 2_000 },
	);
});
