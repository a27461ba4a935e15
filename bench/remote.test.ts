import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { cpuSeconds, freeze, openDescriptors, type Remote, residentBytes, startProgram, startRole, thaw, threadSeconds } from "./remote.ts";

/** A role in plain JavaScript: echoes, fails, dies or stays silent. */
const ROLE = `
process.on("message", ({ id, method, argument }) => {
	if (method === "echo") process.send({ id, result: argument });
	if (method === "fail") process.send({ id, error: "as told" });
	if (method === "die") process.exit(3);
});
process.on("disconnect", () => process.exit(0));
`;

function start(t: TestContext): Remote {
	const directory = mkdtempSync(join(tmpdir(), "conec-bench-test-"));
	mkdirSync(join(directory, "roles"));
	writeFileSync(join(directory, "roles/play.js"), ROLE);
	const remote = startRole(directory, "play");
	t.after(async () => {
		await remote.stop();
		rmSync(directory, { recursive: true });
	});
	return remote;
}

test("remote: answers come back to their calls, bytes included", async (t) => {
	const remote = start(t);
	const [text, bytes] = await Promise.all([remote.call("echo", "a"), remote.call("echo", new Uint8Array([1, 2]))]);
	assert.equal(text, "a");
	assert.deepEqual(bytes, new Uint8Array([1, 2]));
	await assert.rejects(remote.call("fail"), /The play process failed: as told/);
});

test("remote: a process that dies or stays silent fails the call", async (t) => {
	const remote = start(t);
	await assert.rejects(remote.call("silence", undefined, 50), /did not answer "silence" within 50 ms/);
	await assert.rejects(remote.call("die"), /The play process ended: exit 3/);
	await assert.rejects(remote.call("echo"), /The play process failed/);
	await remote.stop();
	await remote.stop();
});

test("remote: memory and descriptors of a process can be read from outside", { skip: process.platform !== "linux" && "reads /proc" }, async (t) => {
	const remote = start(t);
	await remote.call("echo");
	assert.ok(residentBytes(remote.pid) > 10_000_000);
	assert.ok(openDescriptors(remote.pid) > 3);
	assert.ok(cpuSeconds(remote.pid) > 0 && cpuSeconds(remote.pid) < 60);
	assert.equal(cpuSeconds(2 ** 30), 0);
	assert.ok(Number.isNaN(residentBytes(2 ** 30)));
	assert.ok(Number.isNaN(openDescriptors(2 ** 30)));
});

test("remote: the CPU time of a process is told by what its threads do", { skip: process.platform !== "linux" && "reads /proc" }, async (t) => {
	const remote = start(t);
	await remote.call("echo");
	const { javascript, network, rest } = threadSeconds(remote.pid);
	assert.ok(javascript > 0 && rest >= 0);
	assert.equal(network, 0, "it has no connection");
	// Ticks may pass between the two looks.
	assert.ok(Math.abs(javascript + rest - cpuSeconds(remote.pid)) < 0.5);
	assert.ok(Number.isNaN(threadSeconds(2 ** 30).javascript));
});

test("remote: a program can be run by another that becomes it", { skip: process.platform === "win32" && "has no env" }, async (t) => {
	const directory = mkdtempSync(join(tmpdir(), "conec-bench-test-"));
	t.after(() => rmSync(directory, { recursive: true }));
	const file = join(directory, "play.js");
	writeFileSync(file, ROLE.replace("argument });", "process.env.PLACE });"));
	const remote = startProgram(file, "play", { within: ["env", "PLACE=elsewhere"] });
	assert.equal(await remote.call("echo"), "elsewhere");
	await remote.stop();
});

test("remote: a frozen process answers once it is thawed; thawing one that is gone does nothing", {
	skip: process.platform === "win32" && "has no SIGSTOP",
}, async (t) => {
	const remote = start(t);
	await remote.call("echo");
	freeze(remote);
	await assert.rejects(remote.call("echo", 1, 200), /did not answer/);
	const late = remote.call("echo", 2);
	thaw(remote);
	assert.equal(await late, 2);
	freeze(remote);
	await remote.stop();
	thaw(remote);
});
