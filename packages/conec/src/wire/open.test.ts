import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { REJECT_CODES } from "./codes.ts";
import { FRAME_BYTES } from "./frames.ts";
import { decodeOpenDirect, decodeOpenFromCoordinator, decodeOpenToCoordinator, decodeReject, encodeOpen, encodeReject, sharedPriority } from "./open.ts";

const TOKEN = "00112233445566778899aabbccddeeff";
const KEY = `sha256:${"0f".repeat(32)}`;
const text = (json: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(json));
const header = fc.oneof(
	fc.record({ id: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }) }),
	fc.record({ id: fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER }), metadata: fc.constantFrom(null, 0, "x", ["a"], { b: { c: 1 } }) }),
	fc.record({ id: fc.nat(), priority: fc.integer({ min: -100, max: 100 }) }),
	fc.record({ id: fc.nat(), protocol: fc.constantFrom("a", "chat/1", "x".repeat(64)) }),
	fc.record({ id: fc.nat(), resume: fc.record({ limit: fc.maxSafeNat(), messageBytes: fc.nat() }) }),
	fc.record({
		id: fc.nat(),
		metadata: fc.constant(7),
		resume: fc.record({ limit: fc.nat(), messageBytes: fc.nat(), token: fc.constant(TOKEN), forMs: fc.integer({ min: 1, max: 0xffff_ffff }) }),
	}),
	fc.record({
		id: fc.nat(),
		resume: fc.record({ token: fc.constant(TOKEN), generation: fc.integer({ min: 1, max: 0xffff_ffff }), received: fc.maxSafeNat(), limit: fc.maxSafeNat() }),
	}),
);

test("open: what is encoded is decoded, each header by its own decoder", () => {
	fc.assert(
		fc.property(header, fc.constantFrom("bob", "a.b"), (made, peer) => {
			const open = structuredClone(made);
			assert.deepEqual(decodeOpenDirect(encodeOpen(open)), { ok: true, value: open });
			assert.deepEqual(decodeOpenToCoordinator(encodeOpen(open)), { ok: true, value: open });
			assert.deepEqual(decodeOpenFromCoordinator(encodeOpen(open)), { ok: true, value: open });
			assert.deepEqual(decodeOpenToCoordinator(encodeOpen({ to: peer, ...open })), { ok: true, value: { to: peer, ...open } });
			assert.deepEqual(decodeOpenFromCoordinator(encodeOpen({ from: peer, ...open })), { ok: true, value: { from: peer, ...open } });
		}),
	);
});

test("open: a header says nothing of who sends it", () => {
	assert.deepEqual(decodeOpenDirect(text({ id: 1, from: "mallory", peer: "mallory" })), { ok: true, value: { id: 1 } });
	assert.deepEqual(decodeOpenToCoordinator(text({ id: 1, to: "bob", from: "mallory" })), { ok: true, value: { id: 1, to: "bob" } });
});

test("open: a field that is missing, of another type or out of bounds is refused", () => {
	for (const decode of [decodeOpenDirect, decodeOpenFromCoordinator, decodeOpenToCoordinator]) {
		for (const id of [undefined, null, -1, 0.5, 2 ** 53, "1", {}, 1e300]) {
			assert.equal(decode(text({ id })).ok, false, String(id));
		}
		assert.equal(decode(text({ id: 1, metadata: "x".repeat(1_022) })).ok, true);
		assert.equal(decode(text({ id: 1, metadata: "x".repeat(1_023) })).ok, false);
		assert.equal(decode(text({ id: 1, metadata: "x".repeat(10) }), 11).ok, false);
		for (const protocol of ["", "x".repeat(65), "Chat", "a b", "a_b", "é", "a\n", 7, null, {}, ["a"], true]) {
			assert.equal(decode(text({ id: 1, protocol })).ok, false, JSON.stringify(protocol));
		}
		for (const priority of [-101, 101, 0.5, 1e300, "1", null, true, [], {}]) {
			assert.equal(decode(text({ id: 1, priority })).ok, false, JSON.stringify(priority));
		}
		assert.equal(decode(new TextEncoder().encode('{"id":1,"__proto__":{"protocol":"a"}}')).ok, true);
		assert.equal(decode(new TextEncoder().encode(`{"id":1}${" ".repeat(FRAME_BYTES)}`)).ok, false);
		assert.equal(decode(new Uint8Array(0)).ok, false);
		assert.equal(decode(text([])).ok, false);
	}
	for (const name of [null, "", 7, "Bob", "b".repeat(64), "xn--b", "7", {}]) {
		assert.equal(decodeOpenToCoordinator(text({ id: 1, to: name })).ok, false, String(name));
		assert.equal(decodeOpenFromCoordinator(text({ id: 1, from: name })).ok, false, String(name));
	}
});

test("open: the length of metadata is that of its bytes as they came, and of what is passed on", () => {
	const decode = (metadata: string, bound: number) => decodeOpenDirect(new TextEncoder().encode(`{"metadata": ${metadata} ,"id":1}`), bound);
	for (const metadata of ['"\\u00fc\\u00fc"', '"üü"', "[ 1,  2 ]", '{"a" : "\\/"}', "1.0000", "100e-2", '"😀"']) {
		const { length } = new TextEncoder().encode(metadata);
		assert.equal(decode(metadata, length).ok, true, metadata);
		const refused = decode(metadata, length - 1);
		assert.equal(refused.ok ? "" : refused.error, `OPEN: metadata is longer than ${length - 1} bytes`);
	}
	// It is passed on as [1000000000000000,2].
	assert.equal(decode("[1e15,2]", 20).ok, true);
	assert.equal(decode("[1e15,2]", 19).ok, false);
	// A field of that name in a field that nobody knows is nobody's.
	assert.equal(decodeOpenDirect(text({ id: 1, future: { metadata: "x".repeat(2_000) }, metadata: { metadata: "y".repeat(900) } })).ok, true);
});

