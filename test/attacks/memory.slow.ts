/** What a Coordinator holds while many want much of it, and what is left of that when they have gone. */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { Actor, MIB as MiB } from "../resources/actors.ts";

const TIMEOUT_MS = 600_000;
/** After the connections have ended, memory goes back to the system within this. */
const BACK_MS = 20_000;
const BACK_WITHIN_BYTES = 32 * MiB;

/** Of what a Coordinator counts (`heldBytes`): what its process must have grown by to be full, what it may (docs/limits.md), and what it may for a moment, with garbage. */
const [HELD_AT_LEAST, HELD_AT_MOST, PEAK_AT_MOST] = [0.5, 1.75, 3];

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** One process; see `children/holder.ts`. */
const holder = (t: TestContext): Promise<Actor> => Actor.start(t, "../attacks/children/holder.ts");

interface Stage {
	readonly coordinator: Actor;
	readonly where: { readonly coordinator: string; readonly pin: string };
	rss(): Promise<number>;
	/** Does something, and gives the most that was resident meanwhile. */
	peakOf(work: Promise<unknown>): Promise<number>;
	/** Resolves when nobody is connected. */
	alone(): Promise<void>;
}

async function stage(t: TestContext, options: object = {}): Promise<Stage> {
	const coordinator = await holder(t);
	const { port, pin } = await coordinator.call<{ port: number; pin: string }>("listen", options);
	const rss = (): Promise<number> => coordinator.call<number>("rss");
	const peakOf = async (work: Promise<unknown>): Promise<number> => {
		let over = false;
		let peak = 0;
		const ended = work.finally(() => {
			over = true;
		});
		while (!over) {
			peak = Math.max(peak, await rss());
			await Promise.race([sleep(200), ended.catch(() => undefined)]);
		}
		await ended;
		return Math.max(peak, await rss());
	};
	const alone = async (): Promise<void> => {
		while ((await coordinator.call<number>("clients")) > 0) await sleep(200);
	};
	return { coordinator, where: { coordinator: `127.0.0.1:${port}`, pin }, rss, peakOf, alone };
}

const inMiB = (bytes: number): string => (bytes / MiB).toFixed(1);
const named = (name: string, count: number): string[] => Array.from({ length: count }, (_, i) => `${name}-${i}`);

for (const keys of [4, 8]) {
	test(`memory: ${keys} keys with 1,024 unread streams each, twice: what the second round leaves is what the first one left`, {
		timeout: TIMEOUT_MS,
	}, async (t) => {
		const { where, rss, peakOf, alone } = await stage(t);
		const before = await rss();
		const left: number[] = [];
		for (let round = 0; round < 3; round++) {
			const one = await holder(t);
			await one.call("connect", { ...where, ids: named(`r${round}`, keys) });
			const peak = await peakOf(one.call("fill", { streams: 1_024 }));
			await one.call("leave");
			one.signal("SIGKILL");
			await alone();
			const at = await rss();
			await sleep(BACK_MS);
			left.push(await rss());
			t.diagnostic(
				`round ${round}: ${inMiB(before)} before, ${inMiB(peak)} at most, ${inMiB(at)} when all had gone, ${inMiB(left.at(-1) as number)} later (MiB)`,
			);
		}
		for (const bytes of left.slice(1)) assert.ok(bytes <= (left[0] as number) + BACK_WITHIN_BYTES, left.map(inMiB).join());
	});
}

test("memory: 100,000 short streams leave little", { timeout: TIMEOUT_MS }, async (t) => {
	const { where, rss } = await stage(t);
	const one = await holder(t);
	await one.call("connect", { ...where, ids: ["short"] });
	await one.call("short", { streams: 2_000 });
	await sleep(BACK_MS);
	const before = await rss();
	await one.call("short", { streams: 100_000 });
	const at = await rss();
	await sleep(BACK_MS);
	const after = await rss();
	t.diagnostic(`${inMiB(before)} before, ${inMiB(at)} at the end, ${inMiB(after)} later (MiB)`);
	assert.ok(after - before <= BACK_WITHIN_BYTES, inMiB(after - before));
});

for (const how of ["reads", "does not read", "does not acknowledge"] as const) {
	test(`memory: 300 Clients with 8 watches each and 60 changes of a kilobyte a second; who watches ${how}`, { timeout: TIMEOUT_MS }, async (t) => {
		const { where, rss, peakOf } = await stage(t);
		const [updaters, ...watchers] = await Promise.all(Array.from({ length: 4 }, () => holder(t)));
		const ids = named("watcher", 300);
		await updaters?.call("connect", { ...where, ids: named("updater", 60) });
		await Promise.all(watchers.map((watcher, i) => watcher.call("connect", { ...where, ids: ids.filter((_, at) => at % 3 === i) })));
		const connected = await rss();
		await Promise.all(watchers.map((watcher) => watcher.call("watch", { watches: 8, reads: how === "reads" })));
		const watched = await rss();
		if (how === "does not acknowledge") for (const watcher of watchers) watcher.signal("SIGSTOP");
		const peak = await peakOf(updaters?.call("update", { seconds: 12 }) ?? Promise.resolve());
		for (const watcher of watchers) watcher.signal("SIGCONT");
		t.diagnostic(`${inMiB(connected)} connected, ${inMiB(watched)} with watches, ${inMiB(peak)} at most (MiB)`);
		// For each Client the queue of all its watches and a frame, and what QUIC holds that is not acknowledged: docs/limits.md.
		assert.ok(peak - connected <= 300 * (65_536 + 16_384 + 524_288 + 8 * 16_384), inMiB(peak - connected));
	});
}

test("memory: filled by all that it can be made to hold, a Coordinator holds what `heldBytes` says", { timeout: TIMEOUT_MS }, async (t) => {
	const heldBytes = 96 * MiB;
	const { coordinator, where, peakOf } = await stage(t, {
		limits: { heldBytes },
		broadcasts: { "*": { history: { messages: 10_000, bytes: 4 * MiB } } },
	});
	/** When garbage is collected, and what was freed has gone back. */
	const settled = async (): Promise<number> => {
		await sleep(BACK_MS);
		const usage = await coordinator.call<NodeJS.MemoryUsage>("usage", { gc: true });
		t.diagnostic(`${inMiB(usage.rss)} resident, ${inMiB(usage.heapUsed)} of V8, ${inMiB(usage.external)} outside of it`);
		return usage.rss;
	};
	const [readers, publishers] = await Promise.all([holder(t), holder(t)]);
	await readers.call("connect", { ...where, ids: named("unread", 6) });
	await publishers.call("connect", { ...where, ids: named("publisher", 6) });
	const before = await settled();
	// Histories of 96 MiB in all, and then 160 MiB of messages that nobody takes: more than twice what there is room for.
	await peakOf(publishers.call("publish", { broadcasts: 4, bytes: 5 * MiB }));
	const histories = (await settled()) - before;
	const peak = (await peakOf(readers.call("fill", { streams: 1_024 }))) - before;
	const held = (await settled()) - before;
	t.diagnostic(`${inMiB(histories)} with histories, ${inMiB(peak)} at most, ${inMiB(held)} at the end, of ${inMiB(heldBytes)} (MiB)`);
	assert.ok(Math.max(histories, held) >= HELD_AT_LEAST * heldBytes, "it was filled");
	assert.ok(Math.max(histories, held) <= HELD_AT_MOST * heldBytes, "what is counted is what is held");
	assert.ok(peak <= PEAK_AT_MOST * heldBytes, "with what is counted a second later, and garbage");
});
