import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { argumentError, CONEC_ERROR_CODES, ConecError, isConecError } from "./errors.ts";

test("errors: carry code, cause and facts, and are known by their brand", () => {
	const cause = new TypeError("x");
	const error = new ConecError("PEER_LOST", "Lost", { cause, peer: "bob", closeCode: 7, retryAfterMs: 100 });
	assert.equal(error.name, "ConecError");
	assert.deepEqual([error.code, error.cause, error.peer, error.closeCode, error.retryAfterMs], ["PEER_LOST", cause, "bob", 7, 100]);
	assert.ok(error instanceof Error && isConecError(error));
	assert.equal("cause" in new ConecError("PEER_LOST", "Lost"), false);
	for (const other of [null, undefined, {}, new Error("x"), "PEER_LOST", { code: "PEER_LOST" }]) {
		assert.equal(isConecError(other), false);
	}
	assert.equal(isConecError({ [Symbol.for("conec.ConecError")]: true }), true, "of a second copy of the package");
});

test("errors: arguments that are wrong are TypeErrors and RangeErrors with a code", () => {
	assert.ok(argumentError("type", "OPTION_INVALID", "x") instanceof TypeError);
	const range = argumentError("range", "ID_INVALID", "x");
	assert.ok(range instanceof RangeError);
	assert.equal(range.code, "ID_INVALID");
});

test("docs/errors.md: has one complete row for each code, in the order of the list", () => {
	const text = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8");
	const rows = [...text.matchAll(/^\| `([A-Z_]+)` \| ([^|]{10,}) \| ([^|]{4,}) \| ([^|]{2,}) \|$/gm)];
	assert.deepEqual(
		rows.map(([, code]) => code),
		[...CONEC_ERROR_CODES],
	);
});
