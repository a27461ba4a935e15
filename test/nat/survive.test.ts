/** `npm run demo:survive` does what it promises: everything in it is verified by itself, and its exit status tells. */

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

test("demo:survive: a file, a talk and a broadcast live through a killed Coordinator and networks that change", async (t) => {
	const script = fileURLToPath(new URL("../../scripts/demo-survive.mjs", import.meta.url));
	const child = spawn(process.execPath, [script], { stdio: ["ignore", "pipe", "inherit"] });
	t.after(() => child.kill("SIGTERM"));
	let text = "";
	child.stdout.setEncoding("utf8").on("data", (piece: string) => {
		text += piece;
	});
	const [status] = (await once(child, "close")) as [number | null];
	assert.equal(status, 0, text);
	for (const line of [
		/ok file: \d+ MiB from alice to bob, SHA-256 equal/,
		/ok talk: \d+ lines of alice, each there once and in order/,
		/ok broadcast at carol:/,
	])
		assert.match(text, line);
	for (const what of ["kill -9 of the Coordinator", "alice's router gets another public address", "bob's line is cut", "carol gets another address"])
		assert.ok(text.includes(`*** ${what}`), what);
});
