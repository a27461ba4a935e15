import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { test } from "node:test";
import { bundle } from "./support/bundle.ts";

test("endpoint: wherever descriptors run out while it is made, that is told with a code, and the next one can be made", {
	skip: process.platform === "win32" && "there is no limit on descriptors to lower",
}, async (t) => {
	const child = await bundle("few-descriptors");
	t.after(() => child.remove());
	const codes = new Set<string>();
	for (let left = 0; ; left++) {
		assert.ok(left < 30, "so many are not needed");
		const { stdout, stderr } = spawnSync("sh", ["-c", `ulimit -n 100 && exec '${process.execPath}' '${child.file}' ${left}`], { encoding: "utf8" });
		assert.notEqual(stdout, "", stderr);
		const [scarce, plenty] = JSON.parse(stdout) as [string, string];
		assert.equal(plenty, "bound", `after ${scarce} with ${left} left`);
		if (scarce === "bound") break;
		codes.add(scarce);
	}
	assert.deepEqual([...codes].sort(), ["QuicError QUIC_UNAVAILABLE", "QuicError SOCKET_FAILED", "QuicError THREAD_FAILED"]);
});
