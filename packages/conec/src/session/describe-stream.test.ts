import assert from "node:assert/strict";
import { test } from "node:test";
import { describeStream } from "./describe-stream.ts";

test("stream names: a number that the application chose is shown, an automatic one is not", () => {
	assert.equal(describeStream(0, "to", "bob"), 'stream 0 to "bob"');
	assert.equal(describeStream(2 ** 32 - 1, "from", "bob"), 'stream 4294967295 from "bob"');
	assert.equal(describeStream(2 ** 32, "to", "bob"), 'stream to "bob"');
	assert.equal(describeStream(2 ** 32 + 5, "from", null), "stream from the Coordinator");
});
