import assert from "node:assert/strict";
import { test } from "node:test";
import { parseReply } from "./lines.ts";

test("lines: an answer and a failure are told apart", () => {
	assert.deepEqual(parseReply('{"id":3,"result":{"port":4}}'), { id: 3, result: { port: 4 } });
	assert.deepEqual(parseReply('{"id":3,"result":null}'), { id: 3, result: null });
	assert.deepEqual(parseReply('{"id":3,"error":"no such method"}'), { id: 3, error: "no such method" });
});

test("lines: what is no answer is ignored", () => {
	for (const line of ["", "ready", "{", "null", "[1]", '{"id":"3","result":1}', '{"result":1}', '{"id":3}']) assert.equal(parseReply(line), undefined, line);
});
