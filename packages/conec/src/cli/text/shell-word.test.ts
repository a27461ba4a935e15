import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { shellWord } from "./shell-word.ts";

test("shell word: quotes only where some are needed", () => {
	assert.equal(shellWord("/var/lib/conec", "linux"), "/var/lib/conec");
	assert.equal(shellWord("C:\\Users\\a\\conec", "win32"), "C:\\Users\\a\\conec");
	assert.equal(shellWord("C:\\My Files", "win32"), '"C:\\My Files"');
	assert.equal(shellWord("", "linux"), "''");
});

test("shell word: a shell reads what was written", { skip: process.platform === "win32" ? "needs sh" : false }, () => {
	for (const text of ["", "a b", "it's", "$HOME", "`id`", "写真", "a\nb", "*", "~", "#x", "a&b;c|d", '"', "\\", "!x"]) {
		const { stdout } = spawnSync("sh", ["-c", `printf %s ${shellWord(text, "linux")}`], { encoding: "utf8" });
		assert.equal(stdout, text);
	}
});
