import assert from "node:assert/strict";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { ManualClock } from "../../../../testing/cli-surroundings.ts";
import type { LockOutcome } from "../../../files/directory-lock.ts";
import { KeptParts } from "./kept-parts.ts";

const free = async (): Promise<LockOutcome> => ({ type: "locked", lock: { remark: undefined, isVisible: async () => true, release: () => undefined } });

/** Lets everything run that waits for nothing but promises. */
const settle = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

async function folder(t: TestContext): Promise<string> {
	const made = await mkdtemp(join(tmpdir(), "conec-parts-"));
	t.after(() => rm(made, { recursive: true, force: true }));
	return made;
}

test("kept parts: a transfer in which nothing comes any more makes way after 3 s, and the newer one waits until it has", async () => {
	const clock = new ManualClock();
	const parts = new KeptParts(clock, free);
	let asked = 0;
	const old = await parts.claim("d", "n", () => {
		asked += 1;
	});
	clock.pass(2_000);
	old?.touched();
	let newer: unknown = "waits";
	void parts
		.claim("d", "n", () => undefined)
		.then((claim) => {
			newer = claim;
		});
	await settle();
	clock.pass(2_999);
	await settle();
	assert.deepEqual([asked, newer], [0, "waits"]);
	clock.pass(1);
	await settle();
	assert.deepEqual([asked, newer], [1, "waits"]);
	old?.release();
	await settle();
	assert.ok(typeof newer === "object");
	assert.equal(clock.waiting, 0);
});

test("kept parts: a transfer that goes on keeps its part, and the newer one is refused after 20 s", async () => {
	const clock = new ManualClock();
	const parts = new KeptParts(clock, free);
	const old = await parts.claim("d", "n", () => assert.fail("it goes on"));
	let newer: unknown = "waits";
	void parts
		.claim("d", "n", () => undefined)
		.then((claim) => {
			newer = claim;
		});
	for (let second = 0; second < 20; second += 1) {
		await settle();
		assert.equal(newer, "waits");
		clock.pass(1_000);
		old?.touched();
	}
	await settle();
	assert.equal(newer, undefined);
});

test("kept parts: one that cannot end is waited for 20 s; other names and directories are free", async () => {
	const clock = new ManualClock();
	const parts = new KeptParts(clock, free);
	await parts.claim("d", "n", () => undefined);
	assert.ok(await parts.claim("d", "m", () => undefined));
	assert.ok(await parts.claim("e", "n", () => undefined));
	let newer: unknown = "waits";
	void parts
		.claim("d", "n", () => undefined)
		.then((claim) => {
			newer = claim;
		});
	for (let second = 0; second < 20; second += 1) {
		await settle();
		clock.pass(1_000);
	}
	await settle();
	assert.equal(newer, undefined);
});

test("kept parts: of two that wait for a third one gets it, the other waits on", async () => {
	const clock = new ManualClock();
	const parts = new KeptParts(clock, free);
	const first = await parts.claim("d", "n", () => undefined);
	const got: unknown[] = [];
	for (const _ of [1, 2]) void parts.claim("d", "n", () => undefined).then((claim) => got.push(claim));
	await settle();
	first?.release();
	await settle();
	assert.equal(got.length, 1);
});

test("kept parts: where the lock is taken or cannot be made, the part is free again for the next one here", async () => {
	const outcomes = [
		async (): Promise<LockOutcome> => ({ type: "taken", by: "process 7" }),
		() => Promise.reject(Object.assign(new Error("no"), { code: "EPERM" })),
		free,
	];
	const parts = new KeptParts(new ManualClock(), () => (outcomes.shift() ?? free)());
	assert.equal(await parts.claim("d", "n", () => undefined), undefined);
	await assert.rejects(
		parts.claim("d", "n", () => undefined),
		{ code: "EPERM" },
	);
	assert.ok(await parts.claim("d", "n", () => undefined));
});

test("kept parts: two processes do not have the same part, and nothing is left of the lock", async (t) => {
	const directory = await folder(t);
	const [here, there] = [new KeptParts(new ManualClock()), new KeptParts(new ManualClock())];
	const claim = await here.claim(directory, ".conec-part-0", () => undefined);
	assert.ok(claim);
	assert.equal(await there.claim(directory, ".conec-part-0", () => undefined), undefined);
	claim.release();
	claim.release();
	const next = await there.claim(directory, ".conec-part-0", () => undefined);
	assert.ok(next);
	next.release();
	assert.deepEqual(await readdir(directory), []);
});
