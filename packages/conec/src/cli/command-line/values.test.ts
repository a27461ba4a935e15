import assert from "node:assert/strict";
import { test } from "node:test";
import { parseCommandLine } from "./arguments.ts";
import { type CommandSpec, shared } from "./spec.ts";
import type { Arguments, ConfiguredValue } from "./values.ts";

const SPEC: CommandSpec = {
	name: "try",
	usage: "",
	summary: "Try",
	operands: { least: 0, most: 0, what: "" },
	options: {
		port: { value: "N", text: "port" },
		size: { value: "N", text: "bytes" },
		"no-listen": { text: "flag" },
		kind: { value: "KIND", text: "kind", choices: ["a", "b"] },
		to: { value: "PEER", text: "peer", excludes: ["from", "any"] },
		from: { value: "PEER", text: "peer" },
		any: { text: "flag" },
		part: { value: "NAME=N", text: "parts", repeats: true },
		...shared({ "client-ca": { value: "FILE", text: "file" } }),
	},
	examples: [],
};

function parse(args: readonly string[], env: Record<string, string> = {}, configuration: Record<string, ConfiguredValue["value"]> = {}): Arguments {
	const parsed = parseCommandLine(SPEC, args, env);
	assert.notEqual(parsed, "help");
	const values = Object.entries(configuration).map(([name, value]) => [name, { value, place: `"${name}" in the file` }] as const);
	return (parsed as Arguments).withConfiguration(new Map(values));
}

test("values: the command line comes before the environment, and that before the file", () => {
	const env = { CONEC_TRY_PORT: "2" };
	const file = { port: "3" };
	assert.equal(parse(["--port", "1"], env, file).text("port"), "1");
	assert.equal(parse([], env, file).text("port"), "2");
	assert.equal(parse([], {}, file).text("port"), "3");
	assert.equal(parse([]).text("port"), undefined);
	assert.equal(parse([], { CONEC_TRY_PORT: "" }, file).text("port"), "3");
});

test("values: a shared option has a variable for all commands, any other one for its command", () => {
	assert.equal(parse([], { CONEC_CLIENT_CA: "x" }).text("client-ca"), "x");
	assert.equal(parse([], { CONEC_TRY_CLIENT_CA: "x" }).text("client-ca"), undefined);
	assert.equal(parse([], { CONEC_PORT: "1" }).text("port"), undefined);
	assert.equal(parse([], { CONEC_HELP: "1", CONEC_TRY_HELP: "1" }).text("help"), undefined);
});

test("values: a flag of the environment is 1 or 0 in many words; 0 takes back what a file says", () => {
	for (const yes of ["1", "true", "YES", "on"]) assert.equal(parse([], { CONEC_TRY_NO_LISTEN: yes }).flag("no-listen"), true);
	for (const no of ["0", "false", "No", "off", ""]) assert.equal(parse([], { CONEC_TRY_NO_LISTEN: no }).flag("no-listen"), false);
	assert.equal(parse([], { CONEC_TRY_NO_LISTEN: "0" }, { "no-listen": true }).flag("no-listen"), false);
	assert.equal(parse([], {}, { "no-listen": true }).flag("no-listen"), true);
	assert.throws(() => parse([], { CONEC_TRY_NO_LISTEN: "2" }).flag("no-listen"), { exitCode: 2, message: 'CONEC_TRY_NO_LISTEN must be 1 or 0, not "2"' });
});

const WRONG: readonly (readonly [read: (args: Arguments) => unknown, name: string, what: string])[] = [
	[(args) => args.count("port", 0, 65_535), "port", "a whole number from 0 to 65535"],
	[(args) => args.bytes("size"), "size", "a number of bytes such as 500000 or 10G"],
	[(args) => args.choice("kind", ["a", "b"]), "kind", "one of a, b"],
];
for (const [read, name, what] of WRONG) {
	test(`values: a wrong --${name} is named as it was given`, () => {
		const variable = `CONEC_TRY_${name.toUpperCase()}`;
		assert.throws(() => read(parse([`--${name}`, "x\u001b"])), { exitCode: 2, message: `--${name} must be ${what}, not "x\\x1b"` });
		assert.throws(() => read(parse([], { [variable]: "x" })), { exitCode: 2, message: `${variable} must be ${what}, not "x"` });
		assert.throws(() => read(parse([], {}, { [name]: "x" })), { exitCode: 2, message: `"${name}" in the file must be ${what}, not "x"` });
	});
}

test("values: of options that exclude each other, the nearer one counts", () => {
	const typed = parse(["--to", "a"], { CONEC_TRY_FROM: "b", CONEC_TRY_ANY: "1" });
	assert.deepEqual([typed.text("to"), typed.text("from"), typed.flag("any")], ["a", undefined, false]);
	const other = parse(["--from", "b"], { CONEC_TRY_TO: "a" });
	assert.deepEqual([other.text("to"), other.text("from")], [undefined, "b"]);
	assert.equal(parse([], { CONEC_TRY_TO: "a" }, { from: "b" }).text("from"), undefined);
	assert.equal(parse([], { CONEC_TRY_TO: "a", CONEC_TRY_ANY: "0" }).text("to"), "a");
});

test("values: options that exclude each other and come from one place are refused, as they were given", () => {
	assert.throws(() => parse(["--to", "a", "--from", "b"]), { exitCode: 2, message: "--to and --from exclude each other" });
	assert.throws(() => parse(["--any", "--to", "a"]), { exitCode: 2, message: "--to and --any exclude each other" });
	assert.throws(() => parse([], { CONEC_TRY_TO: "a", CONEC_TRY_FROM: "b" }), { exitCode: 2, message: "CONEC_TRY_TO and CONEC_TRY_FROM exclude each other" });
	assert.throws(() => parse([], {}, { to: "a", from: "b" }), { exitCode: 2, message: '"to" in the file and "from" in the file exclude each other' });
	// What loses anyway does not matter.
	assert.equal(parse(["--to", "c"], { CONEC_TRY_TO: "a", CONEC_TRY_FROM: "b" }).text("to"), "c");
});

test("values: whether an option was typed, and how its value was given", () => {
	const args = parse(["--kind", "a"], { CONEC_TRY_PORT: "2" }, { size: "3" });
	assert.deepEqual(
		["kind", "port", "size", "to"].map((name) => [args.typed(name), args.named(name)]),
		[
			[true, "--kind"],
			[false, "CONEC_TRY_PORT"],
			[false, '"size" in the file'],
			[false, "--to"],
		],
	);
});

test("values: all that an option was given, the furthest first", () => {
	const args = parse(["--part", "a=1", "--part=b=2"], { CONEC_TRY_PART: "c=3" }, { part: "d=4" });
	assert.deepEqual(
		args.sources("part").map(({ value }) => value),
		["d=4", "c=3", "a=1,b=2"],
	);
	assert.deepEqual(args.list("part"), ["a=1", "b=2"]);
});

test("arguments: -q is --quiet and -h is --help; letters that are no options are refused", () => {
	assert.equal(parse(["-q"]).flag("quiet"), true);
	assert.equal(parseCommandLine(SPEC, ["-h"], {}), "help");
	assert.throws(() => parse(["-q", "--quiet"]), /--quiet is given twice/);
	for (const wrong of ["-p", "-__proto__", "-1"]) assert.throws(() => parse([wrong]), { exitCode: 2 });
});
