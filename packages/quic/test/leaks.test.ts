import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Bundle, bundle } from "./support/bundle.ts";
import { runChild } from "./support/child.ts";

const MIB = 1024 * 1024;

let program: Bundle;

before(async () => {
	program = await bundle("leaks");
});

after(() => program.remove());

test("leaks: 10,000 streams, 200 connections and forgotten objects leave nothing", async () => {
	const { code, signal, stdout, stderr } = await runChild(program.file, { flags: ["--expose-gc"], args: ["10000", "200"] });
	assert.deepEqual([code, signal], [0, null], stderr);
	const left = JSON.parse(stdout) as Record<string, number>;
	assert.ok((left["heapUsed"] ?? MIB) <= MIB, stdout);
	assert.ok((left["external"] ?? MIB) <= MIB, stdout);
	assert.ok((left["arrayBuffers"] ?? MIB) <= MIB, stdout);
	assert.ok((left["rss"] ?? 99 * MIB) <= 16 * MIB, stdout);
	// Each of the two open endpoints may watch its socket from the event loop by a further descriptor, and keeps it.
	assert.ok((left["descriptors"] ?? 99) <= 2, stdout);
	assert.equal(left["open"], 0, stdout);
});
