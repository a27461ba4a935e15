import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import type { TransportConnection } from "../../transport/transport.ts";
import { SilentLink } from "./silent-link.ts";

/** A link whose counters the test moves. */
function stage() {
	const clock = createVirtualClock();
	const counters = { sentBytes: 0, receivedBytes: 0, heardMs: 0 };
	const streams = { size: 1 };
	const said: string[] = [];
	const state = { answers: false };
	let looks = 0;
	const say = (what: string, bytes: number): void => {
		counters.sentBytes += bytes;
		said.push(`${clock.now()} ${what}`);
		if (!state.answers) return;
		clock.setTimeout(() => {
			counters.receivedBytes += 30;
			counters.heardMs = clock.now();
		}, 100);
	};
	const link = new SilentLink({
		clock,
		connection: {
			stats: () => {
				looks++;
				return { ...counters, silentMs: clock.now() - counters.heardMs, rttMs: 100 } as unknown as ReturnType<TransportConnection["stats"]>;
			},
		},
		streams,
		poke: () => say("poke", 50),
		keepAlive: () => say("keep alive", 20),
	});
	/** So long so much comes and goes, ten times a second. */
	const traffic = async (ms: number, sent: number, received: number): Promise<void> => {
		for (let left = ms; left > 0; left -= 100) {
			counters.sentBytes += sent;
			counters.receivedBytes += received;
			if (received > 0) counters.heardMs = clock.now();
			await clock.advance(100);
		}
	};
	return { clock, state, streams, said, link, traffic, looks: () => looks };
}

test("silent link: traffic that is answered needs no question", async () => {
	const { link, said, traffic } = stage();
	link.used();
	await traffic(10_000, 1_000, 100);
	assert.deepEqual(said, []);
});

test("silent link: when nothing answers what was sent, the Coordinator is asked each second, however long it lasts", async () => {
	const { link, said, traffic } = stage();
	link.used();
	await traffic(2_000, 1_000, 100);
	await traffic(12_000, 1_000, 0);
	assert.ok(said.length >= 10, said.join());
	const times = said.map((word) => Number(word.split(" ")[0]));
	assert.ok((times[0] ?? 0) <= 4_000, said.join());
	for (let i = 1; i < times.length; i++) assert.ok((times[i] as number) - (times[i - 1] as number) <= 1_000, said.join());
	assert.ok(
		said.every((word) => word.endsWith("poke")),
		said.join(),
	);
});

test("silent link: a side that only reads asks a second after much has come", async () => {
	const { link, said, traffic } = stage();
	link.used();
	await traffic(2_000, 0, 1_000);
	await traffic(1_600, 0, 0);
	assert.equal(said.length, 1);
	assert.match(said[0] ?? "", /^3\d00 poke$/);
});

test("silent link: an idle stream costs a packet at 2 s and 4 s, then one every 5 s", async () => {
	const { link, said, traffic, state, clock } = stage();
	state.answers = true;
	link.used();
	await traffic(2_000, 0, 1_000);
	await clock.advance(30_000);
	assert.equal(said.filter((word) => word.endsWith("poke")).length, 1, said.join());
	assert.ok(said.length <= 8, said.join());
});

test("silent link: without streams and traffic it is not looked at, and never after its end", async () => {
	const { link, streams, state, traffic, clock, looks } = stage();
	streams.size = 0;
	state.answers = true;
	await clock.advance(10_000);
	assert.equal(looks(), 0);
	link.used();
	await traffic(2_000, 0, 100);
	await clock.advance(60_000);
	const before = looks();
	await clock.advance(60_000);
	assert.equal(looks(), before);
	link.used();
	await clock.advance(1_000);
	assert.ok(looks() > before);
	link.end();
	const last = looks();
	link.used();
	await clock.advance(60_000);
	assert.equal(looks(), last);
});
