import assert from "node:assert/strict";
import { test } from "node:test";
import { COMMANDS } from "../commands/index.ts";
import { commandHelp, helpColumns, overview } from "./help.ts";
import { optionsOf, variableOf } from "./spec.ts";
import { paragraph, shellLines, twoColumns } from "./wrap.ts";

const SPECS = await Promise.all(Object.values(COMMANDS).map((entry) => entry.spec()));

for (const columns of [32, 50, 80, 100]) {
	test(`help: no line of any command is wider than ${columns} columns, and all of it is ASCII`, () => {
		for (const text of [overview(COMMANDS, columns), ...SPECS.map((spec) => commandHelp(spec, columns))]) {
			for (const line of text.split("\n")) {
				// Only what cannot be broken may leave the line: one word, or a variable.
				assert.ok(line.length <= columns || /^\s*(\S+( \\)?|\[env \S+\])$/.test(line), `${columns}: ${line}`);
				assert.doesNotMatch(line, /[^\x20-\x7e]|\s$/, line);
			}
		}
	});
}

test("help: every option is told with its variable, which stays in one line", () => {
	for (const spec of SPECS) {
		for (const columns of [32, 50, 80]) {
			const text = commandHelp(spec, columns);
			for (const [name, option] of Object.entries(optionsOf(spec))) {
				const variable = variableOf(spec, name, option);
				assert.ok(text.includes(`--${name}`), name);
				if (variable !== undefined) assert.ok(text.includes(`[env ${variable}]`), variable);
			}
		}
	}
});

test("help: no variable means two things", () => {
	const meanings = new Map<string, string>();
	for (const spec of SPECS) {
		for (const [name, option] of Object.entries(optionsOf(spec))) {
			const variable = variableOf(spec, name, option);
			if (variable === undefined) continue;
			const meaning = `--${name} ${option.value ?? ""}`;
			assert.equal(meanings.get(variable) ?? meaning, meaning, variable);
			meanings.set(variable, meaning);
		}
	}
	// These are something else already.
	for (const taken of ["CONEC_DEBUG", "CONEC_QUIC_NATIVE", "CONEC_QUIC_NATIVE_PATH"]) assert.ok(!meanings.has(taken), taken);
});

test("help: what excludes something and what is one of some words are options that there are", () => {
	for (const spec of SPECS) {
		for (const [name, option] of Object.entries(optionsOf(spec))) {
			for (const other of option.excludes ?? []) assert.ok(Object.hasOwn(optionsOf(spec), other), `${spec.name} --${name}: ${other}`);
			for (const choice of option.choices ?? []) assert.ok(option.text.includes(choice), `${spec.name} --${name} does not tell of ${choice}`);
		}
	}
});

test("help: it is as wide as the terminal, within reason; without one COLUMNS counts", () => {
	const widths: [boolean, number | undefined, string | undefined, number][] = [
		[true, 50, undefined, 50],
		[true, 50, "90", 50],
		[true, 300, undefined, 100],
		[true, 5, undefined, 32],
		[true, 0, undefined, 80],
		[true, undefined, undefined, 80],
		[false, undefined, undefined, 80],
		[false, undefined, "60", 60],
		[false, undefined, "wide", 80],
		[false, undefined, "", 80],
		[false, undefined, "-3", 80],
	];
	for (const [isTTY, columns, said, expected] of widths) assert.equal(helpColumns({ isTTY, columns }, { COLUMNS: said }), expected);
});

test("wrap: words stay whole, and a text of nothing is one line", () => {
	assert.deepEqual(paragraph("", 40, "  "), ["  "]);
	assert.deepEqual(paragraph("one two three", 20 + 4, "a - ", "    "), ["a - one two three"]);
	assert.deepEqual(paragraph(`x ${"y".repeat(60)} z`, 30), ["x", "y".repeat(60), "z"]);
});

test("wrap: an example that is too long can be pasted into a shell", () => {
	const lines = shellLines("conec coordinator --name conec.example.org --cert fullchain.pem --key privkey.pem", 50);
	assert.ok(lines.length > 1);
	assert.equal(
		lines.map((line) => line.trim().replace(/ \\$/, "")).join(" "),
		"conec coordinator --name conec.example.org --cert fullchain.pem --key privkey.pem",
	);
	assert.deepEqual(
		lines.map((line) => line.endsWith(" \\")),
		[...Array(lines.length - 1).fill(true), false],
	);
});

test("wrap: in a narrow terminal the texts are below the names", () => {
	assert.deepEqual(twoColumns([["--a", "text"]], 80), ["  --a  text"]);
	assert.deepEqual(twoColumns([["--a-long-name", "text"]], 40), ["  --a-long-name", "      text"]);
});
