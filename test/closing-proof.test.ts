/**
 * `close()` of a stream whose peer says nothing any more, as real processes: it fails early only on proof that the peer's process is gone.
 * Nobody here notices silence: the idle limits are a minute.
 */

import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { Client, Coordinator, type MessageStream } from "../packages/conec/src/index.ts";
import { NODE_FLAGS, programOf } from "../packages/conec/testing/node-flags.ts";

const CHILD = programOf(fileURLToPath(new URL("children/echo.ts", import.meta.url)));
const NO_STOP = process.platform === "win32" ? "there is no SIGSTOP" : false;
const limits = { idleTimeoutMs: 60_000 };

interface Scene {
	readonly alice: Client;
	/** Starts the one process of bob, or another one with the same key. */
	readonly start: () => Promise<ChildProcess>;
	/** A stream on which the peer has answered. */
	readonly stream: (path: "direct" | "proxied") => Promise<MessageStream>;
}

async function scene(t: TestContext): Promise<Scene> {
	const state = await mkdtemp(join(tmpdir(), "conec-proof-"));
	t.after(() => rm(state, { recursive: true }));
	const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0, limits });
	const where = { coordinator: `127.0.0.1:${coordinator.address.port}`, pin: coordinator.fingerprint };
	const alice = await Client.connect({ id: "alice", localAddress: "127.0.0.1", ...where, limits });
	t.after(() => {
		alice.destroy();
		coordinator.destroy();
	});
	return {
		alice,
		start: async () => {
			const child = spawn(process.execPath, [...NODE_FLAGS, CHILD, "bob", where.coordinator, where.pin, state], { stdio: ["ignore", "pipe", "inherit"] });
			t.after(() => child.kill("SIGKILL"));
			await once(createInterface({ input: child.stdout }), "line");
			return child;
		},
		stream: async (path) => {
			const stream = await alice.openStream("bob", { path });
			await stream.send("hello");
			await stream.receive();
			return stream;
		},
	};
}

for (const path of ["direct", "proxied"] as const) {
	test(`closing: a peer whose process is killed is waited for until another process of it comes, path ${path}`, { timeout: 300_000 }, async (t) => {
		const { start, stream } = await scene(t);
		const child = await start();
		const one = await stream(path);
		child.kill("SIGKILL");
		await once(child, "exit");
		let over = false;
		const closing = assert.rejects(one.close(), { code: "PEER_LOST", peer: "bob" }).then(() => {
			over = true;
		});
		await new Promise((resolve) => setTimeout(resolve, 3_000));
		assert.equal(over, false, "nothing has proved that it is gone");
		await start();
		const restarted = performance.now();
		await closing;
		assert.ok(performance.now() - restarted < 10_000);
	});

	test(`closing: a peer whose process stands still is waited for, path ${path}`, { timeout: 300_000, skip: NO_STOP }, async (t) => {
		const { start, stream } = await scene(t);
		const child = await start();
		const one = await stream(path);
		child.kill("SIGSTOP");
		await one.send("still there?");
		let over = false;
		const closing = one.close().then(() => {
			over = true;
		});
		await new Promise((resolve) => setTimeout(resolve, 6_000));
		assert.equal(over, false);
		// The signal of the call ends the wait, and nothing else.
		const reason = new RangeError("enough");
		await assert.rejects(one.close({ signal: AbortSignal.timeout(1) }), { name: "TimeoutError" });
		await assert.rejects(one.close({ signal: AbortSignal.abort(reason) }), reason);
		child.kill("SIGCONT");
		await closing;
		assert.equal(Buffer.from((await one.receive()) ?? []).toString(), "still there?");
	});
}
