import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Bundle, bundle } from "./support/bundle.ts";
import { runChild } from "./support/child.ts";
import { endpoint, listening, nextConnection, SERVER } from "./support/link.ts";

let child: Bundle;
before(async () => {
	child = await bundle("ends-abruptly");
});
after(() => child.remove());

/** How a child ends, what its process says of that, and what its peer is told. */
const ENDS: readonly (readonly [how: string, exitCode: number, farewell: readonly [code: number, reason: string]])[] = [
	["exit", 0, [14, "gone"]],
	["exit-1", 1, [14, "gone"]],
	["throw", 1, [14, "gone"]],
	["reject", 1, [14, "gone"]],
	["last", 0, [14, "gone"]],
	["worker-exit", 0, [14, "gone"]],
	["worker-throw", 0, [14, "gone"]],
	["worker-last", 0, [14, "gone"]],
	["worker-stay", 0, [14, "gone"]],
	// A close comes first, however late it begins.
	["closing", 0, [5, "words"]],
	["closed", 0, [5, "words"]],
	["close-at-exit", 0, [5, "words"]],
	["worker-closing", 0, [5, "words"]],
	// Too late: the peers know already.
	["close-after-exit", 0, [14, "gone"]],
];

for (const [how, exitCode, farewell] of ENDS) {
	test(`farewell: the peer is told at once when a process ends (${how})`, async (t) => {
		const server = endpoint(t);
		// Silence would end nothing within this test.
		server.listen(listening({ transport: { idleTimeoutMs: 600_000, keepAliveIntervalMs: 0 } }));
		const arrived = nextConnection(server);
		const running = runChild(child.file, { args: [String(server.address.port), Buffer.from(SERVER.keyPin).toString("hex"), how] });
		const accepted = await arrived;
		accepted.confirm();
		const { by, closeCode, reason } = await accepted.closed;
		const { code, signal, stderr } = await running;
		assert.deepEqual([code, signal], [exitCode, null], stderr);
		assert.deepEqual([by, closeCode, reason], ["peer", ...farewell]);
	});
}
