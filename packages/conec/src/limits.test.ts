import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { COORDINATOR_DEFAULT_LIMITS, DEFAULT_LIMITS, LIMIT_RULES, type Limits, resolveLimits } from "./limits.ts";

test("limits: what is not given has its default, which differs by role", () => {
	assert.deepEqual(resolveLimits(), DEFAULT_LIMITS);
	assert.deepEqual(resolveLimits({}, "coordinator"), COORDINATOR_DEFAULT_LIMITS);
	assert.equal(DEFAULT_LIMITS.streamWindowBytes, 1_048_576);
	assert.equal(COORDINATOR_DEFAULT_LIMITS.streamWindowBytes, 524_288);
	const limits = resolveLimits({ messageBytes: 5, keepAliveIntervalMs: undefined } as unknown as Partial<Limits>);
	assert.deepEqual(limits, { ...DEFAULT_LIMITS, messageBytes: 5 });
	assert.ok(Object.isFrozen(limits) && Object.isFrozen(DEFAULT_LIMITS));
});

test("limits: each takes its least and greatest value and nothing beyond", () => {
	for (const [name, { min, max, default: value }] of Object.entries(LIMIT_RULES)) {
		for (const good of [min, value, max]) {
			assert.equal(resolveLimits({ [name]: good })[name as keyof Limits], good);
		}
		for (const bad of [min - 1, max + 1, Number.MAX_SAFE_INTEGER]) {
			assert.throws(() => resolveLimits({ [name]: bad }), { name: "RangeError", code: "OPTION_INVALID" }, `${name}: ${bad}`);
		}
		for (const bad of [null, "5", 1.5, Number.NaN, Number.POSITIVE_INFINITY, {}, true, 5n]) {
			assert.throws(() => resolveLimits({ [name]: bad }), { name: "TypeError", code: "OPTION_INVALID" }, `${name}: ${String(bad)}`);
		}
	}
});

test("limits: names that do not exist, and what is no object, are TypeErrors", () => {
	for (const name of ["messagebytes", "constructor", "toString", "__proto__x", ""]) {
		assert.throws(() => resolveLimits({ [name]: 1 }), { name: "TypeError", code: "OPTION_INVALID" });
	}
	assert.throws(() => resolveLimits(JSON.parse('{"__proto__":1}')), { name: "TypeError", code: "OPTION_INVALID" });
	for (const value of [null, 5, "x"]) {
		assert.throws(() => resolveLimits(value as never), { name: "TypeError", code: "OPTION_INVALID" });
	}
});

test("docs/limits.md: its table says what the code says", () => {
	const text = readFileSync(new URL("../../../docs/limits.md", import.meta.url), "utf8");
	const rows = [...text.matchAll(/^\| `([A-Za-z]+)` \| ([^|]+) \| (\d+) \| (\d+) \| ([^|]+) \| ([^|]+) \|$/gm)].map(([, name, value, min, max]) => [
		name,
		value,
		min,
		max,
	]);
	const expected = Object.entries(LIMIT_RULES).map(([name, { default: value, coordinatorDefault, min, max }]) => [
		name,
		coordinatorDefault === undefined ? String(value) : `${value}; Coordinator ${coordinatorDefault}`,
		String(min),
		String(max),
	]);
	assert.deepEqual(rows, expected);
});
