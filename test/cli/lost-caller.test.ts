/** `conec chat` and `conec pipe` that were called by a peer that was killed: they say how long they wait for it, and wait as long as they say. */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { type Playing, VirtualSite } from "./virtual-site.ts";

interface Scene {
	readonly site: VirtualSite;
	readonly ann: Playing;
	readonly ben: Playing;
}

/** Ben waits for a call, with these arguments. Ann calls, and would wait for an hour. */
async function scene(t: TestContext, command: "chat" | "pipe", ...args: string[]): Promise<Scene> {
	const site = await VirtualSite.open(t);
	await site.starts();
	const ben = site.client("ben", command, ...args);
	await ben.says(/waiting for a/);
	const ann = site.client("ann", command, "--to", "ben", "--path", "proxied", "--give-up-after", "60m");
	await Promise.all([ann, ben].map((one) => one.says(/through the Coordinator/)));
	return { site, ann, ben };
}

const LOST = /^lost the way to "ann"; trying to go on for up to /m;
const GAVE_UP = /^conec: Cannot go on with "ann": there was no way to it for too long\n +No way to the peer was found in time \(--give-up-after\)/m;

for (const command of ["chat", "pipe"] as const) {
	test(`${command}: a caller that was killed is waited for as long as the line says, by default 10 minutes`, async (t) => {
		for (const [args, words, forMs] of [
			[[], /for up to 10 min$/m, 600_000],
			[["--give-up-after", "30"], /for up to 30 s$/m, 30_000],
			[["--from", "ann", "--give-up-after", "2m"], /for up to 120 s$/m, 120_000],
		] as const) {
			const { site, ann, ben } = await scene(t, command, ...args);
			site.kills(ann);
			await ben.says(LOST);
			assert.match(ben.remarks, words);
			const sinceMs = site.world.clock.now();
			// The line comes 4 s after the loss.
			await site.world.clock.advance(forMs - 10_000);
			assert.equal(ben.status, undefined);
			await ben.exits(4);
			assert.match(ben.remarks, GAVE_UP);
			assert.ok(site.world.clock.now() - sinceMs < forMs + 10_000);
		}
	});

	test(`${command}: with --give-up-after 0 a lost caller is given up at once`, async (t) => {
		const { site, ann, ben } = await scene(t, command, "--give-up-after", "0");
		site.kills(ann);
		await ben.exits(4);
		assert.doesNotMatch(ben.remarks, LOST);
		assert.match(ben.remarks, GAVE_UP);
	});

	test(`${command}: a caller that is back in time is no loss, and the time begins anew`, async (t) => {
		const { site, ann, ben } = await scene(t, command, "--give-up-after", "60");
		for (const _ of [1, 2]) {
			site.crashes();
			await Promise.all([ann, ben].map((one) => one.says(/trying to come back/)));
			await site.passes(40_000);
			await site.starts();
			await Promise.all([ann, ben].map((one) => one.says(/again, after/)));
			ann.types("still here");
			await site.passes(10_000);
		}
		ann.surroundings.stdin.end();
		ben.surroundings.stdin.end();
		await Promise.all([ann.exits(0), ben.exits(0)]);
		assert.equal(ben.out.match(/still here/g)?.length, 2);
	});

	test(`${command}: Ctrl-C ends the wait for a lost caller`, async (t) => {
		const { site, ann, ben } = await scene(t, command);
		site.kills(ann);
		await ben.says(LOST);
		const sinceMs = site.world.clock.now();
		ben.surroundings.signals.raise("SIGINT");
		await ben.exits(130);
		assert.ok(site.world.clock.now() - sinceMs < 10_000);
	});

	test(`${command}: where the Coordinator is lost for as long, too, both sides end in that time`, async (t) => {
		const site = await VirtualSite.open(t);
		await site.starts();
		const ben = site.client("ben", command, "--give-up-after", "30");
		await ben.says(/waiting for a/);
		const ann = site.client("ann", command, "--to", "ben", "--path", "proxied", "--give-up-after", "30");
		await Promise.all([ann, ben].map((one) => one.says(/through the Coordinator/)));
		site.crashes();
		await Promise.all([ann, ben].map((one) => one.says(/trying to come back/)));
		const sinceMs = site.world.clock.now();
		await site.until(
			() => ann.status !== undefined && ben.status !== undefined,
			() => "the end of both",
		);
		// Both are over at the same moment, the way to the peer and that to the Coordinator.
		for (const { status, remarks } of [ann, ben]) assert.ok(status === 3 || status === 4, remarks);
		assert.ok(site.world.clock.now() - sinceMs < 40_000);
	});

	test(`${command}: with --wait for a peer, --give-up-after ends the wait for a Coordinator that was lost meanwhile`, async (t) => {
		const site = await VirtualSite.open(t);
		await site.starts();
		const ann = site.client("ann", command, "--to", "ben", "--wait", "--give-up-after", "30");
		await ann.says(/waiting for "ben"/);
		site.crashes();
		await ann.says(/trying to come back/);
		const sinceMs = site.world.clock.now();
		await ann.exits(3);
		assert.ok(site.world.clock.now() - sinceMs < 40_000);
	});
}
