import assert from "node:assert/strict";
import { isIPv4, isIPv6 } from "node:net";
import { test } from "node:test";
import fc from "fast-check";
import { canonicalIp, formatIp, parseIp, unmapIp } from "./ip-address.ts";

test("ip address: every address has one text, whatever way it was written", () => {
	for (const [text, canonical] of [
		["192.0.2.7", "192.0.2.7"],
		["0.0.0.0", "0.0.0.0"],
		["2001:DB8:0:0:0:0:0:1", "2001:db8::1"],
		["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
		["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
		["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
		["::", "::"],
		["::1", "::1"],
		["1::", "1::"],
		["64:ff9b::192.0.2.33", "64:ff9b::c000:221"],
		["::ffff:192.0.2.7", "192.0.2.7"],
		["::FFFF:c000:207", "192.0.2.7"],
		["0:0:0:0:0:ffff:127.0.0.1", "127.0.0.1"],
		["::ffff:0:192.0.2.7", "::ffff:0:c000:207"],
	] as const) {
		assert.equal(canonicalIp(text), canonical, text);
	}
});

test("ip address: what is no address, or has a zone, a port or brackets, is refused", () => {
	for (const text of [
		"",
		"1",
		"1.2.3",
		"1.2.3.4.5",
		"01.2.3.4",
		"1.2.3.256",
		"1.2.3.-4",
		" 1.2.3.4",
		"1.2.3.4\n",
		"0x7f.0.0.1",
		"2130706433",
		"1.2.3.4:5",
		":",
		":::",
		"1::2::3",
		"1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:8:9",
		"1:2:3:4:5:6:7::8",
		":1:2:3:4:5:6:7",
		"1:2:3:4:5:6:7:",
		"12345::",
		"g::",
		"::1.2.3.4:1",
		"1.2.3.4::",
		"fe80::1%eth0",
		"[::1]",
		"localhost",
		"1".repeat(65),
	]) {
		assert.equal(parseIp(text), undefined, text);
	}
});

test("ip address: agrees with Node about what is one, and comes back from its bytes", () => {
	const text = fc.oneof(fc.ipV4(), fc.ipV6(), fc.stringMatching(/^[0-9a-f:.]{0,20}$/), fc.string());
	fc.assert(
		fc.property(text, (candidate) => {
			const bytes = parseIp(candidate);
			assert.equal(bytes !== undefined, isIPv4(candidate) || (isIPv6(candidate) && !candidate.includes("%")), candidate);
			if (bytes !== undefined) assert.deepEqual(parseIp(formatIp(bytes)), bytes);
		}),
		{ numRuns: 2_000 },
	);
	fc.assert(
		fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
			assert.deepEqual(parseIp(formatIp(bytes)), bytes);
			assert.equal(unmapIp(bytes).length, bytes.subarray(0, 12).join() === "0,0,0,0,0,0,0,0,0,0,255,255" ? 4 : 16);
		}),
	);
});
