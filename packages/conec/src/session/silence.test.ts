import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock, type VirtualClock } from "../../testing/memory/virtual-clock.ts";
import type { TransportStats } from "../transport/transport.ts";
import { askConnection, Hearing, Silence } from "./silence.ts";

/** A connection to a side that answers each poke, or does not. */
class Line {
	readonly clock: VirtualClock = createVirtualClock();
	heardAt = 0;
	answers = true;
	pokes: number[] = [];
	readonly silence: Silence;

	constructor(stats: (line: Line) => Partial<TransportStats> = (line) => ({ silentMs: line.clock.now() - line.heardAt })) {
		const hearing = new Hearing({ stats: () => stats(this) as TransportStats });
		const poke = (): void => {
			this.pokes.push(this.clock.now());
			if (this.answers) this.heardAt = this.clock.now();
		};
		this.silence = new Silence({
			clock: this.clock,
			silenceMs: 5_000,
			ask: askConnection(hearing, this.clock, poke),
			code: "PEER_LOST",
			whom: "the peer",
			peer: "bob",
		});
	}

	/** Waits, and notes when it was told of silence. */
	wait(told: string[], name = "it"): () => void {
		return this.silence.watch(
			() => "Cannot open stream",
			({ code, peer, message }) => void told.push(`${name} ${this.clock.now()} ${code} ${peer} ${message}`),
		);
	}
}

const WORDS = "PEER_LOST bob Cannot open stream: nothing has come from the peer for 5000 ms";

test("silence: a side that answers a poke each second is never silent, however long one waits", async () => {
	const line = new Line();
	const told: string[] = [];
	line.wait(told);
	await line.clock.advance(60_000);
	assert.deepEqual(told, []);
	assert.deepEqual(line.pokes.slice(0, 3), [1_000, 2_000, 3_000]);
});

test("silence: a side that says nothing is silent after 5 s of waiting, whatever was before", async () => {
	const line = new Line();
	line.answers = false;
	await line.clock.advance(100_000);
	const told: string[] = [];
	line.wait(told, "first");
	await line.clock.advance(2_000);
	line.wait(told, "second");
	await line.clock.advance(2_999);
	assert.deepEqual(told, []);
	await line.clock.advance(1);
	assert.deepEqual(told, [`first 105000 ${WORDS}`]);
	await line.clock.advance(60_000);
	assert.deepEqual(told.slice(1), [`second 107000 ${WORDS}`]);
	assert.ok(line.pokes.length >= 5 && (line.pokes[0] ?? 0) === 101_000, `${line.pokes}`);
});

test("silence: it is counted from the last packet", async () => {
	const line = new Line();
	line.answers = false;
	const told: string[] = [];
	line.wait(told);
	await line.clock.advance(3_300);
	line.heardAt = line.clock.now();
	await line.clock.advance(4_999);
	assert.deepEqual(told, []);
	await line.clock.advance(1);
	assert.deepEqual(told, [`it 8300 ${WORDS}`]);
});

test("silence: who has what it waits for is told nothing, and nobody is asked while nobody waits", async () => {
	const line = new Line();
	line.answers = false;
	const told: string[] = [];
	const forget = line.wait(told);
	await line.clock.advance(4_000);
	forget();
	const pokes = line.pokes.length;
	await line.clock.advance(60_000);
	assert.deepEqual([told, line.pokes.length, line.silence.size], [[], pokes, 0]);
	// The next one has its full time.
	line.wait(told);
	await line.clock.advance(4_999);
	assert.deepEqual(told, []);
	await line.clock.advance(1);
	assert.equal(told.length, 1);
});

test("silence: who has waited elsewhere before is told sooner, but not before the other side could say something", async () => {
	const line = new Line();
	line.answers = false;
	await line.clock.advance(20_000);
	const told: string[] = [];
	line.silence.watch(
		() => "",
		() => void told.push(`${line.clock.now()}`),
		13_000,
	);
	line.silence.watch(
		() => "",
		() => void told.push(`${line.clock.now()}`),
		18_000,
	);
	await line.clock.advance(1_999);
	assert.deepEqual(told, []);
	await line.clock.advance(10_000);
	assert.deepEqual(told, ["22000", "23000"]);
});

test("silence: a connection that is over is not silent: that is told elsewhere", async () => {
	const over = new Line(() => {
		throw new Error("over");
	});
	const told: string[] = [];
	over.wait(told);
	await over.clock.advance(60_000);
	assert.deepEqual(told, []);
});

test("silence: a process that did not run for a while listens once more before it judges", async () => {
	let nowMs = 0;
	const due: { at: number; callback: () => void }[] = [];
	const clock = {
		now: () => nowMs,
		wallMs: () => nowMs,
		soon: (callback: () => void) => callback(),
		setTimeout: (callback: () => void, delayMs: number) => {
			const timer = { at: nowMs + delayMs, callback };
			due.push(timer);
			return timer;
		},
		clearTimeout: (timer: unknown) => {
			const at = due.indexOf(timer as (typeof due)[number]);
			if (at !== -1) due.splice(at, 1);
		},
	};
	const run = (ms: number): void => {
		nowMs = ms;
		for (const { callback } of due.splice(0)) callback();
	};
	const told: number[] = [];
	const silence = new Silence({ clock, silenceMs: 5_000, ask: (answer) => answer(1e9), code: "PEER_LOST", whom: "the peer" });
	silence.watch(
		() => "",
		() => void told.push(nowMs),
	);
	run(1_000);
	// It was stopped for 20 s.
	run(21_000);
	assert.deepEqual(told, []);
	for (let ms = 22_000; ms <= 26_000; ms += 1_000) run(ms);
	assert.deepEqual(told, [26_000]);
});
