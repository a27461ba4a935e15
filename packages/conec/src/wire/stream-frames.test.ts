import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { APPLICATION_CODE_MAX } from "./codes.ts";
import { decodeAck, decodeCode, decodeCount, decodeResumable, encodeAck, encodeCode, encodeCount, encodeResumable } from "./stream-frames.ts";

const count = fc.oneof(fc.maxSafeNat(), fc.constantFrom(0, 1, 2 ** 32 - 1, 2 ** 32, Number.MAX_SAFE_INTEGER));
const u32 = fc.oneof(fc.nat({ max: 0xffff_ffff }), fc.constantFrom(0, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff));
const longer = (payload: Uint8Array): Uint8Array => Uint8Array.from([...payload, 0xff, 0, 0xff]);

test("stream frames: what is encoded is decoded, and bytes behind it are ignored", () => {
	fc.assert(
		fc.property(count, count, u32, u32, fc.nat({ max: APPLICATION_CODE_MAX }), (received, limit, forMs, messageBytes, code) => {
			const resumable = { received, limit, forMs, messageBytes };
			for (const payload of [encodeResumable(resumable), longer(encodeResumable(resumable))]) assert.deepEqual(decodeResumable(payload), resumable);
			for (const payload of [encodeAck(received, limit), longer(encodeAck(received, limit))]) assert.deepEqual(decodeAck(payload), { received, limit });
			for (const payload of [encodeCount(limit), longer(encodeCount(limit))]) assert.equal(decodeCount(payload), limit);
			for (const payload of [encodeCode(code), longer(encodeCode(code))]) assert.equal(decodeCode(payload), code);
		}),
	);
});

test("stream frames: a payload cut short is invalid, wherever it is cut", () => {
	const cases: readonly (readonly [Uint8Array, (payload: Uint8Array) => unknown])[] = [
		[encodeResumable({ received: 1, limit: 2, forMs: 3, messageBytes: 4 }), decodeResumable],
		[encodeAck(1, 2), decodeAck],
		[encodeCount(1), decodeCount],
		[encodeCode(1), decodeCode],
	];
	for (const [payload, decode] of cases) {
		for (let length = 0; length < payload.length; length++)
			assert.equal(decode(payload.subarray(0, length)), undefined, `${length} of ${payload.length} bytes`);
		assert.notEqual(decode(payload), undefined);
	}
});

test("stream frames: counts beyond 2^53 - 1 and codes beyond the application's are invalid", () => {
	const beyond = Uint8Array.of(0, 0x20, 0, 0, 0, 0, 0, 0);
	const greatest = Uint8Array.of(0, 0x1f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff);
	assert.equal(decodeCount(greatest), Number.MAX_SAFE_INTEGER);
	for (const bad of [beyond, new Uint8Array(8).fill(0xff)]) {
		assert.equal(decodeCount(bad), undefined);
		assert.equal(decodeAck(Uint8Array.from([...bad, ...greatest])), undefined);
		assert.equal(decodeAck(Uint8Array.from([...greatest, ...bad])), undefined);
		assert.equal(decodeResumable(Uint8Array.from([...bad, ...greatest, ...greatest])), undefined);
		assert.equal(decodeResumable(Uint8Array.from([...greatest, ...bad, ...greatest])), undefined);
	}
	assert.equal(decodeCode(Uint8Array.of(0x3f, 0xff, 0xff, 0xff)), APPLICATION_CODE_MAX);
	assert.equal(decodeCode(Uint8Array.of(0x40, 0, 0, 0)), undefined);
	assert.equal(decodeCode(Uint8Array.of(0xff, 0xff, 0xff, 0xff)), undefined);
});

test("stream frames: random bytes never throw, and what they give is in bounds", () => {
	fc.assert(
		fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
			for (const decode of [
				decodeResumable,
				decodeAck,
				(payload: Uint8Array) => ({ count: decodeCount(payload) }),
				(payload: Uint8Array) => ({ code: decodeCode(payload) }),
			]) {
				for (const value of Object.values(decode(bytes) ?? {})) assert.ok(value === undefined || (Number.isSafeInteger(value) && (value as number) >= 0));
			}
		}),
	);
});
