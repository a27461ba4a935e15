import assert from "node:assert/strict";
import { test } from "node:test";
import { Actor, MIB } from "./actors.ts";
import type { Tally } from "./children/actor.ts";

/** What costs processor time is how many they are, and what costs memory how many bytes. */
const SIZE = 500;
/** What the 99 readers have not acknowledged yet is held for each of them, and is none of the frozen one's doing: in one turn about 5 MiB. */
const TURN = 100;
const WARM = 3_000;
/** About twice what is kept for a reader anywhere. */
const MESSAGES = 8_000;
/** Being frozen must not count as being lost, on a slow machine either. */
const patient = { limits: { idleTimeoutMs: 120_000 } };

test("broadcast: in turns that the other 99 keep up with, a frozen reader loses what it is told, they nothing, and the Coordinator grows by 16 MiB at most", {
	timeout: 900_000,
	skip: process.platform === "win32" ? "there is no SIGSTOP" : false,
}, async (t) => {
	const [coordinator, publisher, readers, sleeper] = await Promise.all([Actor.start(t), Actor.start(t), Actor.start(t), Actor.start(t)]);
	const { port, pin } = await coordinator.call<{ port: number; pin: string }>("listen", patient);
	const where = { ...patient, coordinator: `127.0.0.1:${port}`, pin };
	await publisher.call("connect", { id: "publisher", ...where, take: "keep" });
	await readers.call("members", { ids: Array.from({ length: 99 }, (_, i) => `r${i}`), name: "news", ...where });
	await sleeper.call("members", { ids: ["sleeper"], name: "news", ...where });
	const pid = await sleeper.call<number>("pid");
	const flood = (count: number): Promise<number> => publisher.call<number>("publish", { from: "publisher", name: "news", count, size: SIZE });
	let sent = 0;
	// In turns, so that readers of a slow machine do not fall behind.
	const floodTo = async (count: number): Promise<void> => {
		for (; sent < count; sent += TURN) {
			await flood(TURN);
			await reach(readers, sent + TURN);
		}
	};
	// What a flood costs by itself is no growth.
	await floodTo(WARM);
	await reach(sleeper, sent);
	await coordinator.settle();
	const before = await coordinator.peak();
	process.kill(pid, "SIGSTOP");
	try {
		await floodTo(WARM + MESSAGES);
	} finally {
		process.kill(pid, "SIGCONT");
	}
	const others = await reach(readers, sent);
	const [slept] = (await reach(sleeper, sent)) as [Tally];
	const grown = (await coordinator.peak()) - before;
	t.diagnostic(`the sleeper lost ${slept.lost} of ${sent}; grown by ${(grown / MIB).toFixed(1)} MiB`);
	assert.ok(others.every(({ lost, wrong, next }) => lost === 0 && wrong === 0 && next === sent));
	assert.deepEqual([slept.wrong, slept.next], [0, sent]);
	assert.ok(slept.lost > 0, "otherwise nothing is shown");
	assert.ok(grown <= 16 * MIB, `${grown} bytes`);
});

async function reach(actor: Actor, messages: number): Promise<Tally[]> {
	for (const end = performance.now() + 60_000; ; ) {
		const tallies = await actor.call<Tally[]>("tallies");
		if (tallies.length > 0 && tallies.every(({ next }) => next >= messages)) return tallies;
		assert.ok(performance.now() < end, JSON.stringify(tallies.find(({ next }) => next < messages)));
		await new Promise((resolve) => setTimeout(resolve, 10));
	}
}
