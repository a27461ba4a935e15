/**
 * The part of the compliance suite about streams that are not the transport's own: they are refused, and nothing stays open.
 *
 * @module
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import type { HeldStream, IncomingStream, Transport, TransportConnection, TransportStream } from "../../src/transport/transport.ts";
import { encodeFrame, FRAME } from "../../src/wire/frames.ts";
import { connect, OPEN, openedPair, type Pair, pattern, type TransportFixture } from "./suite-fixture.ts";
import { Recorder } from "./suite-recorder.ts";

const LOST_CODE = 0x01;
const REFUSED = { name: "TypeError", code: "OPTION_INVALID" };

/** The middle of a pipe, and a stream of its own in which something has been said already. */
interface Scene {
	readonly own: Pair;
	readonly other: Pair;
}

/**
 * Registers the tests: the transports of `own` are given streams of `other`. Both may be made by one fixture, as two transports of
 * one kind are strangers, too.
 */
export function strangersSuite(name: string, own: () => TransportFixture, other: () => TransportFixture): void {
	const onScene = (behaviour: string, run: (scene: Scene) => Promise<void>): void => {
		test(`${name}: ${behaviour}`, async () => {
			const scene = { own: await connect(own()), other: await connect(other()) };
			try {
				await run(scene);
				// Neither transport has come to harm.
				for (const pair of [scene.own, scene.other]) {
					const { opener, acceptor } = await openedPair(pair);
					opener.write(FRAME.DATA, pattern(9));
					await acceptor.framesOf(1);
				}
			} finally {
				await Promise.all([scene.own.close(), scene.other.close()]);
			}
		});
	};

	onScene("pipe refuses streams of another transport, and both streams are reset and stopped", async ({ own, other }) => {
		for (const [source, target] of [
			[own, other],
			[other, own],
			[other, other],
		] as const) {
			const [near, incoming] = await incomingOf(source);
			const [held, far] = await heldOf(target);
			await assert.rejects(own.accepting.pipe(incoming, held, LOST_CODE, unexpected), REFUSED);
			for (const recorder of [near, far]) await isRefused(recorder);
		}
	});

	onScene("pipe refuses what is no stream, and the stream beside it is reset and stopped", async ({ own }) => {
		for (const thing of THINGS) {
			const [near, incoming] = await incomingOf(own);
			await assert.rejects(own.accepting.pipe(incoming, thing as HeldStream, LOST_CODE, unexpected), REFUSED);
			await isRefused(near);
			const [held, far] = await heldOf(own);
			await assert.rejects(own.accepting.pipe(thing as IncomingStream, held, LOST_CODE, unexpected), REFUSED);
			await isRefused(far);
			await assert.rejects(own.accepting.pipe(thing as IncomingStream, thing as HeldStream, LOST_CODE, unexpected), REFUSED);
		}
	});

	onScene("pipe refuses streams that were accepted, refused or piped before; those that are in use go on", async ({ own }) => {
		const [near, accepted] = await incomingOf(own);
		const acceptor = new Recorder().accept(accepted);
		const [held, far] = await heldOf(own);
		await assert.rejects(own.accepting.pipe(accepted, held, LOST_CODE, unexpected), REFUSED);
		await isRefused(far);
		near.write(FRAME.DATA, pattern(3));
		await acceptor.framesOf(1);

		const [, gone] = await incomingOf(own);
		gone.refuse(0x0a);
		const [besideGone, farFromGone] = await heldOf(own);
		await assert.rejects(own.accepting.pipe(gone, besideGone, LOST_CODE, unexpected), REFUSED);
		await isRefused(farFromGone);

		const [a, from] = await incomingOf(own);
		const [to, b] = await heldOf(own);
		const piped = own.accepting.pipe(from, to, LOST_CODE);
		const [late, other] = await incomingOf(own);
		await assert.rejects(own.accepting.pipe(other, to, LOST_CODE, unexpected), REFUSED);
		await isRefused(late);
		to.refuse(0x0b);
		a.write(FRAME.DATA, pattern(4));
		await b.framesOf(1);
		a.stream.finish();
		b.stream.finish();
		await Promise.all([a.first("end"), b.first("end")]);
		assert.equal((await piped).end, "finished");
	});

	onScene("writing to many writes nothing anywhere if one of them is of another transport, or is no stream", async ({ own, other }) => {
		const [mine, yours] = [await openedPair(own), await openedPair(other)];
		const timed = new Recorder().open(own.near, OPEN, { frameTimeoutMs: 60_000 });
		await own.incoming();
		const frames = encodeFrame(FRAME.DATA, pattern(5));
		const strangers = [yours.opener.stream, mine.acceptor.stream, timed.stream, ...(THINGS as readonly TransportStream[])];
		for (const stranger of strangers) {
			for (const streams of [[stranger], [mine.opener.stream, stranger], [stranger, mine.opener.stream]]) {
				assert.throws(() => own.dialling.writeFramesToMany(streams, frames), REFUSED);
			}
		}
		const last = encodeFrame(FRAME.CONTROL, pattern(1));
		assert.equal(own.dialling.writeFramesToMany([mine.opener.stream], last).length, 1);
		yours.opener.stream.writeFrames(last);
		for (const { acceptor } of [mine, yours]) {
			const [first] = await acceptor.framesOf(1);
			assert.equal(first?.kind, FRAME.CONTROL, "nothing came before");
		}
	});
}

const unexpected = (): void => assert.fail("nothing was piped");

/** What might be taken for a stream. */
const THINGS: readonly unknown[] = [
	undefined,
	null,
	{},
	{ refuse: () => undefined, connection: {} as TransportConnection, header: OPEN },
	{
		refuse: () => {
			throw new RangeError("no");
		},
		connection: { transport: {} as Transport },
	},
];

/** A stream that the dialling side has opened: its opener, and what the accepting side is handed. */
async function incomingOf(pair: Pair): Promise<[Recorder, IncomingStream]> {
	const opener = new Recorder().open(pair.near, OPEN);
	return [opener, await pair.incoming()];
}

/** A held stream of the accepting side, and its far end. */
async function heldOf(pair: Pair): Promise<[HeldStream, Recorder]> {
	const held = pair.far.openHeldStream(OPEN);
	return [held, new Recorder().accept(await pair.nearIncoming())];
}

async function isRefused(recorder: Recorder): Promise<void> {
	assert.equal((await recorder.first("reset")).code, LOST_CODE);
	assert.equal((await recorder.first("stopped")).code, LOST_CODE);
}
