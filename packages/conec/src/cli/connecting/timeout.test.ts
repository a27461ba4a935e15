import assert from "node:assert/strict";
import { test } from "node:test";
import { comingBack, timeoutMs } from "./timeout.ts";

const read = (text: string | undefined): number | undefined => timeoutMs({ text: () => text, named: () => "CONEC_TIMEOUT" });

test("timeout: seconds, or a time with its unit", () => {
	const cases: [string | undefined, number | undefined][] = [
		[undefined, undefined],
		["5", 5_000],
		["0.5", 500],
		["0.1", 100],
		["600", 600_000],
		["100ms", 100],
		["2m", 120_000],
		["10m", 600_000],
		["3s", 3_000],
	];
	for (const [text, ms] of cases) assert.equal(read(text), ms, text);
});

test("timeout: anything else is a usage error that names where it was given", () => {
	for (const text of ["", "0", "0.05", "99ms", "601", "11m", "-1", "5 s", "1e3", "5h", "Infinity", "five"])
		assert.throws(() => read(text), { exitCode: 2, message: /^CONEC_TIMEOUT must be seconds from 0\.1 to 600/ }, text);
});

const back = (text: string | undefined) => comingBack({ text: () => text, named: () => "--give-up-after" });

test("give-up-after: for ever by default, never with 0, or for a time", () => {
	assert.deepEqual([undefined, "0", "0s", "0.1", "30", "10m", "86400"].map(back), [
		true,
		false,
		false,
		{ giveUpAfterMs: 100 },
		{ giveUpAfterMs: 30_000 },
		{ giveUpAfterMs: 600_000 },
		{ giveUpAfterMs: 86_400_000 },
	]);
});

test("give-up-after: anything else is a usage error", () => {
	for (const text of ["", "0.05", "99ms", "86401", "1441m", "-1", "never", "1h"])
		assert.throws(() => back(text), { exitCode: 2, message: /^--give-up-after must be 0, seconds from 0\.1 to 86400/ }, text);
});
