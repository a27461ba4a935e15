import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import * as shared from "./constants.ts";
import { type NativeConstants, requireNative } from "./native.ts";

/** Everything that `constants.ts` exports, in the shape of the addon's `constants()`. */
function ours(): NativeConstants {
	const constants: NativeConstants = { numbers: {}, names: {} };
	for (const [name, value] of Object.entries(shared)) {
		if (typeof value === "function") continue;
		if (Array.isArray(value)) constants.names[name] = [...value];
		else constants.numbers[name] = { ...(value as Record<string, number>) };
	}
	return constants;
}

test("constants: the addon has all of ours, with the same numbers and in the same order, and no others", () => {
	assert.deepEqual(ours(), requireNative().constants());
});

test("constants: one that only the addon has, only we have, or that differs is found", () => {
	const theirs = requireNative().constants();
	const changes: ((constants: NativeConstants) => void)[] = [
		({ numbers }) => Object.assign(numbers["RECORD"] ?? {}, { NEW: 19 }),
		({ numbers }) => Object.assign(numbers["SIZE"] ?? {}, { FRAME_COST_BYTES: 65 }),
		({ numbers }) => delete numbers["LAYER"]?.["DIAL_FAILED"],
		({ names }) => names["ERROR_CODES"]?.push("NEW"),
		({ names }) => names["CONNECTION_STATS"]?.reverse(),
		({ numbers }) => Object.assign(numbers, { NEW: {} }),
	];
	for (const change of changes) {
		for (const side of [0, 1]) {
			const sides = [ours(), structuredClone(theirs)] as const;
			change(sides[side] as NativeConstants);
			assert.throws(() => assert.deepEqual(...sides), assert.AssertionError, String(change));
		}
	}
});

test("constants: the numbers of a list differ from each other", () => {
	for (const [list, numbers] of Object.entries(ours().numbers)) {
		if (list === "SIZE") continue;
		assert.equal(new Set(Object.values(numbers)).size, Object.keys(numbers).length, list);
	}
});

test("constants: each is declared in the Rust file that its comment names", async () => {
	const source = await readFile(new URL("./constants.ts", import.meta.url), "utf8");
	const files = new Set([...source.matchAll(/`([\w/]+\.rs)`/g)].map(([, file]) => file as string));
	assert.ok(files.size >= 12, [...files].join());
	for (const file of files) await readFile(new URL(`../native/src/${file}`, import.meta.url));
});
