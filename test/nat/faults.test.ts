/**
 * What a path survives: addresses and mappings that change in the middle of a transfer, losses, and the end of the Coordinator.
 * Each fault twenty times: `npm run test:nat -- --full`.
 */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { nowMs, sleep } from "./actors/actions.ts";
import { FAULTS, faultOutcome, MIB, TRANSFER_BYTES } from "./faults.ts";
import { GO_ON_MS } from "./report/results.ts";
import { eventually, story, World } from "./world.ts";

const world = await World.up({ after });

for (const fault of FAULTS) {
	test(`faults: ${fault.name} in the middle of ${TRANSFER_BYTES / MIB} MiB ${fault.promise}`, async () => {
		const outcome = await faultOutcome(world, fault);
		const wrong = outcome.problem ?? outcome.late;
		assert.equal(wrong, undefined, `${wrong}\n${outcome.story}`);
	});
}

for (const { rttMs, lossPercent, mebibytes } of [
	{ rttMs: 40, lossPercent: 1, mebibytes: 8 },
	{ rttMs: 40, lossPercent: 5, mebibytes: 4 },
	{ rttMs: 150, lossPercent: 1, mebibytes: 2 },
	{ rttMs: 150, lossPercent: 5, mebibytes: 0.5 },
]) {
	test(`faults: with ${lossPercent} % loss and ${rttMs} ms a channel comes up and ${mebibytes} MiB arrive as they were sent, on both paths`, async () => {
		for (const link of ["a", "b", "co"] as const) await world.lab.wire(link, { delayMs: rttMs / 4, lossPercent: link === "a" ? lossPercent : 0, seed: 11 });
		const [a, b] = await world.pair(["port", "port"]);
		const channel = await a.openChannel(b);
		assert.equal(channel.error, undefined, `${JSON.stringify(channel)}${await story(a, b)}`);
		const names = (["direct", "proxied"] as const).map((path) => ({ path, name: `lossy ${path} ${a.id}` }));
		for (const { path, name } of names) assert.deepEqual(await a.send(b, path, name, mebibytes * MIB), { path });
		for (const { name } of names) {
			const account = await a.result(name);
			assert.equal(account.error, undefined, `${name}: ${JSON.stringify(account)}`);
			assert.equal(account.bytes, mebibytes * MIB);
		}
	});
}

test("faults: the Coordinator dies at any moment of an attempt: there is a channel with that peer or a coded error within 10 s", async () => {
	for (const link of ["a", "b", "co"] as const) await world.lab.wire(link, { delayMs: 25 });
	for (const afterMs of [30, 90, 160, 240]) {
		await world.anotherCoordinator();
		const [a, b] = await world.pair(["port", "port"]);
		const opening = a.openChannel(b);
		await sleep(afterMs);
		await world.coordinator.kill();
		const { ms, error } = await opening;
		assert.ok(ms <= 10_250, `killed after ${afterMs} ms: ${ms} ms`);
		if (error === undefined) assert.equal((await a.openStream(b, "direct")).path, "direct", `killed after ${afterMs} ms`);
		else assert.match(error.code ?? "", /^(COORDINATOR_LOST|DIRECT_UNAVAILABLE|PEER_TIMEOUT|PEER_LOST)$/, `killed after ${afterMs} ms: ${error.message}`);
		for (const [self, peer] of [
			[a, b],
			[b, a],
		] as const) {
			for (const channel of await self.channels()) assert.equal(channel.peer, peer.id);
		}
		await Promise.all([a.close(), b.close()]);
	}
});

test("faults: a live channel goes on without the Coordinator, and is the last thing that keeps a Client", async () => {
	await world.anotherCoordinator();
	const [a, b] = await world.pair(["port", "port"]);
	assert.equal((await a.openChannel(b)).error, undefined);
	const stream = await a.openStream(b, "direct");
	await world.coordinator.kill();
	const killedMs = nowMs();
	const lost = async (): Promise<boolean> => {
		const { ms, error } = await a.echo(stream);
		assert.equal(error, undefined, `the stream ended after ${nowMs() - killedMs} ms`);
		assert.ok(ms < 1_000, `an echo took ${ms} ms`);
		await sleep(200);
		const both = await Promise.all([a.events(), b.events()]);
		return both.every((events) => events.some(({ event }) => event.type === "disconnected"));
	};
	assert.ok(await eventually(25_000, lost), "both notice that the Coordinator is gone");
	assert.equal((await a.echo(stream)).error, undefined);
	assert.equal((await a.openStream(b)).path, "direct", "auto uses what lives");
	assert.equal((await b.openStream(a, "direct")).path, "direct");
	assert.equal((await a.openStream(b, "proxied")).error?.code, "COORDINATOR_LOST");
	const ends = Promise.all([a.closed(), b.closed()]);
	await a.closeChannel(b);
	assert.ok(await Promise.race([ends, sleep(GO_ON_MS * 2).then(() => undefined)]), "with the last channel both are over");
});
