/**
 * What is heard of a claim by a process that did not run for longer than it wanted to wait, as happens on a busy machine.
 */

import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { temporary } from "../../testing/temporary.ts";
import { askFile, HEARTBEAT, publishFile } from "./file-claim.ts";
import type { Answer } from "./lock-claim.ts";
import { askAt, ClaimServer } from "./socket-claim.ts";

const WAIT_MS = 400;

/** Nothing in this process runs for longer than that, and then `next` is the first to. */
function stopFor(waitMs: number, next: () => void): void {
	setTimeout(() => {
		Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1.5 * waitMs);
		next();
	}, waitMs / 8);
}

async function outcomeOf(answer: Answer): Promise<Answer> {
	assert.equal(answer.type, "claims");
	return await (answer as Extract<Answer, { type: "claims" }>).outcome();
}

test("lock by file: what is decided while this process did not run is heard, however long that was", async (t) => {
	const directory = await temporary(t);
	// A claim of this process, in the place of another's.
	const claim = await publishFile(directory, "coordinator", HEARTBEAT);
	const [file = ""] = await readdir(directory);
	t.after(() => claim.withdraw());
	const answer = await askFile(directory, file, WAIT_MS, HEARTBEAT);
	const record = JSON.parse(await readFile(join(directory, file), "utf8")) as object;
	stopFor(WAIT_MS, () => writeFileSync(join(directory, file), JSON.stringify({ ...record, held: true })));
	assert.equal((await outcomeOf(answer)).type, "held");
});

test("lock by file: a claim that stays undecided is silent after the time to wait", async (t) => {
	const directory = await temporary(t);
	const claim = await publishFile(directory, "coordinator", HEARTBEAT);
	const [file = ""] = await readdir(directory);
	t.after(() => claim.withdraw());
	const startMs = performance.now();
	assert.deepEqual(await outcomeOf(await askFile(directory, file, WAIT_MS, HEARTBEAT)), { type: "silent", errno: undefined });
	assert.ok(performance.now() - startMs >= WAIT_MS - 5);
});

for (const [when, hold] of [
	["before it had said anything", true],
	["after it had said that it is not decided", false],
] as const) {
	test(`lock by socket: what is said while this process did not run is heard, however long that was: ${when}`, async (t) => {
		const directory = await temporary(t);
		const address = join(directory, "claim.sock");
		const server = new ClaimServer();
		t.after(() => server.close());
		await server.listen(address);
		if (hold) {
			server.hold();
			const asked = askAt(address, WAIT_MS);
			Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1.5 * WAIT_MS);
			assert.equal((await asked).type, "held");
			return;
		}
		const answer = await askAt(address, WAIT_MS);
		stopFor(WAIT_MS, () => server.hold());
		assert.equal((await outcomeOf(answer)).type, "held");
	});
}
