import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { DATAGRAM, type DatagramContent, decodeDatagram, encodeDatagram, isAuthentic, MAC_BYTES, type Mac } from "./datagrams.ts";
import { formatIp, unmapIp } from "./ip-address.ts";

/** Stands in for HMAC: a checksum in which every byte counts, of 32 bytes. */
const mac: Mac = (data) => {
	const out = new Uint8Array(32);
	let sum = 0;
	for (let round = 0; round < 32; round++) {
		for (const byte of data) sum = (Math.imul(sum, 31) + byte + round + 1) | 0;
		out[round] = sum >>> 7;
	}
	return out;
};

const hex = fc.uint8Array({ minLength: 8, maxLength: 8 }).map((bytes) => Buffer.from(bytes).toString("hex"));
/** RFC 9000, sections 17.2 and 17.3.1: every packet of QUIC version 1 has the "fixed bit" set, 0x40. Greased ones (RFC 9287) are not used. */
const QUIC_FROM = 0x40;

const observed = fc.record({
	address: fc
		.oneof(
			fc.uint8Array({ minLength: 4, maxLength: 4 }),
			fc.uint8Array({ minLength: 16, maxLength: 16 }),
			fc.constantFrom(new Uint8Array(16), Uint8Array.of(0, 0, 0, 0)),
		)
		.map((bytes) => formatIp(unmapIp(bytes))),
	port: fc.integer({ min: 1, max: 65_535 }),
});
const content: fc.Arbitrary<DatagramContent> = fc.oneof(
	fc.record({ type: fc.constant("probe" as const), label: hex, nonce: hex }),
	fc.record({ type: fc.constant("answer" as const), label: hex, nonce: hex, observed }),
	fc.record({ type: fc.constant("challenge" as const), nonce: hex }),
	fc.record({ type: fc.constant("nat-echo-request" as const), tag: hex, nonce: hex }),
	fc.record({ type: fc.constant("nat-echo" as const), nonce: hex, observed }),
	fc.record({ type: fc.constant("nat-test" as const), nonce: hex }),
);

test("datagrams: what is encoded is decoded, and its MAC holds", () => {
	fc.assert(
		fc.property(content, (said) => {
			const bytes = encodeDatagram(said, mac);
			assert.ok((bytes[0] ?? 255) < QUIC_FROM);
			const decoded = decodeDatagram(bytes);
			assert.ok(decoded.ok);
			// fast-check also makes objects without a prototype.
			assert.deepEqual(decoded.value.content, structuredClone(said));
			assert.equal(isAuthentic(decoded.value, mac), said.type !== "challenge");
			assert.equal(decoded.value.covered.length + decoded.value.mac.length, bytes.length);
		}),
	);
});

test("datagrams: a change of any bit, or any other length, is noticed", () => {
	const said: DatagramContent[] = [
		{ type: "probe", label: "0011223344556677", nonce: "8899aabbccddeeff" },
		{ type: "answer", label: "0011223344556677", nonce: "8899aabbccddeeff", observed: { address: "2001:db8::7", port: 1 } },
		{ type: "nat-echo-request", tag: "0011223344556677", nonce: "8899aabbccddeeff" },
		{ type: "nat-echo", nonce: "8899aabbccddeeff", observed: { address: "192.0.2.7", port: 65_535 } },
		{ type: "nat-test", nonce: "8899aabbccddeeff" },
	];
	for (const one of said) {
		const bytes = encodeDatagram(one, mac);
		for (let bit = 0; bit < bytes.length * 8; bit++) {
			const changed = bytes.slice();
			changed[bit >> 3] = (changed[bit >> 3] as number) ^ (1 << (bit & 7));
			const decoded = decodeDatagram(changed);
			assert.equal(decoded.ok && isAuthentic(decoded.value, mac), false, `${one.type}, bit ${bit}`);
		}
		for (let length = 0; length < bytes.length; length++) assert.equal(decodeDatagram(bytes.subarray(0, length)).ok, false);
		assert.equal(decodeDatagram(Uint8Array.from([...bytes, 0])).ok, false);
	}
});

test("datagrams: any bytes are decoded without throwing, and only kinds that are known", () => {
	const kinds = new Set<number>(Object.values(DATAGRAM));
	fc.assert(
		fc.property(
			fc.oneof(
				fc.uint8Array({ maxLength: 60 }),
				fc.constantFrom(9, 25, 33, 43, 51).chain((length) => fc.uint8Array({ minLength: length, maxLength: length })),
			),
			(bytes) => {
				const decoded = decodeDatagram(bytes);
				if (decoded.ok) assert.ok(kinds.has(bytes[0] as number));
				else assert.match(decoded.error, /^(is of no known kind|of kind|names no)/);
			},
		),
	);
	for (let first = 0; first < 256; first++) {
		for (const length of [9, 25, 33, 43, 51]) {
			const bytes = new Uint8Array(length).fill(1);
			bytes[0] = first;
			if (decodeDatagram(bytes).ok) assert.ok(kinds.has(first) && first < QUIC_FROM);
		}
	}
});

test("datagrams: a MAC that is too short authenticates nothing", () => {
	const decoded = decodeDatagram(encodeDatagram({ type: "nat-test", nonce: "0000000000000000" }, () => new Uint8Array(MAC_BYTES)));
	assert.ok(decoded.ok);
	assert.equal(
		isAuthentic(decoded.value, () => new Uint8Array(MAC_BYTES)),
		true,
	);
	assert.equal(
		isAuthentic(decoded.value, () => new Uint8Array(MAC_BYTES - 1)),
		false,
	);
});

test("datagrams: no answer is longer than twice what it answers, an echo never longer than its request", () => {
	const length = (said: DatagramContent): number => encodeDatagram(said, mac).length;
	const nonce = "0000000000000000";
	const where = { address: "192.0.2.7", port: 1 };
	assert.ok(length({ type: "answer", label: nonce, nonce, observed: where }) <= 2 * length({ type: "probe", label: nonce, nonce }));
	assert.ok(length({ type: "nat-echo", nonce, observed: where }) <= length({ type: "nat-echo-request", tag: nonce, nonce }));
});
