/**
 * The part of the compliance suite about pipes: dialling side A, the transport that pipes in the middle, side B.
 *
 * @module
 */

import assert from "node:assert/strict";
import type { IncomingStream, PipeResult, TransportConnection } from "../../src/transport/transport.ts";
import { FRAME } from "../../src/wire/frames.ts";
import {
	Arrivals,
	ATTENTIVE,
	acceptOptions,
	dialOptions,
	fill,
	OPEN,
	type Pair,
	pattern,
	type Route,
	type Times,
	type TransportFixture,
} from "./suite-fixture.ts";
import { quiet, Recorder, until } from "./suite-recorder.ts";

const LOST_CODE = 0x01;

/** A - middle - B, with one stream piped through. */
interface Piped {
	readonly a: Recorder;
	readonly b: Recorder;
	/** Cuts the way between the middle and B. */
	cutB(): void;
	readonly result: Promise<PipeResult>;
	close(): Promise<void>;
}

interface PipeOptions {
	/** Who returns no credit at first. */
	readonly hold?: "a" | "b";
	/** Of B's transport. */
	readonly times?: Times;
}

/** Registers the tests. `pair.accepting` is the middle. */
export function pipeSuite(
	onPair: (behaviour: string, run: (pair: Pair, fixture: TransportFixture) => Promise<void>) => void,
	fixture: () => TransportFixture,
): void {
	const onPipe = (behaviour: string, run: (piped: Piped, pair: Pair, fixture: TransportFixture) => Promise<void>, options: PipeOptions = {}): void => {
		onPair(`pipe: ${behaviour}`, async (pair) => {
			const piped = await pipe(pair, fixture(), options);
			try {
				await run(piped, pair, fixture());
			} finally {
				await piped.close();
			}
		});
	};

	onPair("pipe: OPEN, 100 DATA and END in one burst pass whole", async (pair, fixture) => {
		const far = await third(pair, fixture);
		const a = new Recorder().open(pair.near, OPEN);
		for (let seed = 0; seed < 100; seed++) {
			a.write(FRAME.DATA, pattern(64, seed));
		}
		a.write(FRAME.END, new Uint8Array(0));
		a.stream.finish();
		const incoming = await pair.incoming();
		await quiet();
		const result = pair.accepting.pipe(incoming, far.middle.openHeldStream({ kind: FRAME.OPEN, payload: pattern(5) }), LOST_CODE);
		const arrived = await far.incoming();
		assert.deepEqual([...arrived.header.payload], [...pattern(5)], "the far header is the middle's own");
		const b = new Recorder().accept(arrived);
		await b.first("end");
		assert.equal(b.frames.length, 101);
		for (const [seed, frame] of b.frames.slice(0, 100).entries()) {
			assert.deepEqual([...frame.payload], [...pattern(64, seed)]);
		}
		b.write(FRAME.DATA, pattern(6));
		b.stream.finish();
		await a.first("end");
		assert.deepEqual(await result, { forwardBytes: 100 * 68 + 4, backwardBytes: 10, end: "finished" });
		await far.close();
	});

	onPipe("one side finishes while the other goes on", async ({ a, b, result }) => {
		a.stream.finish();
		await b.first("end");
		for (let seed = 0; seed < 50; seed++) {
			b.write(FRAME.DATA, pattern(1_000, seed));
		}
		await a.framesOf(50);
		assert.equal(a.has("end"), false);
		b.stream.finish();
		await a.first("end");
		assert.equal((await result).end, "finished");
	});

	onPipe("resets pass with their codes, each way", async ({ a, b, result }) => {
		a.stream.reset(0x4000_0001);
		assert.equal((await b.first("reset")).code, 0x4000_0001);
		b.write(FRAME.DATA, pattern(1));
		await a.framesOf(1);
		b.stream.reset(0x4000_0002);
		assert.equal((await a.first("reset")).code, 0x4000_0002);
		assert.equal((await result).end, "reset");
	});

	onPipe("stops pass with their codes, each way", async ({ a, b, result }) => {
		b.stream.stop(0x4000_0003);
		assert.equal((await a.first("stopped")).code, 0x4000_0003);
		b.write(FRAME.DATA, pattern(1));
		await a.framesOf(1);
		a.stream.stop(0x4000_0004);
		assert.equal((await b.first("stopped")).code, 0x4000_0004);
		assert.equal((await result).end, "reset");
	});

	onPipe(
		"a reader that stops holds the far writer back",
		async ({ a, b }, _pair, { windowBytes }) => {
			const writtenBytes = await fill(a, 2 * windowBytes);
			const drained = a.count("drained");
			b.release();
			await until("the writer is told to go on", () => a.count("drained") > drained);
			await until("all of it arrived", () => b.receivedBytes === writtenBytes);
		},
		{ hold: "b" },
	);

	onPipe(
		"the other way, too",
		async ({ a, b }, _pair, { windowBytes }) => {
			const writtenBytes = await fill(b, 2 * windowBytes);
			a.release();
			await until("all of it arrived", () => a.receivedBytes === writtenBytes);
		},
		{ hold: "a" },
	);

	onPipe(
		"losing the far leg resets and stops the near one with the code for that",
		async ({ a, cutB, result }) => {
			cutB();
			assert.equal((await a.first("reset")).code, LOST_CODE);
			assert.equal((await a.first("stopped")).code, LOST_CODE);
			assert.equal(a.has("end"), false);
			assert.equal((await result).end, "lost");
		},
		{ times: ATTENTIVE },
	);

	onPipe("losing the near leg resets and stops the far one with the code for that", async ({ b, result }, pair) => {
		pair.near.close(0, "");
		assert.equal((await b.first("reset")).code, LOST_CODE);
		assert.equal((await b.first("stopped")).code, LOST_CODE);
		assert.equal((await result).end, "lost");
	});

	onPipe("what came before FIN still arrives when the near leg then goes", async ({ a, b }, pair) => {
		a.write(FRAME.DATA, pattern(1_000));
		a.stream.finish();
		await a.first("finished");
		pair.near.close(0, "");
		await pair.far.closed;
		await b.framesOf(1);
		await b.first("end");
		assert.equal(b.has("reset"), false);
	});

	onPair("pipe: a held stream that is to be opened later sends nothing before, and the pipe tells when it is open", async (pair, fixture) => {
		const far = await third(pair, fixture);
		const a = new Recorder().open(pair.near, OPEN);
		a.write(FRAME.DATA, pattern(5));
		const held = far.middle.openHeldStream(OPEN, true);
		const told: string[] = [];
		const result = pair.accepting.pipe(
			await pair.incoming(),
			held,
			LOST_CODE,
			() => void told.push("end"),
			() => void told.push("open"),
		);
		const arriving = far.incoming().then((incoming) => {
			told.push("arrived");
			return new Recorder().accept(incoming);
		});
		await quiet();
		assert.equal(told.length, 0);
		held.open();
		held.open();
		assert.equal(told.length, 0, "never from inside a call");
		const b = await arriving;
		await b.framesOf(1);
		await until("the pipe tells that it is open", () => told.includes("open"));
		for (const { stream } of [a, b]) stream.finish();
		assert.equal((await result).end, "finished");
		assert.deepEqual(told.sort(), ["arrived", "end", "open"]);
		await far.close();
	});

	onPair("pipe: a stream that its peer gives up while the far leg waits ends the pipe, and the far leg is never opened", async (pair, fixture) => {
		const far = await third(pair, fixture);
		const a = new Recorder().open(pair.near, OPEN);
		const held = far.middle.openHeldStream(OPEN, true);
		let opened = 0;
		const result = pair.accepting.pipe(await pair.incoming(), held, LOST_CODE, undefined, () => opened++);
		a.stream.reset(0x09);
		await quiet();
		a.stream.stop(0x09);
		await result;
		held.open();
		await quiet();
		far.middle.openHeldStream({ kind: FRAME.OPEN, payload: pattern(7) });
		assert.deepEqual([...(await far.incoming()).header.payload], [...pattern(7)], "no other stream has come before");
		assert.equal(opened, 0);
		await far.close();
	});

	onPair("pipe: a far leg beyond the peer's stream limit is not open until another stream has ended", async (pair, fixture) => {
		const { mostStreams: streams } = fixture;
		const far = await third(pair, fixture);
		const all = Array.from({ length: streams }, () => new Recorder().open(far.middle, OPEN));
		const accepted = await Promise.all(all.map(async () => new Recorder().accept(await far.incoming())));
		new Recorder().open(pair.near, OPEN);
		let opened = 0;
		pair.accepting.pipe(await pair.incoming(), far.middle.openHeldStream(OPEN), LOST_CODE, undefined, () => opened++).catch(assert.fail);
		await quiet();
		assert.equal(opened, 0);
		for (const { stream } of [...all.slice(0, streams / 4), ...accepted.slice(0, streams / 4)]) {
			stream.reset(0x09);
			stream.stop(0x09);
		}
		await until("it is open", () => opened === 1);
		await far.close();
	});

	onPair("pipe: what is piped from a connection keeps to its bound, all streams together and in turn", async (pair, fixture) => {
		const far = await third(pair, fixture);
		let slowed = 0;
		pair.far.share({ bytesPerSecond: 200_000, burstBytes: 40_000, onSlowed: () => slowed++ });
		const began = performance.now();
		const writers: Recorder[] = [];
		const readers: Recorder[] = [];
		for (let streams = 0; streams < 4; streams++) {
			const a = new Recorder().open(pair.near, OPEN);
			pair.accepting.pipe(await pair.incoming(), far.middle.openHeldStream(OPEN), LOST_CODE).catch(assert.fail);
			readers.push(new Recorder().accept(await far.incoming()));
			writers.push(a);
		}
		for (let i = 0; i < 8; i++) for (const a of writers) a.write(FRAME.DATA, pattern(16_000));
		const sum = (): number => readers.reduce((bytes, { receivedBytes }) => bytes + receivedBytes, 0);
		await until("half of it arrived", () => sum() >= 256_000);
		const least = Math.min(...readers.map(({ receivedBytes }) => receivedBytes));
		assert.ok(least >= 16_000, `one has ${least} bytes of half`);
		await until("all of it arrived", () => sum() === 512_000);
		const tookMs = performance.now() - began;
		// A read may go beyond the bound. That is made up for by the next one, and the last has none.
		assert.ok(tookMs >= 1_000 * ((512_000 - 40_000 - 50_000) / 200_000), `512,000 bytes took ${tookMs} ms`);
		assert.ok(slowed >= 1 && slowed <= tookMs / 1_000 + 1, `told ${slowed} times`);
		await far.close();
	});

	onPair("pipe: connections that are shared as one sender's have one bound, and what is taken otherwise counts", async (pair, fixture) => {
		const far = await third(pair, fixture);
		pair.far.took(1_000_000);
		assert.equal(pair.far.mayTake(), true, "there is no bound yet");
		let turns = 0;
		pair.far.share({ bytesPerSecond: 100_000, burstBytes: 50_000 });
		far.middle.share({ sharedWith: pair.far, bytesPerSecond: 0, burstBytes: 0, onTurn: () => turns++ });
		assert.equal(pair.far.mayTake(), true);
		pair.far.took(150_000);
		assert.equal(far.middle.mayTake(), false);
		await until("it may take again", () => turns === 1);
		assert.deepEqual([pair.far.mayTake(), far.middle.mayTake()], [false, true], "it is one's turn");
		far.middle.took(1_000_000);
		assert.equal(far.middle.mayTake(), false);
		const a = new Recorder().open(pair.near, OPEN);
		pair.accepting.pipe(await pair.incoming(), far.middle.openHeldStream(OPEN), LOST_CODE).catch(assert.fail);
		const b = new Recorder().accept(await far.incoming());
		a.write(FRAME.DATA, pattern(100));
		await quiet();
		assert.equal(b.frames.length, 0);
		a.stream.reset(0x09);
		assert.equal((await b.first("reset")).code, 0x09, "a reset does not wait");
		await far.close();
	});

	onPair("pipe: a held stream that is given up is reset and stopped", async (pair, fixture) => {
		const far = await third(pair, fixture);
		const held = far.middle.openHeldStream(OPEN);
		const b = new Recorder().accept(await far.incoming());
		held.refuse(0x09);
		assert.equal((await b.first("reset")).code, 0x09);
		assert.equal((await b.first("stopped")).code, 0x09);
		await far.close();
	});
}

