import assert from "node:assert/strict";
import { test } from "node:test";
import { parseArguments } from "./arguments.ts";

const parse = (...words: string[]) => parseArguments(words, ["connect", "direct-rtt"], ["conec", "ws"]);

test("peers arguments: nine rounds of all figures against all systems unless it is said otherwise", () => {
	assert.deepEqual(parse(), {
		help: false,
		list: false,
		install: "no",
		json: false,
		write: false,
		only: undefined,
		against: undefined,
		rounds: 9,
		seconds: 0.6,
	});
	const quick = parse("--quick", "--json");
	assert.deepEqual([quick.rounds, quick.seconds, quick.json], [1, 0.2, true]);
	assert.deepEqual([parse("--rounds", "3", "--seconds", "2.5").rounds, parse("--seconds", "2.5").seconds], [3, 2.5]);
	assert.deepEqual([parse("--install", "--write").install, parse("--install").install], ["first", "only"]);
});

test("peers arguments: names are split at commas and may be given more than once", () => {
	assert.deepEqual(parse("--only", "connect,direct-rtt").only, ["connect", "direct-rtt"]);
	assert.deepEqual(parse("--only", "connect", "--only", "direct-rtt").only, ["connect", "direct-rtt"]);
	assert.deepEqual(parse("--against", "ws").against, ["ws"]);
});

test("peers arguments: what cannot be meant is refused with a reason", () => {
	const refused: readonly (readonly [words: string[], message: RegExp])[] = [
		[["--only", "nonsense"], /"nonsense": there is no such figure/],
		[["--against", "nonsense"], /"nonsense": there is no such system/],
		[["--only", ""], /measure nothing/],
		[["--against", ","], /measure nothing/],
		[["--rounds", "0"], /--rounds/],
		[["--rounds", "1.5"], /whole number/],
		[["--rounds", "x"], /--rounds/],
		[["--seconds=-1"], /--seconds/],
		[["--seconds", "1001"], /--seconds/],
		[["--write", "--quick"], /do not give all figures/],
		[["--write", "--only", "connect"], /do not give all figures/],
		[["--write", "--against", "ws"], /do not give all figures/],
	];
	for (const [words, message] of refused) assert.throws(() => parse(...words), { name: "RangeError", message }, words.join(" "));
	assert.throws(() => parse("--frobnicate"), TypeError);
	assert.throws(() => parse("connect"), TypeError);
});
