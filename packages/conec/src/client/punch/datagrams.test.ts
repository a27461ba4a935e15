import assert from "node:assert/strict";
import { test } from "node:test";
import { decodeDatagram } from "../../wire/datagrams.ts";
import { createPunchKeys } from "./datagrams.ts";

const TOKEN = "000102030405060708090a0b0c0d0e0f";
const NONCE = "a0a1a2a3a4a5a6a7";
const dialler = createPunchKeys(TOKEN, "dial");
const acceptor = createPunchKeys(TOKEN, "accept");

function opened(keys: typeof dialler, bytes: Uint8Array) {
	const decoded = decodeDatagram(bytes);
	return decoded.ok ? keys.open(decoded.value) : undefined;
}

test("punch datagrams: each side opens what the other sealed, and not its own come back", () => {
	const observed = { address: "2001:db8::7", port: 40_000 };
	assert.deepEqual(opened(acceptor, dialler.probe(NONCE)), { type: "probe", label: dialler.label, nonce: NONCE });
	assert.deepEqual(opened(dialler, acceptor.answer(NONCE, observed)), { type: "answer", label: dialler.label, nonce: NONCE, observed });
	assert.equal(opened(dialler, dialler.probe(NONCE)), undefined);
	assert.equal(opened(acceptor, acceptor.answer(NONCE, observed)), undefined);
});

test("punch datagrams: another token, also with the label of this one, opens nothing", () => {
	const other = createPunchKeys("ff".repeat(16), "dial");
	assert.notEqual(other.label, dialler.label);
	assert.equal(opened(acceptor, other.probe(NONCE)), undefined);
	const forged = other.probe(NONCE);
	forged.set(Buffer.from(acceptor.label, "hex"), 1);
	assert.equal(opened(acceptor, forged), undefined);
	assert.equal(opened(acceptor, Uint8Array.of(0x12, 1, 2, 3, 4, 5, 6, 7, 8)), undefined);
});
