import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { test } from "node:test";
import { bundle } from "./support/bundle.ts";
import { endpoint, listening, nextConnection, SERVER } from "./support/link.ts";

// A peer that hears from a connection which is over already answers with a stateless reset, and quinn takes that for the end
// although the close came with it: so the close must not wait for a thread that may not run for a while.
test("close: it is on its way when the call returns, also when the process does not run any more", {
	skip: process.platform === "win32" && "a process cannot stop itself on Windows",
}, async (t) => {
	const child = await bundle("close-and-stop");
	t.after(() => child.remove());
	for (let round = 0; round < 10; round++) {
		const server = endpoint(t);
		server.listen(listening());
		const arrived = nextConnection(server);
		const stopped = spawn(process.execPath, [child.file, String(server.address.port), Buffer.from(SERVER.keyPin).toString("hex")], { stdio: "inherit" });
		t.after(() => stopped.kill("SIGKILL"));
		const accepted = await arrived;
		accepted.confirm();
		const { by, closeCode, reason } = await accepted.closed;
		assert.deepEqual([by, closeCode, reason], ["peer", 5, "words"], `round ${round}`);
		stopped.kill("SIGKILL");
	}
});
