import assert from "node:assert/strict";
import { test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import { echo, flood, stage } from "./bandwidth-stage.ts";

/** A busy machine takes several times as long as an idle one. */
const TIMEOUT_MS = 900_000;
/** Bytes a second on the line, with what packets cost. */
const LINE = { bitsPerSecond: 2_000_000 };

test("full line: a stream of one Client gets its share beside 64 streams of another, and so does an echo", { timeout: TIMEOUT_MS }, async (t) => {
	const { client, read } = await stage(t, LINE);
	const [bad, honest] = [await client("bad"), await client("honest")];
	await flood(t, bad, 64);
	await wait(1_000);
	const echoes = await echo(t, honest);
	await wait(3_000);
	echoes.stop();
	const words = `${echoes.timesMs.length} echoes, p50 ${echoes.quantileMs(0.5).toFixed()} ms, at most ${echoes.quantileMs(1).toFixed()} ms`;
	t.diagnostic(words);
	// Without turns, one takes up to three seconds.
	assert.ok(echoes.timesMs.length >= 3, words);
	await flood(t, honest, 1);
	const before = (["bad", "honest"] as const).map((id) => read.get(id) ?? 0);
	await wait(5_000);
	const [others = 0, own = 0] = (["bad", "honest"] as const).map((id, i) => (read.get(id) ?? 0) - (before[i] ?? 0));
	t.diagnostic(`in 5 s: ${own} bytes of one stream, ${others} of 64 streams of another Client`);
	// Half is fair. Without turns it is a fifteenth.
	assert.ok(own * 8 >= own + others, `${own} of ${own + others}`);
	assert.ok(others * 8 >= own + others, `${others} of ${own + others}`);
});

test("full line: a broadcast is not starved by others of which one sender fills the member's line", { timeout: TIMEOUT_MS }, async (t) => {
	const { client, slow } = await stage(t, LINE);
	const [bad, honest] = [await client("bad"), await client("honest")];
	const heard = new Map<string, number>();
	for (const name of ["one", "two", "three", "quiet"]) {
		const membership = await slow.joinBroadcast(name, { mode: "receive" });
		void (async () => {
			for await (const event of membership) if (event.type === "message") heard.set(name, (heard.get(name) ?? 0) + 1);
		})().catch(() => undefined);
	}
	let over = false;
	t.after(() => {
		over = true;
	});
	for (const name of ["one", "two", "three"]) {
		const membership = await bad.joinBroadcast(name, { mode: "send" });
		void (async () => {
			while (!over) await membership.send(new Uint8Array(8_192));
		})().catch(() => undefined);
	}
	await wait(1_500);
	const quiet = await honest.joinBroadcast("quiet", { mode: "send" });
	for (let sent = 0; sent < 20; sent++) {
		await quiet.send(new Uint8Array(512));
		await wait(100);
	}
	for (let looks = 0; looks < 200 && (heard.get("quiet") ?? 0) < 20; looks++) await wait(50);
	t.diagnostic(`messages heard: ${JSON.stringify([...heard])}`);
	assert.equal(heard.get("quiet"), 20);
});
