import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "..");
const readme = readFileSync(join(root, "README.md"), "utf8");

test("readme: its program runs, says what it says, and ends by itself", { timeout: 120_000 }, async () => {
	const [program] = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1]);
	assert.ok(program !== undefined);
	// Inside the tree, so that "conec" is found as a user's project would find it.
	const directory = mkdtempSync(join(root, "test/.readme-"));
	try {
		writeFileSync(join(directory, "program.ts"), program);
		const { stdout, stderr } = await promisify(execFile)(process.execPath, ["--conditions=source", "--import", "tsx", join(directory, "program.ts")], {
			cwd: root,
			timeout: 100_000,
		});
		assert.deepEqual({ stdout, stderr }, { stdout: "hello, alice\n", stderr: "" });
	} finally {
		rmSync(directory, { recursive: true });
	}
});

test("readme: its excerpts are from examples, which are run", () => {
	const [, ...excerpts] = [...readme.matchAll(/```ts\n([\s\S]*?)```/g)].map((match) => match[1] as string);
	assert.ok(excerpts.length > 0);
	const examples = readdirSync(join(root, "examples")).map((name) => readFileSync(join(root, "examples", name), "utf8"));
	for (const excerpt of excerpts) {
		const parts = excerpt.trim().split("\n\n");
		assert.ok(
			examples.some((example) => parts.every((part) => example.includes(`\n${part}\n`))),
			`in no example as it stands: ${excerpt}`,
		);
	}
});

test("readme: every link within the repository leads somewhere", () => {
	const links = [...readme.matchAll(/\]\(([^)#]+)[^)]*\)/g)].map((match) => match[1] as string).filter((link) => !link.includes("://"));
	assert.ok(links.length > 8);
	for (const link of links) assert.ok(existsSync(join(root, link)), link);
});
