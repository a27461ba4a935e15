import assert from "node:assert/strict";
import { test } from "node:test";
import { type Ends, ends, type Link, link } from "../test/support/link.ts";
import type { Stream } from "./index.ts";

/** Ways to say that a stream is over; what the other end hears of it. */
const WORDS: readonly { readonly say: (stream: Stream) => void; readonly heard: RegExp }[] = [
	{ say: (stream) => stream.reset(7), heard: /^reset 7$/ },
	{ say: (stream) => stream.stop(7), heard: /^stopped 7$/ },
	{
		say: (stream) => {
			stream.write(1, Buffer.alloc(100));
			stream.finish();
		},
		heard: /^end$/,
	},
];
const STREAMS = 60;

async function streams({ dialled, accepted }: Link): Promise<Ends[]> {
	const made: Ends[] = [];
	for (let i = 0; i < STREAMS; i++) made.push(await ends(dialled, accepted));
	return made;
}

function assertHeard(made: readonly Ends[]): void {
	for (const [i, { farHeard }] of made.entries()) {
		const { heard } = WORDS[i % WORDS.length] as (typeof WORDS)[number];
		assert.ok(
			farHeard.events.some((event) => heard.test(String(event))),
			`stream ${i}: ${farHeard.events.join(", ")}`,
		);
	}
}

test("settled: what was said on streams before leaves before a close that follows it", async (t) => {
	const both = await link(t);
	const made = await streams(both);
	for (const [i, { near }] of made.entries()) WORDS[i % WORDS.length]?.say(near);
	await both.dialled.settled();
	both.dialled.close(5);
	await both.accepted.closed;
	assertHeard(made);
});

test("settled: what was said on streams leaves before an endpoint that closes in the same tick", async (t) => {
	const both = await link(t);
	const made = await streams(both);
	for (const [i, { near }] of made.entries()) WORDS[i % WORDS.length]?.say(near);
	void both.client.close({ code: 5 });
	await both.accepted.closed;
	assertHeard(made);
});

test("settled: a stream that was given up right after it was opened holds nobody up, and neither does one beyond the peer's limit", async (t) => {
	const { dialled, accepted } = await link(t, { listen: { transport: { bidirectionalStreams: 4 } } });
	accepted.onStream = () => undefined;
	const quiet = { frame: () => undefined, end: () => undefined, reset: () => undefined, stopped: () => undefined };
	const rest = { drained: () => undefined, finished: () => undefined, lost: () => undefined };
	for (let i = 0; i < 20; i++) {
		const stream = dialled.openStream({ ...quiet, ...rest }, {}, { kind: 1, payload: new Uint8Array(0) });
		stream.write(1, Buffer.alloc(10));
		if (i % 3 === 1) stream.reset(1);
		if (i % 3 === 2) stream.stop(1);
		await dialled.settled();
	}
});
