import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { test } from "node:test";
import { parseCommandLine } from "../../packages/conec/src/cli/command-line/index.ts";
import { limitsOf } from "../../packages/conec/src/cli/commands/coordinator/limits.ts";
import { COMMANDS } from "../../packages/conec/src/cli/commands/index.ts";
import { parseConfiguration } from "../../packages/conec/src/cli/configuration/read.ts";
import { type Block, blocksOf } from "./blocks.ts";
import { complaint, conecCommands, typed, unknownPart } from "./command-lines.ts";
import { allBlocks, PAGES, ROOT, textOf } from "./pages.ts";
import { compilePrograms, nameOf, runPrograms, writePrograms } from "./programs.ts";

const blocks = allBlocks();
const of = (...languages: string[]): Block[] => blocks.filter(({ language }) => languages.includes(language));
const programs = of("ts").filter(({ info }) => info === "");
const place = ({ page, line }: Block): string => `${page}:${line}`;

/** What else a block may be, and who checks it. */
const CHECKED_ELSEWHERE: Readonly<Record<string, string>> = {
	"ts declaration": "scripts/api-reference/api-reference.test.ts compares it with the sources",
	"text output": "what something prints; people read it",
	"text diagram": "a drawing",
	"text source": "a source file, which another test compares and runs",
	"text syntax": "the form of something; the tests of what reads it know it",
	"ini excerpt": "test/documents/deploy.test.ts compares it with the file",
};

test("documents: every code block says what it is", () => {
	assert.ok(blocks.length > 60);
	for (const block of blocks) {
		const kind = `${block.language} ${block.info}`.trim();
		const known =
			["ts", "sh", "console", "json", "jsonc", "hex"].includes(block.info === "" || block.language === "hex" ? block.language : "") ||
			kind in CHECKED_ELSEWHERE;
		assert.ok(known, `${place(block)}: nothing checks "${kind}"`);
		if (block.language === "hex") assert.equal(block.page, "docs/protocol.md", "packages/conec/src/wire/vectors.test.ts compares those of this page");
	}
});

test("documents: the TypeScript of all pages compiles together, and each block runs and prints what its page says", { timeout: 600_000 }, async (t) => {
	assert.ok(programs.length > 12);
	writePrograms(programs);
	assert.equal(compilePrograms(), "");
	const { outcomes, stdout, stderr, status } = runPrograms();
	assert.equal(stderr, "");
	// One page shows a test for Node's own runner.
	assert.match(stdout, /^# fail 0$/m);
	for (const block of programs) {
		if (block.notRun !== undefined) continue;
		await t.test(place(block), () => {
			const outcome = outcomes.get(nameOf(block));
			assert.ok(outcome !== undefined, "it did not run");
			assert.equal(outcome.error, undefined);
			if (block.prints !== undefined) assert.deepEqual(outcome.printed, block.prints);
		});
	}
	assert.equal(status, 0, "the process ended by itself, and nothing failed");
});

test("documents: a shell can read every command", { skip: process.platform === "win32" && "bash is no part of Windows" }, () => {
	const scripts = of("sh", "console");
	assert.ok(scripts.length > 10);
	for (const block of scripts) {
		assert.notEqual(typed(block).trim(), "", `${place(block)} has no command`);
		const { status, stderr } = spawnSync("bash", ["-n"], { input: typed(block), encoding: "utf8" });
		assert.equal(status, 0, `${place(block)}: ${stderr}`);
	}
});

test("documents: every shell block is run, or says why it cannot be", () => {
	for (const block of of("sh", "console"))
		assert.ok(block.run !== (block.notRun !== undefined), `${place(block)} needs <!-- run --> or <!-- not run: REASON --> above it`);
});

test("documents: conec takes every command line in the pages as it is written", async () => {
	let seen = 0;
	for (const block of of("sh", "console"))
		for (const args of conecCommands(typed(block))) {
			seen++;
			assert.equal(await complaint(args), undefined, `${place(block)}: conec ${args.join(" ")}`);
		}
	assert.ok(seen > 30);
});

test("documents: commands and options in the text exist", async () => {
	let seen = 0;
	// Two tell of the past as well, and one of strings that are hashed.
	for (const page of PAGES.filter((name) => !["CHANGELOG.md", "docs/decisions.md", "docs/protocol.md"].includes(name))) {
		const prose = textOf(page).replaceAll(/^ *```[\s\S]*?^ *```$/gm, "");
		for (const [, name = "", rest = ""] of prose.matchAll(/`conec ([a-z]+)([^`\n]*)`/g)) {
			seen++;
			assert.equal(await unknownPart(name, rest), undefined, `${page}: conec ${name}${rest}`);
		}
	}
	assert.ok(seen > 60);
});

test("documents: a configuration file is one that conec coordinator takes", async () => {
	const spec = await COMMANDS["coordinator"]?.spec();
	assert.ok(spec !== undefined && of("jsonc").length > 0);
	for (const block of of("jsonc")) {
		const args = parseCommandLine(spec, [], {});
		assert.ok(args !== "help");
		limitsOf(args.withConfiguration(parseConfiguration(block.text, place(block), spec)));
	}
});

test("documents: JSON is JSON", () => {
	for (const block of of("json")) assert.doesNotThrow(() => JSON.parse(block.text), place(block));
});

for (const block of of("sh", "console").filter(({ run }) => run)) {
	test(`documents: the commands of ${place(block)} run`, { timeout: 300_000, skip: process.platform === "win32" && "bash is no part of Windows" }, (t) => {
		const directory = mkdtempSync(join(tmpdir(), "conec-pages-"));
		t.after(() => rmSync(directory, { recursive: true }));
		writeFileSync(
			join(directory, "conec"),
			`#!/bin/sh\nexec ${JSON.stringify(process.execPath)} ${JSON.stringify(join(ROOT, "packages/conec/dist/cli/main.js"))} "$@"\n`,
		);
		chmodSync(join(directory, "conec"), 0o755);
		const work = mkdtempSync(join(directory, "work-"));
		const { status, stdout, stderr } = spawnSync("bash", ["-euo", "pipefail"], {
			input: typed(block),
			cwd: work,
			encoding: "utf8",
			env: { ...process.env, HOME: directory, XDG_STATE_HOME: join(directory, "state"), PATH: `${directory}${delimiter}${process.env["PATH"] ?? ""}` },
			timeout: 280_000,
		});
		assert.equal(status, 0, `${stdout}${stderr}`);
		for (const line of block.prints ?? []) assert.ok(`${stdout}${stderr}`.includes(line), `${line} is not in:\n${stdout}${stderr}`);
	});
}

