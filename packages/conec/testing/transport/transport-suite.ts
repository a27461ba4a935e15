/**
 * What every transport must do. Run on memory by `testing/memory/transport.test.ts` and on QUIC by `src/transport/quic/transport.test.ts`.
 *
 * @module
 */

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { TransportStream } from "../../src/transport/transport.ts";
import { encodeFrame, FRAME } from "../../src/wire/frames.ts";
import { connectionSuite } from "./suite-connection.ts";
import { connect, fill, MESSAGE_BYTES, type OnPair, OPEN, openedPair, pattern, type TransportFixture } from "./suite-fixture.ts";
import { lastWordsSuite } from "./suite-last-words.ts";
import { legsSuite } from "./suite-legs.ts";
import { pipeSuite } from "./suite-pipe.ts";
import { quiet, Recorder, until } from "./suite-recorder.ts";
import { socketSuite } from "./suite-socket.ts";
import { strangersSuite } from "./suite-strangers.ts";
import { urgentSuite } from "./suite-urgent.ts";

/** Registers the suite. `createFixture` is called once, before the first test. */
export function transportSuite(name: string, createFixture: () => TransportFixture | Promise<TransportFixture>): void {
	describe(`transport ${name}`, () => {
		let fixture: TransportFixture;
		before(async () => {
			fixture = await createFixture();
		});
		after(async () => {
			await fixture.assertNothingLeft();
			await fixture.close();
		});

		/** A test on a connected pair, which is closed afterwards whatever happens. */
		const onPair: OnPair = (behaviour, run, times = {}) => {
			test(`${name} transport: ${behaviour}`, async () => {
				const pair = await connect(fixture, { times });
				try {
					await run(pair, fixture);
				} finally {
					await pair.close();
				}
			});
		};

		connectionSuite(name, onPair, () => fixture);
		streamTests(onPair);
		urgentSuite(onPair);
		lastWordsSuite(onPair);
		legsSuite(onPair, () => fixture);
		pipeSuite(onPair, () => fixture);
		strangersSuite(
			`${name} transport`,
			() => fixture,
			() => fixture,
		);
		socketSuite(onPair, () => connect(fixture, { confirm: false }));
	});
}

