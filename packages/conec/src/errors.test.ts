import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { inspect } from "node:util";
import { argumentError, CONEC_ERROR_CODES, ConecError, type ConecErrorCode, isConecError, isRetryable } from "./errors.ts";

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

test("docs/errors.md: has one complete row for each code, in the order of the list, and says of each whether to try again as the code does", () => {
	const text = readFileSync(new URL("../../../docs/errors.md", import.meta.url), "utf8");
	const rows = [...text.matchAll(/^\| `([A-Z_]+)` \| ([^|]{10,}) \| ([^|]{4,}) \| (no|later|yes)\b([^|]*) \|$/gm)];
	assert.deepEqual(
		rows.map(([, code]) => code),
		[...CONEC_ERROR_CODES],
	);
	for (const [, code, , , again] of rows) {
		const error = new ConecError(code as ConecErrorCode, "x");
		assert.deepEqual([error.retryable, isRetryable(code)], [again !== "no", again !== "no"], code);
	}
	assert.ok(rows.some(([, , , , again]) => again === "no") && rows.some(([, , , , again]) => again === "later"));
});

test("errors: a code that is not known, or is none, is not retryable", () => {
	for (const code of ["PEER_ABSENT", "", "toString", "constructor", "__proto__", undefined]) assert.equal(isRetryable(code), false, code);
});

test("errors: what is not known is not printed", () => {
	const bare = [
		new ConecError("PEER_LOST", "Lost"),
		new ConecError("PEER_LOST", "Lost", { cause: undefined, peer: undefined, closeCode: undefined, retryAfterMs: undefined }),
	];
	for (const error of bare) {
		assert.deepEqual(Object.keys(error), ["code"]);
		assert.doesNotMatch(inspect(error), /undefined|retryable/);
		assert.match(inspect(error), /^ConecError: Lost\n[\s\S]*\{\n {2}code: 'PEER_LOST'\n\}$/);
		assert.deepEqual([error.peer, error.closeCode, error.retryAfterMs, error.cause], [undefined, undefined, undefined, undefined]);
		assert.equal(JSON.stringify(error), '{"code":"PEER_LOST"}');
	}
	const told = new ConecError("ID_TAKEN", "Taken", { peer: "bob", closeCode: 0, retryAfterMs: 0 });
	assert.match(inspect(told), /code: 'ID_TAKEN',\s+peer: 'bob',\s+closeCode: 0,\s+retryAfterMs: 0\s+\}$/);
});
