import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { test } from "node:test";
import { CLOSE_CODES, REFUSED_CODES, REJECT_CODES, RESET_CODES } from "./codes.ts";

const SRC = new URL("../", import.meta.url);

/** The lines of all sources that may send a code. */
function lines(): string[] {
	return readdirSync(SRC, { recursive: true, encoding: "utf8" })
		.filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts") && !name.replaceAll("\\", "/").endsWith("wire/codes.ts"))
		.flatMap((name) => readFileSync(new URL(name.replaceAll("\\", "/"), SRC), "utf8").split("\n"));
}

test("codes: somebody sends each of them", () => {
	const all = lines();
	const isSent = (what: RegExp): boolean => all.some((line) => what.test(line));
	for (const name of Object.keys(CLOSE_CODES)) assert.ok(isSent(new RegExp(`\\bCLOSE_CODES\\.${name}\\b`)), `CLOSE_CODES.${name}`);
	for (const name of Object.keys(RESET_CODES)) assert.ok(isSent(new RegExp(`\\bRESET_CODES\\.${name}\\b`)), `RESET_CODES.${name}`);
	for (const code of REJECT_CODES) assert.ok(isSent(new RegExp(`(rejectStream\\(.*|\\bcode: )"${code}"`)), `REJECT ${code}`);
	for (const code of REFUSED_CODES) assert.ok(isSent(new RegExp(`(\\brefused\\(|\\bcode: )"${code}"`)), `refused ${code}`);
});