test("documents: every link within the repository leads somewhere, to the heading too", () => {
	let seen = 0;
	for (const page of PAGES) {
		const prose = textOf(page).replaceAll(/```[\s\S]*?```|`[^`\n]*`/g, "");
		for (const [, target = "", heading] of prose.matchAll(/\]\((?![a-z]+:)([^)#\s]*)(?:#([^)\s]+))?\)/g)) {
			seen++;
			const file = target === "" ? page : join(page, "..", target);
			assert.ok(existsSync(join(ROOT, file)), `${page}: ${target}`);
			if (heading !== undefined) assert.ok(headings(file).has(heading), `${page}: ${target}#${heading}`);
		}
	}
	assert.ok(seen > 100);
});

/** The anchors of a page, as GitHub makes them. */
function headings(file: string): Set<string> {
	const titles = textOf(file).matchAll(/^#+ (.+)$/gm);
	return new Set(
		[...titles].map((match) =>
			(match[1] as string)
				.toLowerCase()
				.replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
				.replaceAll(" ", "-"),
		),
	);
}

test("documents: blocks are found with what the comments above them say", () => {
	const found = blocksOf("a.md", "text\n<!-- given: const a = 1; -->\n<!-- prints: 1\n2 -->\n\n```ts\nx\n```\n- item\n  ```sh\n  ls\n  ```\n");
	assert.deepEqual(
		found.map(({ line, language, text, given, prints }) => ({ line, language, text, given, prints })),
		[
			{ line: 6, language: "ts", text: "x", given: "const a = 1;", prints: ["1", "2"] },
			{ line: 10, language: "sh", text: "ls", given: "", prints: undefined },
		],
	);
});

const wrong: readonly (readonly [what: string, page: string])[] = [
	["a block without an end", "```ts\nx\n"],
	["a comment without an end", "<!-- run\n```sh\nls\n```\n"],
	["a comment that nobody understands", "<!-- runs -->\n```sh\nls\n```\n"],
	["a reason that says nothing", "<!-- not run: no -->\n```sh\nls\n```\n"],
];

for (const [what, page] of wrong) test(`documents: ${what} is reported`, () => assert.throws(() => blocksOf("a.md", page), /a\.md:1|a\.md:2/));

test("documents: commands are found among pipes, quotes, remarks and prompts", () => {
	assert.deepEqual(
		conecCommands("head -c 1M /dev/zero | conec pipe --to bob > out # conec x\nnpx conec certs show 'a b.pem'; A=1 conec peers 2>/dev/null &\necho conec"),
		[["pipe", "--to", "bob"], ["certs", "show", "a b.pem"], ["peers"]],
	);
	assert.equal(typed({ language: "console", text: "alice$ conec peers\nbob is here\n$ ls\n# id" }), "conec peers\nls\nid");
});

for (const [what, args] of [
	["an unknown command", ["chatt"]],
	["an unknown option", ["send", "a", "--too", "bob"]],
	["an option without its value", ["send", "a", "--to"]],
] as const)
	test(`documents: ${what} of conec is reported`, async () => assert.notEqual(await complaint(args), undefined));

test("documents: an option in the text that a command does not have is found", async () => {
	assert.equal(await unknownPart("receive", " --force, --from PEER"), undefined);
	assert.equal(await unknownPart("receive", " --overwrite"), "overwrite");
	assert.equal(await unknownPart("recieve", ""), "recieve");
});
