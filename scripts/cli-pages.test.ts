import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { EXIT_CODES } from "../packages/conec/src/cli/outcome/index.ts";
import { cliPages } from "./cli-pages.ts";

const root = join(import.meta.dirname, "..");

test("cli pages: the manual page and the table of variables are what the options make: npm run cli-pages", async () => {
	for (const [path, content] of Object.entries(await cliPages())) assert.equal(readFileSync(join(root, path), "utf8"), content, path);
});

test("cli pages: the manual page has every exit status", async () => {
	const page = (await cliPages())["packages/conec/man/conec.1"] ?? "";
	for (const status of Object.values(EXIT_CODES)) assert.ok(page.includes(`\n.B ${status}\n`), String(status));
});

const groff = spawnSync("groff", ["--version"]).error === undefined;
test("cli pages: groff reads the manual page without a warning, and it fits 80 columns", { skip: groff ? false : "groff is not installed" }, async () => {
	const page = (await cliPages())["packages/conec/man/conec.1"] ?? "";
	const { stdout, stderr, status } = spawnSync("groff", ["-man", "-Tascii", "-P-c", "-ww", "-rLL=80n"], { input: page, encoding: "utf8" });
	assert.deepEqual({ status, stderr }, { status: 0, stderr: "" });
	// A character, a backspace and the character again is bold.
	const parts = stdout.split("\b");
	const shown = parts.map((part, index) => (index < parts.length - 1 ? part.slice(0, -1) : part)).join("");
	assert.match(shown, /--limit NAME=N\n +another value for a limit/);
	assert.match(shown, /CONEC_COORDINATOR_LIMIT/);
});
