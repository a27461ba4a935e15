import assert from "node:assert/strict";
import { test } from "node:test";
import { ValidatedAddress } from "./validated-address.ts";

const [HOME, AWAY, VICTIM] = [
	{ address: "192.0.2.7", port: 1 },
	{ address: "198.51.100.8", port: 2 },
	{ address: "203.0.113.9", port: 3 },
];

function create(): ValidatedAddress {
	let nonce = 0;
	return new ValidatedAddress(HOME, () => `nonce ${++nonce}`);
}

test("validated address: a new one counts when its challenge has come back, once", () => {
	const address = create();
	assert.equal(address.heardFrom(HOME, 0), undefined);
	assert.deepEqual(address.heardFrom(AWAY, 0), { nonce: "nonce 1", to: AWAY });
	for (const wrong of ["", "nonce 0", "nonce 2"]) assert.equal(address.echoed(wrong), false);
	assert.notDeepEqual(address.address, AWAY);
	assert.equal(address.echoed("nonce 1"), true);
	assert.deepEqual(address.address, AWAY);
	assert.equal(address.echoed("nonce 1"), false);
	assert.equal(address.heardFrom(AWAY, 1), undefined);
});

test("validated address: a challenge is repeated once after 300 ms, and begun anew after 3 s", () => {
	const address = create();
	address.heardFrom(AWAY, 0);
	assert.equal(address.waiting, true);
	assert.equal(address.repeat(299), undefined);
	assert.deepEqual(address.repeat(300), { nonce: "nonce 1", to: AWAY });
	assert.equal(address.waiting, false);
	assert.equal(address.repeat(600), undefined);
	assert.equal(address.heardFrom(AWAY, 2_999), undefined);
	assert.deepEqual(address.heardFrom(AWAY, 3_000), { nonce: "nonce 2", to: AWAY });
	assert.equal(address.echoed("nonce 1"), false, "only the newest counts");
});

test("validated address: one that flaps is challenged at most ten times a minute", () => {
	const address = create();
	let challenges = 0;
	for (let i = 0; i < 1_000; i++) if (address.heardFrom({ ...VICTIM, port: i + 1 }, i * 10) !== undefined) challenges++;
	assert.equal(challenges, 10);
	assert.notEqual(address.heardFrom(AWAY, 70_000), undefined);
});

test("validated address: back home, what was asked elsewhere is void", () => {
	const address = create();
	address.heardFrom({ ...HOME, port: 9 }, 0);
	address.heardFrom(HOME, 1);
	assert.equal(address.echoed("nonce 1"), false);
	assert.deepEqual(address.address, HOME);
});

test("validated address: the one that the handshake has proven stays until another is", () => {
	const address = create();
	address.heardFrom(AWAY, 0);
	address.heardFrom(VICTIM, 1);
	assert.deepEqual(address.address, HOME);
	const none = new ValidatedAddress(undefined, () => "nonce");
	assert.deepEqual([none.address, none.heardFrom(HOME, 0)], [undefined, { nonce: "nonce", to: HOME }]);
	assert.deepEqual([none.echoed("nonce"), none.address], [true, HOME]);
});
