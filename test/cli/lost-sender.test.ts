/** `conec receive` whose sender was killed in the middle of a file: it says how long it waits, goes on taking others, and gives up then, or when the sender comes again. */

import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { type TestContext, test } from "node:test";
import { encodeTransfer } from "../../packages/conec/src/cli/transfer/index.ts";
import type { MessageStream } from "../../packages/conec/src/index.ts";
import type { Machine } from "../../packages/conec/testing/world.ts";
import { folder } from "./harness.ts";
import { type Playing, VirtualSite } from "./virtual-site.ts";

interface Scene {
	readonly site: VirtualSite;
	readonly ben: Playing;
	readonly directory: string;
	/** Begins to send a file, and never ends that. */
	readonly sends: () => Promise<{ readonly machine: Machine; readonly stream: MessageStream; kill(): void }>;
}

async function scene(t: TestContext, ...args: string[]): Promise<Scene> {
	const site = await VirtualSite.open(t);
	await site.starts();
	const directory = await folder(t);
	const ben = site.client("ben", "receive", "--any", "--dir", directory, ...args);
	await ben.says(/waiting for files/);
	const { world } = site;
	const sends: Scene["sends"] = async () => {
		const machine = world.machine("ann");
		const client = await world.clock.until(world.connect(machine, "ann", { id: "ann" }), 5_000);
		const opening = client.openStream("ben", { protocol: "conec-files/1", path: "proxied", resumable: { forMs: 600_000 }, metadata: { files: 1, bytes: 9 } });
		const stream = await world.clock.until(opening, 5_000);
		await world.clock.until(stream.send(encodeTransfer({ type: "file", index: 0, name: "film", size: 1_000_000 })), 1_000);
		await ben.says(/receiving from ann/);
		t.after(() => client.destroy());
		return {
			machine,
			stream,
			kill() {
				world.kill(machine);
				client.destroy();
			},
		};
	};
	return { site, ben, directory, sends };
}

const LOST = /^lost the way to "ann"; trying to go on for up to /m;

test("receive: a sender that was killed is waited for as long as the line says, by default 10 minutes, and the unfinished file goes", async (t) => {
	for (const [args, words, leastMs] of [
		[[], /for up to 10 min$/m, 590_000],
		[["--give-up-after", "30"], /for up to 30 s$/m, 25_000],
		[["--once", "--give-up-after", "2m"], /for up to 120 s$/m, 110_000],
	] as const) {
		const { site, ben, directory, sends } = await scene(t, ...args);
		(await sends()).kill();
		await ben.says(LOST);
		assert.match(ben.remarks, words);
		const sinceMs = site.world.clock.now();
		await site.world.clock.advance(leastMs - 10_000);
		assert.doesNotMatch(ben.remarks, /Cannot finish/);
		await ben.says(/Cannot finish receiving from "ann" \(unfinished files are removed\): .*there was no way to it for too long/);
		assert.ok(site.world.clock.now() - sinceMs >= leastMs - 10_000);
		assert.deepEqual(await readdir(directory), []);
		if (args[0] === "--once") await ben.exits(5);
		else assert.equal(ben.status, undefined, "it goes on for others");
	}
});

test("receive: with --give-up-after 0 a lost sender is given up at once", async (t) => {
	const { ben, directory, sends } = await scene(t, "--give-up-after", "0");
	(await sends()).kill();
	await ben.says(/Cannot finish receiving from "ann"/);
	assert.doesNotMatch(ben.remarks, LOST);
	assert.deepEqual(await readdir(directory), []);
});

test("receive: when the same sender comes again, what its killed process had begun is given up within seconds", async (t) => {
	const { site, ben, sends } = await scene(t);
	(await sends()).kill();
	await ben.says(LOST);
	await sends();
	await site.passes(6_000);
	assert.match(ben.remarks, /Cannot finish receiving from "ann"/);
	assert.equal(ben.remarks.match(/Cannot finish/g)?.length, 1, "the new one goes on");
});

test("receive: Ctrl-C ends the wait for a lost sender at once", async (t) => {
	const { site, ben, directory, sends } = await scene(t);
	(await sends()).kill();
	await ben.says(LOST);
	const sinceMs = site.world.clock.now();
	ben.surroundings.signals.raise("SIGINT");
	await ben.exits(130);
	assert.ok(site.world.clock.now() - sinceMs < 1_000);
	assert.deepEqual(await readdir(directory), []);
});
