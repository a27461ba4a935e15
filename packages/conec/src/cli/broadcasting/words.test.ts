import assert from "node:assert/strict";
import { test } from "node:test";
import { countText, lostText, NAMES_SHOWN, namesText, parsePosition, peerText, positionText } from "./words.ts";

test("broadcast words: metadata of others is shown as JSON that cannot move the cursor", () => {
	const fingerprint = `sha256:${"0".repeat(64)}`;
	assert.equal(peerText({ id: "a", fingerprint, metadata: { name: "\u009b2J\u202e" } }, "b"), 'a {"name":"\\x9b2J\\u202e"}');
	assert.equal(peerText({ id: "b", fingerprint }, "b"), "b (this Client)");
});

test("broadcast words: counts", () => {
	assert.deepEqual([lostText(1), lostText(12)], ["1 message was lost", "12 messages were lost"]);
	assert.deepEqual([countText(1, 0), countText(2, 1)], ["1 sender, 0 receivers", "2 senders, 1 receiver"]);
	assert.equal(namesText(["a", "b"]), "a, b");
	const many = Array.from({ length: NAMES_SHOWN + 980 }, (_, index) => `c${index}`);
	assert.match(namesText(many), /c19 and 980 more$/);
});

test("broadcast words: positions are read as they are written, anything else is a usage error", () => {
	const position = { epoch: "00112233445566ff", seq: 7 };
	assert.deepEqual(parsePosition(positionText(position)), position);
	for (const text of ["", "7", "00112233445566ff", "00112233445566FF:7", "00112233445566ff:", "00112233445566ff:-1", "00112233445566ff:9007199254740993"]) {
		assert.throws(() => parsePosition(text), { name: "CliError", exitCode: 2 }, text);
	}
});
