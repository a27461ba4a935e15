import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import type { DirectChannel } from "../channel/index.ts";
import { Movers } from "./movers.ts";

/** Movers of a Client that has a peer, and everything around them. */
function scene() {
	const clock = createVirtualClock();
	const state = { left: 0, proxied: true, answers: true, pings: 0 };
	const log: string[] = [];
	const note = (line: string): void => void log.push(`${clock.now()} ${line}`);
	let open: DirectChannel | undefined;
	const movers = new Movers({
		clock,
		survivors: {
			go: (peer, to, urgent) => {
				note(`${peer} ${to}${urgent ? " at once" : ""}`);
				return state.left;
			},
			wayIsThere: (peer) => note(`a way to ${peer}`),
		},
		find: () => open,
		proxied: () => state.proxied,
		punch: (peer) => note(`punch ${peer}`),
	});
	const channel = (): DirectChannel => {
		const made = {
			peer: "ben",
			stalled: false,
			watchful: false,
			rttMs: 40,
			ping: (timeoutMs: number) => {
				state.pings++;
				const yes = state.answers;
				return new Promise((resolve) => clock.setTimeout(() => resolve(yes), yes ? 40 : timeoutMs));
			},
		};
		open = made as unknown as DirectChannel;
		return open;
	};
	/** A stream is opened; gives what ends it. */
	const stream = (): (() => Promise<void>) => {
		let end: () => void = () => undefined;
		movers.opened("ben", new Promise<void>((resolve) => (end = resolve)));
		return async () => {
			end();
			await clock.advance(0);
		};
	};
	const gone = (): void => {
		open = undefined;
	};
	return { clock, state, log, movers, channel, stream, gone };
}

test("movers: streams go to a channel that has answered twice, whichever was there first", async () => {
	const { clock, state, log, movers, channel, stream } = scene();
	stream();
	const up = channel();
	movers.up(up);
	await clock.advance(100);
	assert.deepEqual([log, state.pings, up.watchful], [["0 a way to ben", "80 ben direct"], 2, true]);
	stream();
	await clock.advance(100);
	assert.deepEqual([log.at(-1), state.pings], ["180 ben direct", 4]);
});

test("movers: streams that are only being opened keep no peer in mind, as nobody tells of one that fails", async () => {
	const { movers, channel, stream } = scene();
	const up = channel();
	const ends = [stream(), stream()];
	// The end of all that were opened is the end, whatever else there is to the peer.
	for (const end of ends) await end();
	assert.deepEqual([movers.size, up.watchful], [0, false]);
	const next = stream();
	assert.equal(movers.size, 1);
	await next();
	assert.equal(movers.size, 0);
});

test("movers: a peer is in mind as long as it has such a stream, and nothing is left then", async () => {
	const { clock, log, movers, channel, stream } = scene();
	const up = channel();
	movers.up(up);
	assert.equal(movers.size, 0);
	const [first, second] = [stream(), stream()];
	await first();
	assert.equal(movers.size, 1);
	await second();
	assert.deepEqual([movers.size, up.watchful], [0, false]);
	await clock.advance(60_000);
	assert.equal(clock.pending, 0);
	assert.deepEqual(log, ["0 a way to ben"]);
});

test("movers: a channel whose peer does not answer gets no streams, however long it is there, and is asked every few seconds", async () => {
	const { clock, state, log, movers, channel, stream } = scene();
	state.answers = false;
	stream();
	movers.up(channel());
	await clock.advance(29_000);
	assert.deepEqual([log, state.pings], [["0 a way to ben"], 10]);
	for (let count = 0; count < 100; count++) stream();
	await clock.advance(2_900);
	assert.equal(state.pings, 11, "streams that are opened meanwhile ask no faster");
	state.answers = true;
	await clock.advance(5_000);
	assert.equal(log.length, 2);
	movers.end();
	assert.deepEqual([movers.size, clock.pending], [0, 0]);
});

test("movers: streams that could not move are asked again, less and less often, until they have", async () => {
	const { clock, state, log, movers, channel, stream } = scene();
	state.left = 1;
	stream();
	movers.up(channel());
	await clock.advance(100_000);
	assert.deepEqual(
		log.slice(1).map((line) => Number(line.split(" ")[0])),
		[80, 1_080, 3_080, 7_080, 15_080, 31_080, 61_080, 91_080],
	);
	state.left = 0;
	await clock.advance(100_000);
	assert.equal(log.length, 10);
});

test("movers: from a channel that carries nothing they go to the Coordinator, if that is there", async () => {
	const { clock, state, log, movers, channel, stream } = scene();
	stream();
	const up = channel();
	movers.up(up);
	await clock.advance(100);
	const say = (stalled: boolean): void => {
		up.stalled = stalled;
		movers.stalled(up);
	};
	say(true);
	say(false);
	await clock.advance(10_000);
	state.proxied = false;
	say(true);
	await clock.advance(10_000);
	// The second one comes after a pause of 5 s, as the channel has failed soon.
	assert.deepEqual(log, ["0 a way to ben", "80 ben direct", "100 ben proxied at once", "5180 ben direct"]);
});

test("movers: what a channel answers that is not there any more does not count", async () => {
	const { clock, log, movers, channel, stream, gone } = scene();
	stream();
	const first = channel();
	movers.up(first);
	await clock.advance(70);
	gone();
	movers.leaving(first);
	movers.over(first, 100, true);
	await clock.advance(10);
	movers.up(channel());
	await clock.advance(40);
	assert.deepEqual(log, ["0 a way to ben", "70 ben proxied", "80 a way to ben"]);
	await clock.advance(40);
	assert.equal(log.at(-1), "160 ben direct");
});

test("movers: where a channel has lasted and broke, another attempt follows after 5 s, unless there is one by then", async () => {
	const { clock, log, movers, channel, stream, gone } = scene();
	stream();
	const lose = (livedMs: number, broken: boolean): void => {
		const lost = channel();
		movers.up(lost);
		gone();
		movers.leaving(lost);
		movers.over(lost, livedMs, broken);
	};
	lose(60_000, true);
	await clock.advance(4_999);
	assert.equal(log.includes("5000 punch ben"), false);
	await clock.advance(1);
	assert.equal(log.at(-1), "5000 punch ben");
	lose(59_999, true);
	lose(60_000, false);
	await clock.advance(10_000);
	lose(60_000, true);
	await clock.advance(100);
	movers.up(channel());
	await clock.advance(10_000);
	assert.equal(log.filter((line) => line.includes("punch")).length, 1);
});
