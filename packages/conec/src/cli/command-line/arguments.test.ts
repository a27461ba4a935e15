import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCommandLine } from "./arguments.ts";
import { commandHelp } from "./help.ts";
import type { CommandSpec } from "./spec.ts";
import { suggestion } from "./suggestion.ts";
import type { Arguments } from "./values.ts";

const SPEC: CommandSpec = {
	name: "send",
	usage: "FILE... --to PEER",
	summary: "Send files",
	operands: { least: 1, most: 2, what: "FILE" },
	options: {
		to: { value: "PEER", text: "who gets them", env: "CONEC_TO" },
		"max-bytes": { value: "N", text: "most" },
		force: { text: "replace" },
		keep: { value: "NAME", text: "what stays", repeats: true },
	},
	examples: ["conec send a --to bob"],
};

function parse(args: readonly string[], env: Record<string, string> = {}): Arguments {
	const parsed = parseCommandLine(SPEC, args, env);
	assert.notEqual(parsed, "help");
	return parsed as Arguments;
}

test("arguments: options, flags and operands in any order", () => {
	const parsed = parse(["a", "--to", "bob", "--force", "b"]);
	assert.deepEqual(parsed.operands, ["a", "b"]);
	assert.equal(parsed.text("to"), "bob");
	assert.equal(parsed.flag("force"), true);
	assert.equal(parsed.flag("json"), false);
});

test("arguments: an option that repeats takes every value, also several with commas between", () => {
	assert.deepEqual(parse(["a", "--keep", "b", "--keep=c, d", "--keep", ",e"]).list("keep"), ["b", "c", "d", "e"]);
	assert.deepEqual(parse(["a"]).list("keep"), []);
});

test("arguments: a link needs no --link before it where the command takes one, and a dash alone is a value", () => {
	const spec: CommandSpec = { ...SPEC, options: { ...SPEC.options, link: { value: "LINK", text: "link" } } };
	const parsed = parseCommandLine(spec, ["a", "conec://h#pin=x", "--to", "-"], {}) as Arguments;
	assert.deepEqual([parsed.operands, parsed.text("link"), parsed.text("to")], [["a"], "conec://h#pin=x", "-"]);
	assert.throws(() => parseCommandLine(spec, ["conec://h", "--link", "conec://h"], {}), /--link is given twice/);
	assert.throws(() => parseCommandLine(spec, ["--link", "conec://h", "conec://h"], {}), /a link is given twice/);
	assert.deepEqual(parse(["conec://h"]).operands, ["conec://h"]);
});

test("arguments: what follows -- is an operand", () => {
	assert.deepEqual(parse(["--to=bob", "--", "--force"]).operands, ["--force"]);
});

test("arguments: the environment fills in, the option wins, empty is nothing", () => {
	assert.equal(parse(["a"], { CONEC_TO: "carol" }).text("to"), "carol");
	assert.equal(parse(["a", "--to", "bob"], { CONEC_TO: "carol" }).text("to"), "bob");
	assert.equal(parse(["a"], { CONEC_TO: "" }).text("to"), undefined);
});

test("arguments: help wins over what is wrong after it is asked for", () => {
	assert.equal(parseCommandLine(SPEC, ["--help"], {}), "help");
	assert.equal(parseCommandLine(SPEC, ["-h", "--nonsense"], {}), "help");
});

const WRONG: readonly (readonly [args: readonly string[], message: RegExp, hint?: RegExp])[] = [
	[["a", "--too", "bob"], /unknown option --too/, /Did you mean --to\?/],
	[["a", "--xyzzy"], /unknown option --xyzzy/, /conec send --help/],
	[["a", "-x"], /unknown option -x/],
	[["a", "-f"], /unknown option -f/],
	[["a", "--__proto__"], /unknown option --__proto__/],
	[["a", "--to"], /--to needs a value: --to PEER/],
	[["a", "--to", "--force"], /--to needs a value/],
	[["a", "--force=yes"], /--force takes no value/],
	[["a", "--to", "b", "--to", "c"], /given twice/],
	[[], /FILE is missing/],
	[["a", "b", "c"], /unexpected argument "c"/],
];
for (const [args, message, hint] of WRONG) {
	test(`arguments: ${args.join(" ") || "(nothing)"} is a usage error`, () => {
		assert.throws(
			() => parseCommandLine(SPEC, args, {}),
			(error: { exitCode: number; message: string; hint: string }) => {
				assert.equal(error.exitCode, 2);
				assert.match(error.message, message);
				if (hint !== undefined) assert.match(error.hint, hint);
				return true;
			},
		);
	});
}

test("arguments: bytes with suffixes", () => {
	const bytes = (text: string): number | undefined => parse(["a", "--max-bytes", text]).bytes("max-bytes");
	assert.deepEqual(["0", "500", "1K", "2m", "3G", "1T"].map(bytes), [0, 500, 1_024, 2_097_152, 3_221_225_472, 1_099_511_627_776]);
	for (const wrong of ["1.5G", "G", "1KB", "0x10", "9999999999999T"]) assert.throws(() => bytes(wrong), { exitCode: 2 });
});

test("arguments: counts have a range", () => {
	const count = (text: string): number | undefined => parse(["a", "--max-bytes", text]).count("max-bytes", 1, 10);
	assert.equal(count("10"), 10);
	for (const wrong of ["0", "11", "1e1", "+1", "ten"]) assert.throws(() => count(wrong), /whole number from 1 to 10/);
});

test("arguments: a choice is one of its values, exactly", () => {
	const choice = (text: string): string | undefined => parse(["a", "--to", text]).choice("to", ["auto", "direct"]);
	assert.equal(choice("direct"), "direct");
	assert.equal(parse(["a"]).choice("to", ["auto"]), undefined);
	for (const wrong of ["Direct", "dir", "toString"])
		assert.throws(() => choice(wrong), { exitCode: 2, message: `--to must be one of auto, direct, not "${wrong}"` });
});

test("arguments: help shows every option, its environment variable and the examples", () => {
	const help = commandHelp(SPEC);
	for (const part of ["Usage: conec send FILE... --to PEER", "--to PEER", "[env CONEC_TO]", "--max-bytes N", "--json", "conec send a --to bob"])
		assert.ok(help.includes(part), part);
});

test("arguments: suggestions are near or none", () => {
	assert.equal(suggestion("recieve", ["send", "receive"], ""), "Did you mean receive?");
	assert.equal(suggestion("coord", ["coordinator", "chat"], ""), "Did you mean coordinator?");
	assert.equal(suggestion("banana", ["send", "receive"]), undefined);
});
