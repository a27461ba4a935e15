import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { promisify } from "node:util";

const root = join(import.meta.dirname, "..");
const readme = readFileSync(join(root, "README.md"), "utf8");

test("readme: its program runs, says what it says, and ends by itself", { timeout: 120_000 }, async (t) => {
	const { stdout, stderr } = await runFirstProgram(t, "README.md");
	assert.deepEqual({ stdout, stderr }, { stdout: "hello, alice\n", stderr: "" });
});

test("testing page: its test runs and passes", { timeout: 120_000 }, async (t) => {
	const { stdout, stderr } = await runFirstProgram(t, "docs/testing.md");
	assert.match(stdout, /# pass 1\n# fail 0\n/);
	assert.equal(stderr, "");
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

/** Runs the first TypeScript of a page inside the tree, so that "conec" is found as a user's project would find it. */
async function runFirstProgram(t: TestContext, page: string): Promise<{ stdout: string; stderr: string }> {
	const program = /```ts\n([\s\S]*?)```/.exec(readFileSync(join(root, page), "utf8"))?.[1];
	assert.ok(program !== undefined);
	const directory = mkdtempSync(join(root, "test/.readme-"));
	t.after(() => rmSync(directory, { recursive: true }));
	writeFileSync(join(directory, "program.ts"), program);
	const { NODE_TEST_CONTEXT: _, ...env } = process.env;
	return await promisify(execFile)(process.execPath, ["--conditions=source", "--import", "tsx", join(directory, "program.ts")], {
		cwd: root,
		env,
		timeout: 100_000,
	});
}
