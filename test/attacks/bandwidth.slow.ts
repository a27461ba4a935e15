/**
 * F9: one key fills the line to a Client with many streams. Another key's echo and stream with that Client go on.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { echo, flood, stage } from "../resources/bandwidth-stage.ts";

const SECONDS = 30;

for (const streams of [1, 16, 256, 1_024]) {
	test(`bandwidth: an echo and a stream beside ${streams} streams of another key, on a line of 2 Mbit/s`, { timeout: 240_000 }, async (t) => {
		const { client, read } = await stage(t, { bitsPerSecond: 2_000_000 });
		const [bad, honest] = [await client("bad"), await client("honest")];
		// Alone it has the line for itself: the queue of the line, filled by one stream, is what it waits for.
		await flood(t, honest, 1);
		await wait(2_000);
		const alone = await echo(t, honest);
		await wait(5_000);
		alone.stop();
		await flood(t, bad, streams);
		await wait(2_000);
		const echoes = await echo(t, honest);
		const before = (["bad", "honest"] as const).map((id) => read.get(id) ?? 0);
		await wait(SECONDS * 1_000);
		echoes.stop();
		const [others = 0, own = 0] = (["bad", "honest"] as const).map((id, i) => (read.get(id) ?? 0) - (before[i] ?? 0));
		const figures = ({ timesMs, quantileMs }: typeof echoes): string =>
			`${timesMs.length} echoes, p50 ${quantileMs(0.5).toFixed()} ms, p99 ${quantileMs(0.99).toFixed()} ms, at most ${quantileMs(1).toFixed()} ms`;
		t.diagnostic(`alone: ${figures(alone)}`);
		t.diagnostic(`beside ${streams} streams: ${figures(echoes)}`);
		t.diagnostic(`${(own / SECONDS / 1_000).toFixed()} kB/s of one stream, ${(others / SECONDS / 1_000).toFixed()} kB/s of the others`);
		assert.ok(own * 8 >= own + others, `${own} of ${own + others}`);
		assert.ok(others * 8 >= own + others, `${others} of ${own + others}`);
		assert.ok(echoes.timesMs.length >= SECONDS / 2, figures(echoes));
	});
}
