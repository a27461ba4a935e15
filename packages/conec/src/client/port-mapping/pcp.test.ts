import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeNatPmpAddress, decodeNatPmpMap, decodePcpMap, encodeNatPmpMap, encodePcpMap } from "./pcp.ts";

const hex = (text: string): Uint8Array => new Uint8Array(Buffer.from(text.replaceAll(" ", ""), "hex"));
const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString("hex");
const NONCE = hex("0102030405060708090a0b0c");
const REQUEST = { internalPort: 0x1234, externalPort: 0x5678, lifetimeS: 3_600 };
const OWN = "00000000000000000000ffff0a000102";
const NOWHERE = "00000000000000000000ffff00000000";

test("port mapping: a request of PCP is what RFC 6887 says (7.1, 11.1)", () => {
	assert.equal(text(encodePcpMap(REQUEST, NONCE, "10.0.1.2")), `02010000 00000e10 ${OWN} ${text(NONCE)} 11000000 12345678 ${NOWHERE}`.replaceAll(" ", ""));
});

test("port mapping: an answer of PCP says where the port is, or why it is not mapped", () => {
	const answer = (result: string, nonce = text(NONCE), port = "1234"): Uint8Array =>
		hex(`028100${result} 00000258 00000001 ${"00".repeat(12)} ${nonce} 11000000 ${port}abcd 00000000000000000000ffff2d210101`);
	assert.deepEqual(decodePcpMap(answer("00"), 0x1234, NONCE), { type: "mapped", lifetimeS: 600, externalPort: 0xabcd, externalAddress: "45.33.1.1" });
	assert.deepEqual(decodePcpMap(answer("02"), 0x1234, NONCE), { type: "refused", reason: "not authorised" });
	assert.deepEqual(decodePcpMap(answer("01"), 0x1234, NONCE), { type: "version" });
	assert.deepEqual(decodePcpMap(hex("00800001 00000000"), 0x1234, NONCE), { type: "version" }, "a router that knows only NAT-PMP");
	assert.equal(decodePcpMap(answer("00", "ff".repeat(12)), 0x1234, NONCE), undefined, "of another mapping");
	assert.equal(decodePcpMap(answer("00", text(NONCE), "1235"), 0x1234, NONCE), undefined, "of another port");
});

test("port mapping: NAT-PMP is what RFC 6886 says (3.2, 3.3)", () => {
	assert.equal(text(encodeNatPmpMap(REQUEST)), "000100001234567800000e10");
	assert.deepEqual(decodeNatPmpAddress(hex("00800000 00000001 2d210101")), { address: "45.33.1.1" });
	assert.deepEqual(decodeNatPmpAddress(hex("00800003 00000001 00000000")), { refused: "network failure" });
	assert.deepEqual(decodeNatPmpMap(hex("00810000 00000001 1234abcd 00000e10"), 0x1234), { type: "mapped", externalPort: 0xabcd, lifetimeS: 3_600 });
	assert.deepEqual(decodeNatPmpMap(hex("00810002 00000001"), 0x1234), { type: "refused", reason: "not authorised" });
	assert.equal(decodeNatPmpMap(hex("00810000 00000001 1235abcd 00000e10"), 0x1234), undefined);
});

test("port mapping: whatever a stranger sends is read without harm", () => {
	for (let length = 0; length < 64; length++) {
		for (const first of ["0281", "0081", "0080", "ffff"]) {
			const bytes = hex(`${first}${"00".repeat(62)}`).subarray(0, length);
			decodePcpMap(bytes, 1, NONCE);
			decodeNatPmpAddress(bytes);
			decodeNatPmpMap(bytes, 1);
		}
	}
});
