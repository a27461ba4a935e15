import assert from "node:assert/strict";
import { test } from "node:test";
import { parseArguments } from "./arguments.ts";

const known = ["connect", "quic-rtt-64"];

test("arguments: full rounds by default, short ones when quick", () => {
	assert.deepEqual(parseArguments([], known), {
		json: false,
		write: false,
		list: false,
		help: false,
		quick: false,
		only: undefined,
		rounds: 5,
		seconds: 2,
		library: undefined,
	});
	const quick = parseArguments(["--quick"], known);
	assert.deepEqual([quick.rounds, quick.seconds], [2, 0.4]);
	assert.equal(parseArguments(["--quick", "--rounds", "7"], known).rounds, 7);
});

test("arguments: names are split at commas and may be given more than once", () => {
	assert.deepEqual(parseArguments(["--only", "connect,quic-rtt-64"], known).only, known);
	assert.deepEqual(parseArguments(["--only", "connect", "--only", "quic-rtt-64"], known).only, known);
});

test("arguments: another library", () => {
	assert.equal(parseArguments(["--library", "../old"], known).library, "../old");
});

test("arguments: what cannot be meant is refused", () => {
	for (const words of [
		["--only", "nonsense"],
		["--rounds", "0"],
		["--rounds", "1.5"],
		["--rounds", "x"],
		["--seconds=-1"],
		["--write", "--quick"],
		["--write", "--only", "connect"],
		["--write", "--library", "../old"],
	]) {
		assert.throws(() => parseArguments(words, known), RangeError, words.join(" "));
	}
	assert.throws(() => parseArguments(["--frobnicate"], known), TypeError);
	assert.throws(() => parseArguments(["connect"], known), TypeError);
});
