import assert from "node:assert/strict";
import { test } from "node:test";
import { messageFields, messageText } from "./message.ts";

test("messages: a message for people cannot move the cursor; one for programs has its bytes where they are no text", () => {
	assert.equal(messageText(Buffer.from("\u001b[2J\u202eab\nc\ttab")), "\\x1b[2J\\u202eab\\x0ac\ttab");
	assert.equal(messageText(Uint8Array.of(0x61, 0xff)), "a\\xff");
	assert.equal(messageText(Buffer.from("é\u00adé\xff", "latin1")), "\\xe9\\xad\\xe9\\xff");
	assert.equal(messageText(new Uint8Array(0)), "");
	assert.deepEqual(messageFields("a", Buffer.from("hé")), { from: "a", text: "hé" });
	assert.deepEqual(messageFields("a", Uint8Array.of(0x61, 0xff)), { from: "a", text: "a\ufffd", base64: "Yf8=" });
	assert.deepEqual(messageFields("a", Buffer.from("\ufeffx")), { from: "a", text: "\ufeffx" });
});

test("messages: the longest is shown whole", () => {
	assert.equal(messageText(Buffer.alloc(16 * 1_024 * 1_024, "x")).length, 16 * 1_024 * 1_024);
});