function streamTests(onPair: OnPair): void {
	onPair("frames arrive whole and in order, whatever their kind and length", async (pair) => {
		const { opener, acceptor } = await openedPair(pair);
		const sent = [
			{ kind: FRAME.DATA, payload: new Uint8Array(0) },
			{ kind: FRAME.DATA, payload: pattern(1) },
			{ kind: 0x42, payload: pattern(10) },
			{ kind: 0x90, payload: pattern(16 * 1_024) },
			{ kind: FRAME.DATA, payload: pattern(MESSAGE_BYTES) },
			{ kind: FRAME.END, payload: new Uint8Array(0) },
			{ kind: FRAME.CONTROL, payload: pattern(16 * 1_024, 7) },
			...Array.from({ length: 500 }, (_, seed) => ({ kind: FRAME.DATA, payload: pattern(seed, seed) })),
		];
		for (const { kind, payload } of sent) {
			const scratch = payload.slice();
			opener.write(kind, scratch);
			scratch.fill(0xee); // a copy has been queued
			acceptor.write(kind, payload);
		}
		for (const recorder of [opener, acceptor]) {
			assert.deepEqual(
				(await recorder.framesOf(sent.length)).map(({ kind, payload }) => ({ kind, payload: Buffer.from(payload).toString("hex") })),
				sent.map(({ kind, payload }) => ({ kind, payload: Buffer.from(payload).toString("hex") })),
			);
		}
	});

	onPair("a frame one byte too long ends its stream and nothing else", async (pair) => {
		const neighbour = await openedPair(pair);
		for (const [kind, length] of [
			[FRAME.DATA, MESSAGE_BYTES + 1],
			[FRAME.CONTROL, 16 * 1_024 + 1],
			[0x90, 16 * 1_024 + 1],
		] as const) {
			const { opener, acceptor } = await openedPair(pair);
			opener.write(FRAME.DATA, pattern(3));
			opener.write(kind, pattern(length));
			assert.equal((await acceptor.first("lost")).code, "MESSAGE_TOO_LONG");
			assert.equal(acceptor.frames.length, 1, "what came before is delivered");
			await opener.first("stopped");
			await opener.first("reset");
		}
		neighbour.opener.write(FRAME.DATA, pattern(5));
		await neighbour.acceptor.framesOf(1);
	});

	onPair("whole frames reach many streams, as copies and in order with single ones; a stream that is over is told apart", async (pair) => {
		const pairs = [await openedPair(pair), await openedPair(pair), await openedPair(pair)] as const;
		const [first, second, over] = pairs.map(({ opener }) => opener.stream) as [TransportStream, TransportStream, TransportStream];
		over.reset(0);
		const sent: { kind: number; payload: Uint8Array }[] = [];
		for (const size of [0, 10, 3_000, 20_000]) {
			const frames = [0, 1, 2].map((i) => ({ kind: i === 1 ? FRAME.CONTROL : FRAME.DATA, payload: pattern(i === 1 ? 100 : size, i) }));
			const bytes = new Uint8Array(Buffer.concat(frames.map(({ kind, payload }) => encodeFrame(kind, payload))));
			const copy = bytes.slice();
			const queued = pair.dialling.writeFramesToMany([first, over, second], copy);
			copy.fill(0xee);
			assert.equal(queued[1], -1);
			assert.ok((queued[0] ?? -1) >= 0 && (queued[2] ?? -1) >= 0);
			const single = { kind: FRAME.DATA, payload: pattern(5, size) };
			for (const stream of [first, second]) {
				stream.write(single.kind, single.payload);
				assert.ok(stream.writeFrames(bytes) >= 0);
			}
			sent.push(...frames, single, ...frames);
		}
		assert.equal(over.writeFrames(encodeFrame(FRAME.DATA, pattern(1))), -1);
		assert.equal(pair.dialling.writeFramesToMany([], encodeFrame(FRAME.DATA, pattern(1))).length, 0);
		for (const { acceptor } of pairs.slice(0, 2)) {
			assert.deepEqual(
				(await acceptor.framesOf(sent.length)).map(({ kind, payload }) => ({ kind, payload: Buffer.from(payload).toString("hex") })),
				sent.map(({ kind, payload }) => ({ kind, payload: Buffer.from(payload).toString("hex") })),
			);
		}
	});

	onPair("a reader that stops holds the writer back, in both directions", async (pair, { windowBytes }) => {
		for (const direction of ["forward", "backward"] as const) {
			const opener = new Recorder({ hold: direction === "backward" });
			const { acceptor } = await openedPair(pair, { opener, hold: direction === "forward" });
			const [writer, reader] = direction === "forward" ? [opener, acceptor] : [acceptor, opener];
			const writtenBytes = await fill(writer, windowBytes);
			const drained = writer.count("drained");
			await quiet();
			assert.ok(writer.stream.queuedBytes >= 256 * 1_024);
			assert.equal(writer.count("drained"), drained);
			reader.release();
			await until("the writer is told to go on", () => writer.count("drained") > drained);
			await until("all of it arrived", () => reader.receivedBytes === writtenBytes);
			await until("nothing is queued", () => writer.stream.queuedBytes === 0);
			opener.stream.reset(0);
			acceptor.stream.reset(0);
		}
	});

	onPair("empty frames use up credit as well", async (pair) => {
		const { opener, acceptor } = await openedPair(pair, { hold: true });
		for (let count = 0; count < 40_000; count++) {
			opener.write(FRAME.DATA, new Uint8Array(0));
		}
		await quiet();
		assert.ok(acceptor.frames.length < 20_000, `${acceptor.frames.length} empty frames wait in this process`);
		acceptor.release();
		await acceptor.framesOf(40_000);
	});

	onPair("one side finishes while the other goes on; FIN comes after everything and is acknowledged", async (pair) => {
		const { opener, acceptor } = await openedPair(pair, { hold: true });
		for (let seed = 0; seed < 30; seed++) {
			opener.write(FRAME.DATA, pattern(16 * 1_024, seed));
		}
		opener.stream.finish();
		assert.equal(opener.write(FRAME.DATA, pattern(1)), -1);
		await quiet();
		assert.equal(acceptor.has("end"), false, "what is not read yet comes first");
		acceptor.release();
		await acceptor.first("end");
		assert.equal(acceptor.frames.length, 30);
		await opener.first("finished");
		acceptor.write(FRAME.DATA, pattern(7));
		await opener.framesOf(1);
		acceptor.stream.finish();
		await opener.first("end");
		await acceptor.first("finished");
		assert.equal(acceptor.events.filter((event) => event.type === "end").length, 1);
	});

	onPair("reset and stop carry their codes, each for its direction", async (pair) => {
		const reset = await openedPair(pair);
		reset.opener.stream.reset(0x4000_0007);
		assert.equal((await reset.acceptor.first("reset")).code, 0x4000_0007);
		reset.acceptor.write(FRAME.DATA, pattern(1));
		await reset.opener.framesOf(1);

		const stop = await openedPair(pair);
		stop.acceptor.stream.stop(0x7fff_ffff);
		assert.equal((await stop.opener.first("stopped")).code, 0x7fff_ffff);
		assert.equal(stop.opener.write(FRAME.DATA, pattern(1)), -1);
		stop.acceptor.write(FRAME.DATA, pattern(1));
		await stop.opener.framesOf(1);
	});

	onPair("reset gets through to a peer that reads nothing", async (pair, { windowBytes }) => {
		const { opener, acceptor } = await openedPair(pair, { hold: true });
		await fill(opener, windowBytes);
		opener.stream.reset(0x03);
		assert.equal((await acceptor.first("reset")).code, 0x03);
		assert.equal(opener.stream.queuedBytes, 0);
	});

	onPair("nothing is read of an incoming stream before it is accepted", async (pair) => {
		const opener = new Recorder().open(pair.near, OPEN);
		for (let seed = 0; seed < 100; seed++) {
			opener.write(FRAME.DATA, pattern(64, seed));
		}
		opener.write(FRAME.END, new Uint8Array(0));
		opener.stream.finish();
		const incoming = await pair.incoming();
		assert.equal(incoming.header.kind, FRAME.OPEN);
		assert.deepEqual([...incoming.header.payload], [...OPEN.payload]);
		await quiet();
		const acceptor = new Recorder().accept(incoming);
		await acceptor.first("end");
		assert.equal(acceptor.frames.length, 101);
		assert.deepEqual([...(acceptor.frames[99]?.payload ?? [])], [...pattern(64, 99)]);
	});

	onPair("a reset or stop before it is accepted is not lost", async (pair) => {
		const opener = new Recorder().open(pair.near, OPEN);
		const incoming = await pair.incoming();
		opener.stream.reset(0x11);
		opener.stream.stop(0x12);
		await quiet();
		const acceptor = new Recorder().accept(incoming);
		assert.equal((await acceptor.first("reset")).code, 0x11);
		assert.equal((await acceptor.first("stopped")).code, 0x12);
	});

	onPair("a refused stream is reset and stopped with the code", async (pair) => {
		const opener = new Recorder().open(pair.near, OPEN);
		(await pair.incoming()).refuse(0x0a);
		assert.equal((await opener.first("reset")).code, 0x0a);
		assert.equal((await opener.first("stopped")).code, 0x0a);
	});

	onPair(
		"a stream whose header never comes is refused, and others are not held up",
		async (pair, { openStalledStream, headerTimeoutCode }) => {
			const stalled = new Recorder();
			await openStalledStream(pair, stalled);
			const { opener, acceptor } = await openedPair(pair);
			opener.write(FRAME.DATA, pattern(9));
			await acceptor.framesOf(1);
			assert.equal((await stalled.first("reset")).code, headerTimeoutCode);
			assert.equal((await stalled.first("stopped")).code, headerTimeoutCode);
		},
		{ headerTimeoutMs: 200 },
	);

	onPair("a header that is too long is refused", async (pair) => {
		const opener = new Recorder().open(pair.near, { kind: FRAME.OPEN, payload: pattern(16 * 1_024 + 1) });
		await opener.first("reset");
		await opener.first("stopped");
	});

	onPair("streams that stall hold up neither others nor new ones", async (pair, { windowBytes, streams }) => {
		const stalled = await Promise.all(Array.from({ length: Math.min(streams - 2, 12) }, () => openedPair(pair, { hold: true })));
		for (const { opener } of stalled) {
			for (let written = 0; written < windowBytes; written += MESSAGE_BYTES) {
				opener.write(FRAME.DATA, pattern(MESSAGE_BYTES));
			}
		}
		const { opener, acceptor } = await openedPair(pair);
		for (let count = 0; count < 100; count++) {
			opener.write(FRAME.DATA, pattern(MESSAGE_BYTES));
		}
		await acceptor.framesOf(100);
	});

	onPair("a stream beyond the peer's limit waits for others to end", async (pair, { mostStreams: streams }) => {
		// One after the other: so each opener is known to belong to its acceptor.
		const open: { opener: Recorder; acceptor: Recorder }[] = [];
		while (open.length < streams) {
			open.push(await openedPair(pair));
		}
		const late = new Recorder().open(pair.near, OPEN);
		late.write(FRAME.DATA, pattern(3));
		const incoming = pair.incoming();
		await quiet();
		// QUIC announces new room only when a fair part of it has become free.
		for (const { opener, acceptor } of open.slice(0, streams / 4)) {
			opener.stream.finish();
			acceptor.stream.finish();
		}
		const acceptor = new Recorder().accept(await incoming);
		await acceptor.framesOf(1);
		// One that gives up while it waits takes no place.
		const gone = new Recorder().open(pair.near, OPEN);
		gone.stream.reset(0);
		gone.stream.stop(0);
	});

	onPair("either side opens streams", async (pair) => {
		const opener = new Recorder().open(pair.far, OPEN);
		const acceptor = new Recorder().accept(await pair.nearIncoming());
		acceptor.write(FRAME.DATA, pattern(2));
		await opener.framesOf(1);
	});

	onPair("streams that are over leave nothing behind", async (pair, { streams }) => {
		for (let round = 0; round < 20; round++) {
			await Promise.all(
				Array.from({ length: Math.min(streams, 50) }, async () => {
					const { opener, acceptor } = await openedPair(pair);
					opener.write(FRAME.DATA, pattern(10));
					opener.stream.finish();
					await acceptor.first("end");
					acceptor.stream.finish();
					await opener.first("end");
					await acceptor.first("finished");
				}),
			);
		}
		// With the streams above still counted, none of these could begin. Not as many as the limit: QUIC stacks announce
		// freed streams in steps (quinn: an eighth), and the last step may still be outstanding.
		await Promise.all(Array.from({ length: Math.floor((streams * 3) / 4) }, () => openedPair(pair)));
	});
}
