import assert from "node:assert/strict";
import { test } from "node:test";
import { MIB, run } from "./actors.ts";

test("leaks: 10,000 streams and 1,000 connects leave nothing behind, and the process ends by itself", { timeout: 120_000 }, async (t) => {
	const { lines, code, afterLastLineMs } = await run(t, "churn", "10000", "1000");
	assert.equal(code, 0);
	assert.equal(lines[1], "closed");
	assert.ok(afterLastLineMs < 3_000, `it lived ${afterLastLineMs} ms after the end`);
	const grown = JSON.parse(lines[0] as string) as Record<"streams" | "connects", Record<string, number>>;
	t.diagnostic(lines[0] as string);
	for (const what of ["streams", "connects"] as const) {
		assertNothingLeft(grown[what], what);
	}
});

test("leaks: 500 direct channels opened and closed by either side and by both leave nothing behind, and the process ends by itself", {
	timeout: 120_000,
}, async (t) => {
	const { lines, code, afterLastLineMs } = await run(t, "channels", "500");
	assert.equal(code, 0);
	assert.equal(lines[1], "closed");
	assert.ok(afterLastLineMs < 3_000, `it lived ${afterLastLineMs} ms after the end`);
	t.diagnostic(lines[0] as string);
	const { ms: _, ...grown } = JSON.parse(lines[0] as string) as Record<string, number>;
	assertNothingLeft(grown, "channels");
});

test("leaks: a process ends by itself in whatever phase of a direct channel its Clients end", { timeout: 60_000 }, async (t) => {
	const { lines, code, afterLastLineMs } = await run(t, "channels-ending");
	assert.deepEqual([lines, code], [["closed"], 0]);
	assert.ok(afterLastLineMs < 2_000, `it lived ${afterLastLineMs} ms after the end`);
});

test("leaks: a process ends by itself when all is closed, destroyed, aborted or lost", { timeout: 60_000 }, async (t) => {
	const { lines, code, afterLastLineMs } = await run(t, "ending");
	assert.deepEqual([lines, code], [["closed"], 0]);
	assert.ok(afterLastLineMs < 2_000, `it lived ${afterLastLineMs} ms after the end`);
});

function assertNothingLeft(grown: Readonly<Record<string, number>>, what: string): void {
	const { heapUsed = MIB * 99, external = MIB * 99, arrayBuffers = MIB * 99, rss = MIB * 99, ...counted } = grown;
	assert.ok(heapUsed <= MIB, `${what}: heap +${heapUsed}`);
	assert.ok(external <= MIB && arrayBuffers <= MIB, `${what}: external +${external}, buffers +${arrayBuffers}`);
	assert.ok(rss <= 16 * MIB, `${what}: RSS +${rss}`);
	assert.deepEqual(counted, { descriptors: 0, handles: 0, timers: 0, clients: 0, streams: 0 }, what);
}
