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
	const { code, signal, stdout, stderr } = await runChild(program.file, { flags: ["--expose-gc"], args: ["10000", "200"], timeoutMs: 280_000 });
	assert.deepEqual([code, signal], [0, null], stderr);
	const left = JSON.parse(stdout) as Record<string, number>;
	assert.ok((left["heapUsed"] ?? 99 * MIB) <= MIB, stdout);
	assert.ok((left["external"] ?? 99 * MIB) <= MIB, stdout);
	assert.ok((left["arrayBuffers"] ?? 99 * MIB) <= MIB, stdout);
	assert.ok((left["rss"] ?? 99 * MIB) <= 16 * MIB, stdout);
	// Fewer than there were may be left, where what came before had not quite ended.
	assert.ok((left["descriptors"] ?? 99) <= 0, stdout);
	assert.ok((left["open"] ?? 99) <= 0, stdout);
});
