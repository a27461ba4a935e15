import assert from "node:assert/strict";
import * as callbacks from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { test } from "node:test";
import { turn } from "../memory/virtual-clock.ts";
import { watchHiddenReads } from "./hidden-reads.ts";

/** A few turns pass between the steps of one that are seen. */
const STEPS = 3;
const MANY = 100_000;

const reads: Readonly<Record<string, () => Promise<unknown>>> = {
	"the promise of a small file": () => readFile(import.meta.filename),
	"the promise of a file as text": () => readFile(import.meta.filename, "utf8"),
	"the promise of attributes": () => stat(import.meta.filename),
	"the callback of a small file": () => new Promise((resolve) => callbacks.readFile(import.meta.filename, resolve)),
	"the promise of a file that is not there": () => readFile(`${import.meta.filename}.none`).catch(() => undefined),
};

for (const [name, read] of Object.entries(reads)) {
	test(`hidden reads: ${name} is seen while it is waited for, and not afterwards`, async () => {
		const hidden = watchHiddenReads();
		const isSeen = (): boolean => hidden.pending > 0 || process.getActiveResourcesInfo().some((type) => /req/i.test(type));
		let done = false;
		const reading = read().then(() => {
			done = true;
		});
		assert.ok(isSeen(), "at once");
		for (let unseen = 0; !done; ) {
			await turn();
			unseen = done || isSeen() ? 0 : unseen + 1;
			assert.ok(unseen < STEPS, `${unseen} turns`);
		}
		await reading;
		// Others read, too: what compiles this file has a cache.
		for (let turns = 0; hidden.pending > 0; turns++) {
			assert.ok(turns < MANY, "one never comes back");
			await turn();
		}
		hidden.stop();
		const later = read();
		assert.equal(hidden.pending, 0, "nothing is counted any more");
		await later;
	});
}
