import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
// @ts-expect-error a script without types
import { globFiles } from "./files.mjs";

const root = join(import.meta.dirname, "..");
const renamed: Record<string, string> = JSON.parse(readFileSync(join(import.meta.dirname, "testing", "renamed-tests.json"), "utf8"));
const texts = globFiles(["packages", "test", "bench", "examples", "scripts"], /\.ts$/).map((file: string) => readFileSync(join(root, file), "utf8"));
/** As the beginning of a test: names of suites come before it in what is printed, not here. */
const isTest = (name: string): boolean => ['"', "`"].some((quote) => texts.some((text: string) => text.includes(`(${quote}${name}${quote}`)));

test("renamed tests: each name that is no more has a test in its place", () => {
	assert.ok(Object.keys(renamed).length >= 30);
	assert.deepEqual(
		Object.values(renamed).filter((name) => !isTest(name)),
		[],
	);
});

test("renamed tests: a name that is listed is no more", () => {
	assert.deepEqual(Object.keys(renamed).filter(isTest), []);
});
