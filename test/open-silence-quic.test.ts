/** A peer whose process stands still, and one whose process is busy, as real processes over loopback: only the first is lost. */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Client, Coordinator } from "../packages/conec/src/index.ts";
import { NODE_FLAGS, programOf } from "../packages/conec/testing/node-flags.ts";

const CHILD = programOf(fileURLToPath(new URL("children/busy.ts", import.meta.url)));
const NO_STOP = process.platform === "win32" ? "there is no SIGSTOP" : false;

async function scene(t: TestContext): Promise<{ alice: Client; child: ChildProcess }> {
	const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0 });
	const where = { coordinator: `127.0.0.1:${coordinator.address.port}`, pin: coordinator.fingerprint };
	const child = spawn(process.execPath, [...NODE_FLAGS, CHILD, "bob", where.coordinator, where.pin], { stdio: ["ignore", "pipe", "inherit"] });
	t.after(() => child.kill("SIGKILL"));
	await once(createInterface({ input: child.stdout }), "line");
	const alice = await Client.connect({ id: "alice", localAddress: "127.0.0.1", ...where });
	t.after(async () => {
		await alice.close();
		await coordinator.close();
	});
	return { alice, child };
}

for (const path of ["proxied", "direct"] as const) {
	test(`open silence: a peer whose process is stopped is PEER_LOST after about 5 s, path ${path}`, { timeout: 300_000, skip: NO_STOP }, async (t) => {
		const { alice, child } = await scene(t);
		await (await alice.openStream("bob", { path })).close();
		child.kill("SIGSTOP");
		const started = performance.now();
		await assert.rejects(alice.openStream("bob", { path }), { code: "PEER_LOST", peer: "bob" });
		const tookMs = performance.now() - started;
		assert.ok(tookMs >= 4_900 && tookMs < 9_500, `${tookMs} ms`);
		child.kill("SIGCONT");
	});

	test(`open silence: a peer whose process is busy for 7 s is waited for, path ${path}; so is its acknowledgement`, { timeout: 300_000 }, async (t) => {
		const { alice } = await scene(t);
		const stream = await alice.openStream("bob", { path });
		assert.equal(stream.path, path);
		await stream.send("busy 7000");
		await stream.send("here again");
		const closing = stream.close();
		// It is busy before it can see this one.
		await new Promise((resolve) => setTimeout(resolve, 200));
		const started = performance.now();
		const other = await alice.openStream("bob", { path });
		assert.ok(performance.now() - started > 5_500, "it was busy");
		assert.equal(Buffer.from((await stream.receive()) ?? []).toString(), "here again");
		await closing;
		await other.close();
	});
}
