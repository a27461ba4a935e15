import assert from "node:assert/strict";
import { test } from "node:test";
import { CapturedStream, ManualClock } from "../../../testing/cli-surroundings.ts";
import { Output } from "../terminal/index.ts";
import { followStream, StreamNews } from "./stream-news.ts";

function newsOf({ json = false, shows = true } = {}) {
	const clock = new ManualClock();
	const said: string[] = [];
	const sink = { write: (text: string) => void said.push(text) } as never;
	const output = new Output({ json, linesTo: "stdout", env: {}, clock, stdout: json ? sink : (new CapturedStream() as never), stderr: sink });
	const link = {
		isAway: false,
		returns: [] as (() => void)[],
		onReturn(listener: () => void) {
			link.returns.push(listener);
			return () => void link.returns.splice(0);
		},
	};
	const about = {
		peer: "bob",
		address: () => ({ address: "192.0.2.7", port: 9 }),
		shows: () => shows,
		patienceMs: 600_000,
		giveUp: () => void gaveUp.push(clock.nowMs()),
	};
	const gaveUp: number[] = [];
	const events = (): object[] => said.map((line) => ({ ...JSON.parse(line), time: undefined }));
	return { clock, said, events, link, gaveUp, news: new StreamNews(about, link, output, clock) };
}

const SUSPENDED = { type: "suspended", path: "proxied" } as const;
const resumed = (pauseMs: number, to: "direct" | "proxied" = "proxied") => ({ type: "resumed", from: "proxied", to, pauseMs }) as const;

test("stream news: a pause that somebody notices is one line, and so is its end", () => {
	const { clock, said, news } = newsOf();
	news.take(SUSPENDED);
	clock.pass(3_999);
	assert.deepEqual(said, []);
	clock.pass(60_000);
	news.take(resumed(62_000, "direct"));
	assert.deepEqual(said, ['lost the way to "bob"; trying to go on for up to 10 min\n', 'going on with "bob": direct, 192.0.2.7:9, after 62 s\n']);
});

test("stream news: a stream that has had no way for as long as may be is given up, once, and the time begins anew with each loss", () => {
	const { clock, news, gaveUp } = newsOf();
	news.take(SUSPENDED);
	clock.pass(599_000);
	news.take(resumed(599_000));
	clock.pass(10_000);
	news.take(SUSPENDED);
	clock.pass(599_999);
	assert.deepEqual(gaveUp, []);
	clock.pass(1);
	assert.equal(gaveUp.length, 1);
	news.take(SUSPENDED);
	news.end();
	clock.pass(1_000_000);
	assert.equal(gaveUp.length, 1);
	assert.equal(clock.waiting, 0);
});

test("stream news: a short pause is no news; another path is", () => {
	const { clock, said, news } = newsOf();
	news.take(SUSPENDED);
	clock.pass(1_000);
	news.take(resumed(1_000));
	clock.pass(60_000);
	assert.deepEqual(said, []);
	news.take({ type: "moved", from: "proxied", to: "direct", pauseMs: 3 });
	news.take(SUSPENDED);
	news.take({ type: "resumed", from: "direct", to: "proxied", pauseMs: 40 });
	assert.deepEqual(said, ['going on with "bob": direct, 192.0.2.7:9\n', 'going on with "bob": through the Coordinator\n']);
});

test("stream news: while the Coordinator is lost nothing more is said, and the peer is missed when it is back", () => {
	const { clock, said, link, news } = newsOf();
	link.isAway = true;
	news.take(SUSPENDED);
	clock.pass(60_000);
	link.isAway = false;
	for (const back of link.returns) back();
	clock.pass(3_999);
	assert.deepEqual(said, []);
	clock.pass(1);
	assert.deepEqual(said, ['lost the way to "bob"; trying to go on for up to 10 min\n']);
	for (const back of link.returns) back();
	clock.pass(60_000);
	assert.equal(said.length, 1, "once for one pause");
});

test("stream news: programs get each event, with the pause", () => {
	const { events, news } = newsOf({ json: true });
	news.take(SUSPENDED);
	news.take(resumed(12.3456));
	news.take({ type: "moved", from: "proxied", to: "direct", pauseMs: 3 });
	assert.deepEqual(events(), [
		{ event: "pause", time: undefined, peer: "bob", path: "proxied" },
		{ event: "pause-end", time: undefined, peer: "bob", path: "proxied", durationMs: 12.346 },
		{ event: "path", time: undefined, peer: "bob", path: "direct", address: { address: "192.0.2.7", port: 9 }, durationMs: 3 },
	]);
});

test("stream news: a peer that makes its stream move all the time writes no more lines than others can", () => {
	const { clock, said, news } = newsOf({ shows: false });
	news.take(SUSPENDED);
	clock.pass(60_000);
	news.take({ type: "moved", from: "proxied", to: "direct", pauseMs: 3 });
	assert.deepEqual(said, []);
});

test("stream news: when the stream is over nothing is said, and nothing waits", async () => {
	const { clock, said, link, news } = newsOf();
	await followStream(
		{
			suspended: false,
			path: "proxied",
			status: async function* () {
				yield SUSPENDED;
			},
		},
		news,
	);
	assert.deepEqual([clock.waiting, link.returns.length], [0, 0]);
	clock.pass(60_000);
	assert.deepEqual(said, []);
});

test("stream news: one that has lost its way before anybody listened is without a way from then on", async () => {
	const { clock, said, gaveUp, news } = newsOf();
	let end: () => void = () => undefined;
	const ended = new Promise<void>((resolve) => {
		end = resolve;
	});
	const stream = {
		suspended: true,
		path: "proxied" as const,
		status: async function* () {
			await ended;
			yield { type: "lagged", lost: 1 } as const;
		},
	};
	const following = followStream(stream, news);
	clock.pass(600_000);
	assert.deepEqual([said.length, gaveUp], [1, [clock.nowMs()]]);
	end();
	await following;
	assert.equal(clock.waiting, 0);
});