/** A third transport, connected to the middle. */
async function third(
	pair: Pair,
	fixture: TransportFixture,
	times: Times = {},
): Promise<{
	middle: TransportConnection;
	route: Route;
	incoming: () => Promise<IncomingStream>;
	close: () => Promise<void>;
}> {
	const transport = await fixture.createTransport(times);
	let middle: TransportConnection | undefined;
	pair.accepting.accept(
		acceptOptions(fixture, (connection) => {
			middle = connection;
			connection.confirm();
		}),
	);
	const route = await fixture.createRoute(pair.accepting);
	const end = await transport.dial(dialOptions(fixture, route.port));
	const incoming = new Arrivals();
	end.onStream = (stream) => incoming.add(stream);
	await until("the third connection is accepted", () => middle !== undefined);
	return {
		middle: middle as TransportConnection,
		route,
		incoming: () => incoming.next(),
		async close() {
			await transport.close(0, "", 1_000);
			route.close();
		},
	};
}

async function pipe(pair: Pair, fixture: TransportFixture, { hold, times }: PipeOptions): Promise<Piped> {
	const far = await third(pair, fixture, times);
	const a = new Recorder({ hold: hold === "a" }).open(pair.near, OPEN);
	const result = pair.accepting.pipe(await pair.incoming(), far.middle.openHeldStream(OPEN), LOST_CODE);
	const b = new Recorder({ hold: hold === "b" }).accept(await far.incoming());
	return { a, b, cutB: () => far.route.cut(), result, close: far.close };
}
