/**
 * What is said right before a connection ends, for the compliance suite.
 *
 * @module
 */

import assert from "node:assert/strict";
import { FRAME } from "../../src/wire/frames.ts";
import { OPEN, openedPair, type Pair, pattern } from "./suite-fixture.ts";
import { Recorder } from "./suite-recorder.ts";

/** Streams for each word. */
const EACH = 5;

/** A way to say that a stream is over, by the recorder of the one who says it, and what the other one is told. */
const WORDS: readonly { readonly say: (speaker: Recorder) => void; readonly heard: "reset" | "stopped" | "end" }[] = [
	{ say: ({ stream }) => stream.reset(7), heard: "reset" },
	{ say: ({ stream }) => stream.stop(7), heard: "stopped" },
	{
		say: (speaker) => {
			speaker.write(FRAME.DATA, pattern(10));
			speaker.stream.finish();
		},
		heard: "end",
	},
];

/** Registers the tests. */
export function lastWordsSuite(onPair: (behaviour: string, run: (pair: Pair) => Promise<void>) => void): void {
	for (const side of ["dialling", "accepting"] as const) {
		onPair(`what was said before \`settled\` is heard, though the ${side} side closes as soon as a later question is answered`, async (pair) => {
			const [speaking, other] = side === "dialling" ? [pair.near, pair.far] : [pair.far, pair.near];
			const question = await openedPair(pair);
			const [asker, answerer] = side === "dialling" ? [question.opener, question.acceptor] : [question.acceptor, question.opener];
			const streams: { speaker: Recorder; listener: Recorder; word: (typeof WORDS)[number] }[] = [];
			for (let i = 0; i < EACH * WORDS.length; i++) {
				const { opener, acceptor } = await openedPair(pair);
				const [speaker, listener] = side === "dialling" ? [opener, acceptor] : [acceptor, opener];
				streams.push({ speaker, listener, word: WORDS[i % WORDS.length] as (typeof WORDS)[number] });
			}
			for (const { speaker, word } of streams) word.say(speaker);
			await speaking.settled();
			asker.write(FRAME.DATA, pattern(1));
			await answerer.framesOf(1);
			await other.settled();
			const unheard = streams.filter(({ listener, word }) => !listener.has(word.heard)).length;
			answerer.write(FRAME.DATA, pattern(1));
			await asker.framesOf(1);
			speaking.close(0x05, "");
			await other.closed;
			for (const { listener, word } of streams) assert.ok(listener.has(word.heard), `${word.heard}, and not only: ${listener.summary()}`);
			assert.equal(unheard, 0, "what had come was delivered when the other side had settled");
		});
	}

	onPair("a connection is over after all its streams have been told, and none hears anything later", async (pair) => {
		const streams = await Promise.all(Array.from({ length: EACH }, () => openedPair(pair)));
		const waiting = new Recorder().open(pair.near, OPEN);
		const counts: number[] = [];
		for (const [end, recorders] of [
			[pair.near, [...streams.map(({ opener }) => opener), waiting]],
			[pair.far, streams.map(({ acceptor }) => acceptor)],
		] as const) {
			void end.closed.then(() => counts.push(recorders.filter((one) => one.has("lost")).length));
		}
		await pair.near.settled();
		pair.near.close(0x05, "");
		await Promise.all([pair.near.closed, pair.far.closed]);
		assert.deepEqual(counts.sort(), [EACH, EACH + 1]);
	});

	onPair("`settled` resolves again and again, for calls at the same time, and on a connection that ends or is over", async (pair) => {
		const { opener, acceptor } = await openedPair(pair);
		for (let i = 0; i < 3; i++) {
			opener.write(FRAME.DATA, pattern(1));
			await Promise.all([pair.near.settled(), pair.near.settled(), pair.far.settled()]);
		}
		await acceptor.framesOf(3);
		const during = [pair.near.settled(), pair.far.settled()];
		pair.near.close(0x05, "");
		await Promise.all([...during, pair.near.settled(), pair.far.settled()]);
		await Promise.all([pair.near.closed, pair.far.closed]);
		await Promise.all([pair.near.settled(), pair.far.settled()]);
	});

	onPair("`settled` does not wait for a peer that reads nothing", async (pair) => {
		const { opener, acceptor } = await openedPair(pair, { hold: true });
		for (let i = 0; i < 100; i++) opener.write(FRAME.DATA, pattern(64 * 1_024));
		opener.stream.finish();
		await pair.near.settled();
		assert.ok(opener.stream.queuedBytes > 0);
		acceptor.release();
		await acceptor.first("end");
	});
}
