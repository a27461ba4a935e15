import assert from "node:assert/strict";
import { test } from "node:test";
import { run } from "./actors.ts";
import { BOUNDS } from "./children/left-behind.ts";

/** A process that is kept alive by what is left behind hangs, or lives until connections are idle, after 15 s. */
const LINGERED_MS = 8_000;
/** They compute much, and a busy machine takes several times as long. */
const TIMEOUT_MS = 900_000;

test("leaks: 10,000 streams and 1,000 connects leave nothing behind, and the process ends by itself", { timeout: TIMEOUT_MS }, async (t) => {
	const { lines, code, afterLastLineMs } = await run(t, "churn", "10000", "1000");
	assert.equal(code, 0);
	assert.equal(lines[1], "closed");
	assert.ok(afterLastLineMs < LINGERED_MS, `it lived ${afterLastLineMs} ms after the end`);
	const grown = JSON.parse(lines[0] as string) as Record<"streams" | "connects", Record<string, number>>;
	t.diagnostic(lines[0] as string);
	for (const what of ["streams", "connects"] as const) {
		assertNothingLeft(grown[what], what);
	}
});

test("leaks: 500 direct channels opened and closed by either side and by both leave nothing behind, and the process ends by itself", {
	timeout: TIMEOUT_MS,
}, async (t) => {
	const { lines, code, afterLastLineMs } = await run(t, "channels", "500");
	assert.equal(code, 0);
	assert.equal(lines[1], "closed");
	assert.ok(afterLastLineMs < LINGERED_MS, `it lived ${afterLastLineMs} ms after the end`);
	t.diagnostic(lines[0] as string);
	assertNothingLeft(JSON.parse(lines[0] as string) as Record<string, number>, "channels");
});

test("leaks: a process ends by itself in whatever phase of a direct channel its Clients end", { timeout: TIMEOUT_MS }, async (t) => {
	const { lines, code, afterLastLineMs } = await run(t, "channels-ending");
	assert.deepEqual([lines, code], [["closed"], 0]);
	assert.ok(afterLastLineMs < LINGERED_MS, `it lived ${afterLastLineMs} ms after the end`);
});

test("leaks: a process ends by itself when all is closed, destroyed, aborted or lost", { timeout: TIMEOUT_MS }, async (t) => {
	const { lines, code, afterLastLineMs } = await run(t, "ending");
	assert.deepEqual([lines, code], [["closed"], 0]);
	assert.ok(afterLastLineMs < LINGERED_MS, `it lived ${afterLastLineMs} ms after the end`);
});

/** The least that a round of the work has left behind: a leak is in it, what grows in some rounds only is not. */
function assertNothingLeft(grown: Readonly<Record<string, number>>, what: string): void {
	assert.deepEqual(Object.keys(grown), [...Object.keys(BOUNDS), "descriptors", "handles", "timers", "clients", "streams"]);
	for (const [name, more] of Object.entries(grown)) assert.ok(more <= (BOUNDS[name] ?? 0), `${what}: ${name} +${more}`);
}
