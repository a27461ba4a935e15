import assert from "node:assert/strict";
import { test } from "node:test";
import { ALTERNATIVE_LENGTH, ALTERNATIVES_LISTED, isAlternative } from "./come-back.ts";
import { decodeControl, encodeControl } from "./control.ts";

const decode = (message: object) => decodeControl(new TextEncoder().encode(JSON.stringify(message)));
const close = (fields: object) => decode({ type: "close", reason: "", ...fields });

/** The longest DNS name. */
const LONGEST = `${"a".repeat(63)}.${"b".repeat(63)}.${"c".repeat(63)}.${"d".repeat(61)}`;

const GOOD = [
	"a:1",
	"example.org:1719",
	"example.org.:7",
	"10.0.0.1:65535",
	"[::1]:1719",
	"[2001:db8::7]:7",
	"[::ffff:10.0.0.1]:7",
	"my_host:1",
	`${LONGEST}:65535`,
];
const BAD = [
	...["", "a", "a:", ":1", "a:0", "a:65536", "a:100000", "a:01", "a:1 ", " a:1", "a b:1", "a/b:1", "u@a:1", "quic://a:1", "a..b:1", "-a:1", "a-:1"],
	...["::1", "[::1]", "::1:7", "[::1]:", "[::1]:0", "[10.0.0.1]:7", "[a]:1", "[:]:1", "[fe80::1%eth0]:7", "[1::2::3]:7", "bücher.example:7", "a\n:1", "a:1\n"],
	...[`${LONGEST}e:1`, `a:${"1".repeat(400)}`, `[${"0:".repeat(40)}0]:1`],
];

test("come back: what a Coordinator may name is host:port or [ipv6]:port, and nothing else", () => {
	for (const text of GOOD) assert.equal(isAlternative(text), true, text);
	for (const text of BAD) assert.equal(isAlternative(text), false, text);
	assert.equal(`${LONGEST}:65535`.length, ALTERNATIVE_LENGTH);
});

test("come back: close and refused carry it, and what is absent stays absent", () => {
	const all = { retryAfterMs: 2_000, spreadMs: 10_000, alternatives: ["b.example:1719", "[2001:db8::7]:7"] };
	for (const said of [{}, { retryAfterMs: 0 }, { spreadMs: 1 }, { alternatives: [] }, all]) {
		assert.deepEqual(decodeControl(encodeControl({ type: "close", reason: "bye", ...said })), { ok: true, value: { type: "close", reason: "bye", ...said } });
		const refused = { type: "refused", code: "COORDINATOR_CLOSED", ...said } as const;
		assert.deepEqual(decodeControl(encodeControl(refused)), { ok: true, value: refused });
	}
});

test("come back: the longest message that may be said fits into a frame, and one more place is refused", () => {
	const full = Array.from({ length: ALTERNATIVES_LISTED }, () => `${LONGEST}:65535`);
	const times = { retryAfterMs: Number.MAX_SAFE_INTEGER, spreadMs: Number.MAX_SAFE_INTEGER };
	const message = { type: "close", reason: "\u0001".repeat(256), ...times, alternatives: full } as const;
	assert.deepEqual(decodeControl(encodeControl(message)), { ok: true, value: message });
	assert.equal(close({ alternatives: [...full, "a:1"] }).ok, false);
});

test("come back: wrong fields are refused, and a million places are not even looked at", () => {
	const wrong: Readonly<Record<string, readonly unknown[]>> = {
		retryAfterMs: [-1, 1.5, "1", null, 2 ** 53],
		spreadMs: [-1, 1.5, "1", null, 2 ** 53],
		alternatives: [null, {}, "a:1", [1], [null], [["a:1"]], [""], ["a:1", "b"], BAD.slice(0, 3)],
	};
	for (const [field, values] of Object.entries(wrong)) {
		for (const value of values) {
			assert.equal(close({ [field]: value }).ok, false, `close ${field}: ${JSON.stringify(value)}`);
			assert.equal(decode({ type: "refused", code: "COORDINATOR_CLOSED", [field]: value }).ok, false, `refused ${field}: ${JSON.stringify(value)}`);
		}
	}
	assert.equal(close({ alternatives: Array.from({ length: 1_000_000 }, () => "a:1") }).ok, false);
	assert.equal(close({ alternatives: Array.from({ length: 2_000 }, () => "a:1") }).ok, false);
});
