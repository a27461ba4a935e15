import assert from "node:assert/strict";
import { test } from "node:test";
// @ts-expect-error a script without types
import { isPermissive } from "./licences.mjs";

const table: readonly (readonly [expression: string, permissive: boolean])[] = [
	["MIT", true],
	["Apache-2.0", true],
	["MIT/Apache-2.0", true],
	["GPL-3.0-only", false],
	["MIT OR GPL-3.0-only", true],
	["GPL-3.0-only OR MIT", true],
	["MIT AND GPL-3.0-only", false],
	["Apache-2.0 WITH LLVM-exception OR Apache-2.0 OR MIT", true],
	["GPL-3.0-only WITH Classpath-exception-2.0", false],
	["(MIT OR Apache-2.0) AND Unicode-3.0", true],
	["(GPL-2.0-only OR LGPL-3.0-only) AND MIT", false],
	["Apache-2.0 AND ISC", true],
	["", false],
	["MIT extra", false],
];

for (const [expression, permissive] of table) {
	test(`licence: "${expression}" ${permissive ? "may" : "may not"} ship`, () => {
		assert.equal(isPermissive(expression), permissive);
	});
}
