/** The Coordinator dies: in the middle of an attempt, and with a live channel. All of it at once, as most of it is waiting. */

import assert from "node:assert/strict";
import { after, describe, test } from "node:test";
import { nowMs, sleep } from "./actors/actions.ts";
import { GO_ON_MS } from "./report/results.ts";
import { eventually, REQUEST_MS, TIMER_MS, World } from "./world.ts";

/** A QUIC connection is lost after 15 s of silence. */
const NOTICED_MS = 20_000;

const world = await World.up({ after }, { a: "port", b: "port" });

describe("coordinator loss", { concurrency: true }, () => {
	[30, 110, 190, 290].forEach((afterMs, i) => {
		test(`coordinator loss: ${afterMs} ms into an attempt there is a channel with that peer or a coded error, within 10 s`, async () => {
			const { actor, where } = await world.anotherCoordinator(2_000 + 10 * i);
			const [a, b] = await Promise.all([world.connect("a", where), world.connect("b", where)]);
			const opening = a.openChannel(b);
			await sleep(afterMs);
			await actor.kill();
			const { ms, error } = await opening;
			assert.ok(ms <= REQUEST_MS + TIMER_MS, `${ms} ms`);
			if (error === undefined) assert.equal((await a.openStream(b, "direct")).path, "direct");
			else assert.match(error.code ?? "", /^(COORDINATOR_LOST|DIRECT_UNAVAILABLE|PEER_TIMEOUT|PEER_LOST)$/, error.message);
			for (const [self, peer] of [
				[a, b],
				[b, a],
			] as const) {
				for (const channel of await self.channels()) assert.equal(channel.peer, peer.id);
			}
		});
	});

	test("coordinator loss: a live channel goes on, is used by auto, and is the last thing that keeps a Client", async () => {
		const { actor, where } = await world.anotherCoordinator(1_900);
		const stays = { ...where, reconnect: false };
		const [a, b] = await Promise.all([world.connect("a", stays), world.connect("b", stays)]);
		assert.equal((await a.openChannel(b)).error, undefined);
		const stream = await a.openStream(b, "direct");
		await actor.kill();
		const killedMs = nowMs();
		const noticed = async (): Promise<boolean> => {
			const { ms, error } = await a.echo(stream);
			assert.equal(error, undefined, `the stream ended after ${nowMs() - killedMs} ms`);
			assert.ok(ms < 1_000, `an echo took ${ms} ms`);
			await sleep(200);
			const both = await Promise.all([a.events(), b.events()]);
			return both.every((events) => events.some(({ event }) => event.type === "disconnected"));
		};
		assert.ok(await eventually(NOTICED_MS, noticed), "both notice that the Coordinator is gone");
		assert.equal((await a.echo(stream)).error, undefined);
		assert.equal((await a.openStream(b)).path, "direct", "auto uses what lives");
		assert.equal((await b.openStream(a, "direct")).path, "direct");
		assert.equal((await a.openStream(b, "proxied")).error?.code, "COORDINATOR_LOST");
		const ends = Promise.all([a.closed(), b.closed()]);
		await a.closeChannel(b);
		assert.ok(await Promise.race([ends, sleep(GO_ON_MS).then(() => undefined)]), "with the last channel both are over");
	});
});
