import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { readdirSync } from "node:fs";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { NODE_FLAGS, programOf } from "../packages/conec/testing/node-flags.ts";

/** Another runtime to run them with, as a JSON array (`npm run test:nodes`). It gets the sources, and what is installed as `conec`. */
const other = process.env.CONEC_EXAMPLES_RUNTIME;
const directory = fileURLToPath(new URL("../examples/", import.meta.url));
const lines: Readonly<Record<string, readonly string[]>> = {
	"broadcast.ts": [
		"alice sees alice",
		"alice sees bob join",
		"bob hears alice: the kettle boils",
		"carol hears alice: the kettle boils",
		"carol hears bob: coming",
		"in the room: 1 can send, 3 hear",
		"bob: the room is closed",
		"carol: the room is closed",
	],
	"chat.ts": ["alice hears bob: at eight", "bob hears alice: see you", 'bob: alice calls about {"subject":"dinner"}'],
	"coordinator-stream.ts": ["the Coordinator says: the kettle boils", "alice: the Coordinator stops"],
	"direct.ts": ["bob is reached: direct (this side dialled)", "over the direct channel: still there?", "alice's Client ended with COORDINATOR_CLOSED"],
	"echo.ts": ["echo: one", "echo: two"],
	"node-streams.ts": ["bob has the same bytes"],
	"non-blocking.ts": ["shown and missed: 20000; the last one shown: 20000", "most were missed"],
	"presence.ts": ["here: alice", 'join: bob {"status":"at lunch"}', 'update: bob {"status":"back"}', "leave: bob", "peers: alice"],
	"protocols.ts": [
		"echo: hello",
		"sum: 6",
		"sum/1 of alice failed: Error: there is nothing to add",
		"sum: STREAM_RESET",
		'Cannot open stream to "bob": it handles no protocol "sum/1" (check the name, and the version of the program there)',
	],
	"testing.ts": ["attempt 1: it is late", "attempt 27: it is late", "no answer without a clock, after 35 minutes of the network"],
	"typed.ts": ["roof: 21.5 °C", "not sent: ENCODE_FAILED", "cellar: 12 °C"],
};

test("examples: every one is listed here", () => {
	assert.deepEqual(
		readdirSync(directory)
			.filter((name) => name.endsWith(".ts"))
			.sort(),
		Object.keys(lines),
	);
});

for (const [name, expected] of Object.entries(lines)) {
	// That it ends by itself shows that nothing keeps a process alive after close.
	test(`examples: ${name} runs, says what it should and ends by itself`, { timeout: 300_000 }, async () => {
		const [program, ...flags] = other === undefined ? [process.execPath, ...NODE_FLAGS] : (JSON.parse(other) as [string, ...string[]]);
		const file = `${directory}${name}`;
		const { stdout, stderr } = await promisify(execFile)(program, [...flags, other === undefined ? programOf(file) : file], { timeout: 280_000 });
		for (const line of expected) assert.ok(stdout.split("\n").includes(line), `${line} is not in:\n${stdout}`);
		assert.equal(stderr, "");
	});
}