test("open: a peer's stream may step back behind those of others, not ahead of them", () => {
	assert.deepEqual([undefined, -100, -1, 0, 1, 100].map(sharedPriority), [undefined, -100, -1, undefined, undefined, undefined]);
});

test("open: a leg says what kind it is, and a field that its kind needs must be right", () => {
	const [plain, kept, further] = [
		{ limit: 65_536, messageBytes: 0 },
		{ limit: 65_536, messageBytes: 1, token: TOKEN, forMs: 1 },
		{ token: TOKEN, generation: 1, received: 0, limit: 0 },
	];
	for (const decode of [decodeOpenDirect, decodeOpenFromCoordinator, decodeOpenToCoordinator]) {
		for (const resume of [plain, kept, further])
			assert.deepEqual(decode(text({ id: 1, resume: { ...resume, more: 1 } })), { ok: true, value: { id: 1, resume } });
		const { token: _token, ...nameless } = further;
		const bad: unknown[] = [null, [], "x", {}, { limit: 1 }, { messageBytes: 1 }, { ...kept, token: undefined }, { ...kept, forMs: undefined }, nameless];
		for (const value of [null, -1, 0.5, 2 ** 53, "1"])
			for (const name of ["limit", "messageBytes"]) bad.push({ ...plain, [name]: value }, { ...kept, [name]: value });
		for (const value of [null, -1, 0, 0.5, 2 ** 32, "1"]) bad.push({ ...kept, forMs: value }, { ...further, generation: value });
		for (const value of [null, "", TOKEN.toUpperCase(), TOKEN.slice(1), `${TOKEN}0`, 7, {}]) bad.push({ ...kept, token: value }, { ...further, token: value });
		for (const value of [undefined, null, -1, 0.5, 2 ** 53]) bad.push({ ...further, received: value }, { ...further, limit: value });
		for (const resume of bad) assert.equal(decode(text({ id: 1, resume })).ok, false, JSON.stringify(resume));
		assert.equal(decode(text({ id: 1, metadata: 1, resume: kept })).ok, true);
		assert.equal(decode(text({ id: 1, metadata: 1, resume: further })).ok, false, "a further leg brings no metadata");
	}
	const from = { from: "bob", fromKey: KEY, id: 1, resume: kept };
	assert.deepEqual(decodeOpenFromCoordinator(text(from)), { ok: true, value: from });
	for (const fromKey of [null, "", KEY.slice(1), KEY.toUpperCase(), `${KEY}0`, 7])
		assert.equal(decodeOpenFromCoordinator(text({ ...from, fromKey })).ok, false, String(fromKey));
	assert.deepEqual(decodeOpenDirect(text(from)), { ok: true, value: { id: 1, resume: kept } }, "names are not looked at on a direct channel");
});

test("open: truncated and mutated headers never throw", () => {
	fc.assert(
		fc.property(header, fc.nat(), fc.tuple(fc.nat(), fc.nat({ max: 255 })), (open, length, [place, value]) => {
			const bytes = encodeOpen({ to: "bob", ...open });
			bytes[place % bytes.length] = value;
			const decoded = decodeOpenToCoordinator(bytes.subarray(0, length % (bytes.length + 1)));
			assert.ok(decoded.ok || decoded.error.startsWith("OPEN"));
		}),
		{ numRuns: 2_000 },
	);
});

test("reject: carries a code and words for people", () => {
	for (const code of REJECT_CODES) {
		assert.deepEqual(decodeReject(encodeReject({ code })), { ok: true, value: { code } });
	}
	assert.deepEqual(decodeReject(encodeReject({ code: "PEER_BUSY", message: "full" })), { ok: true, value: { code: "PEER_BUSY", message: "full" } });
	assert.deepEqual(decodeReject(text({ code: "FROM_THE_FUTURE" })), { ok: true, value: { code: "PROTOCOL_ERROR" } });
	assert.deepEqual(decodeReject(text({ code: "PEER_BUSY", message: "x".repeat(500) })), { ok: true, value: { code: "PEER_BUSY", message: "x".repeat(256) } });
	// A pair is not cut in two, and what no string may have is replaced.
	const cut = encodeReject({ code: "PEER_BUSY", message: `${"x".repeat(255)}😀` });
	assert.deepEqual(decodeReject(cut), { ok: true, value: { code: "PEER_BUSY", message: "x".repeat(255) } });
	assert.deepEqual(decodeReject(text({ code: "PEER_BUSY", message: `${"x".repeat(255)}😀` })), decodeReject(cut));
	assert.deepEqual(decodeReject(encodeReject({ code: "PEER_BUSY", message: "a\ud800\uffff" })), {
		ok: true,
		value: { code: "PEER_BUSY", message: "a\ufffd\ufffd" },
	});
	for (const json of [{}, { code: 7 }, { code: "" }, { code: "peer_busy" }, { code: "A".repeat(65) }, { code: "PEER_BUSY", message: 7 }, [], null]) {
		assert.equal(decodeReject(text(json)).ok, false, JSON.stringify(json));
	}
});
