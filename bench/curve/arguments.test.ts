import assert from "node:assert/strict";
import { test } from "node:test";
import { parseArguments } from "./arguments.ts";
import { FAMILIES } from "./catalogue.ts";

test("curve arguments: all curves, unless some are named", () => {
	assert.deepEqual(parseArguments([]), { help: false, list: false, json: false, write: false, quick: false, only: FAMILIES });
	assert.deepEqual(parseArguments(["--only", "echo,messages", "--only", "idle"]).only, ["messages", "idle", "echo"], "in the order of a full run");
});

test("curve arguments: what is wrong is said", () => {
	assert.throws(() => parseArguments(["--only", "messages,speed"]), /Cannot measure "speed": there is no such curve \(see --list\)/);
	assert.throws(() => parseArguments(["--only", ","]), /Cannot measure nothing: name a curve/);
	assert.throws(() => parseArguments(["--fast"]), /--fast/);
	assert.throws(() => parseArguments(["echo"]), TypeError);
});

test("curve arguments: a page is written with all figures only", () => {
	assert.equal(parseArguments(["--write"]).write, true);
	for (const words of [["--quick"], ["--only", "echo"], ["--only", FAMILIES.join(",")]])
		assert.throws(() => parseArguments(["--write", ...words]), /Cannot write docs\/performance\.md: --quick and --only do not give all figures/);
});
