import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Bundle, bundle } from "./support/bundle.ts";
import { runChild } from "./support/child.ts";

const bundles: Record<string, Bundle> = {};

before(async () => {
	for (const name of ["exit-under-load", "load-worker", "terminate-under-load", "ends-by-itself"]) bundles[name] = await bundle(name);
});

after(async () => {
	for (const { remove } of Object.values(bundles)) await remove();
});

function run(name: string, ...args: string[]): ReturnType<typeof runChild> {
	return runChild(bundles[name]?.file ?? "", { args, timeoutMs: 120_000 });
}

test("exit: process.exit() under load never crashes, 20 times", async () => {
	for (let round = 0; round < 20; round += 2) {
		const ended = await Promise.all([run("exit-under-load", "exit", `${round}`), run("exit-under-load", "exit", `${round + 1}`)]);
		for (const { code, signal, stderr } of ended) {
			assert.equal(signal, null, stderr);
			assert.equal(code, 7, stderr);
		}
	}
});

test("exit: from inside a handler, and by an uncaught exception", async () => {
	const handler = await run("exit-under-load", "handler");
	assert.deepEqual([handler.code, handler.signal], [7, null], handler.stderr);
	const thrown = await run("exit-under-load", "throw", "5");
	assert.deepEqual([thrown.code, thrown.signal], [1, null], thrown.stderr);
	assert.match(thrown.stderr, /as asked/);
});

test("exit: worker.terminate() under load never crashes, 30 times", async () => {
	const { code, signal, stdout, stderr } = await run("terminate-under-load", bundles["load-worker"]?.file ?? "", "30");
	assert.equal(signal, null, stderr);
	assert.equal(code, 0, stderr);
	assert.match(stdout, /terminated 30/);
});

for (const how of ["unused", "unref", "close", "close-unref"]) {
	test(`exit: a process ends by itself (${how})`, async () => {
		const { code, signal, stdout, stderr } = await run("ends-by-itself", how);
		assert.equal(signal, null, `it had to be killed: ${stdout} ${stderr}`);
		assert.equal(code, 0, stderr);
		assert.match(stdout, /over/);
	});
}

test("exit: an open endpoint keeps its process alive", async () => {
	const { signal, stdout } = await runChild(bundles["ends-by-itself"]?.file ?? "", { args: ["open"], killed: { after: /over/, ms: 1_000 } });
	assert.match(stdout, /over/);
	assert.equal(signal, "SIGKILL", "it was still there");
});
