import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeDatagram } from "../wire/datagrams.ts";
import { createNatTestKeys } from "./nat-test-keys.ts";

const NONCE = "a0a1a2a3a4a5a6a7";
const keys = createNatTestKeys("101112131415161718191a1b1c1d1e1f");

function opened(by: typeof keys, bytes: Uint8Array) {
	const decoded = decodeDatagram(bytes);
	return decoded.ok ? by.open(decoded.value) : undefined;
}

test("nat test keys: both sides of a session understand each other", () => {
	const observed = { address: "192.0.2.7", port: 40_000 };
	assert.deepEqual(opened(keys, keys.request(NONCE)), { type: "nat-echo-request", tag: keys.tag, nonce: NONCE });
	assert.deepEqual(opened(keys, keys.echo(NONCE, observed)), { type: "nat-echo", nonce: NONCE, observed });
	assert.deepEqual(opened(keys, keys.test(NONCE)), { type: "nat-test", nonce: NONCE });
});

test("nat test keys: another session, a changed packet and a challenge are not opened", () => {
	const other = createNatTestKeys("ff".repeat(16));
	assert.notEqual(other.tag, keys.tag);
	assert.equal(opened(keys, other.request(NONCE)), undefined);
	assert.equal(opened(keys, other.test(NONCE)), undefined);
	const changed = keys.echo(NONCE, { address: "192.0.2.7", port: 40_000 });
	changed[26] = (changed[26] as number) ^ 1;
	assert.equal(opened(keys, changed), undefined);
	assert.equal(opened(keys, Uint8Array.of(0x12, 1, 2, 3, 4, 5, 6, 7, 8)), undefined);
});
