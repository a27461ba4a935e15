import assert from "node:assert/strict";
import { test } from "node:test";
import { accept, connectEnds, type Ends, HEADER } from "../../testing/stream-fixture.ts";
import { Recorder, until } from "../../testing/transport/suite-recorder.ts";
import { ConecError } from "../errors.ts";
import { APPLICATION_CODE_BASE, RESET_CODES } from "../wire/codes.ts";
import { FRAME } from "../wire/frames.ts";
import { IncomingStreams } from "./incoming-streams.ts";

async function withEnds(run: (ends: Ends, add: (streams: IncomingStreams) => Promise<Recorder>) => Promise<void>): Promise<void> {
	const ends = await connectEnds();
	let id = 0;
	try {
		await run(ends, async (streams) => {
			const raw = new Recorder().open(ends.near, HEADER);
			streams.push(accept(await ends.incoming(), ends.init({ id: id++ })));
			await raw.framesOf(1);
			return raw;
		});
	} finally {
		await ends.close();
	}
}

const CLOSED = new ConecError("CLIENT_CLOSED", "Cannot take the stream: the Client is closed");

test("incoming streams: come in order, to a consumer that waits or not", () =>
	withEnds(async (_ends, add) => {
		const streams = new IncomingStreams(64);
		const iterator = streams[Symbol.asyncIterator]();
		const waiting = iterator.next();
		await add(streams);
		await add(streams);
		await add(streams);
		assert.equal((await waiting).value?.id, 0);
		assert.equal((await iterator.next()).value?.id, 1);
		assert.equal((await iterator.next()).value?.id, 2);
		assert.equal(streams.length, 0);
	}));

test("incoming streams: have room for so many that wait, and for one more while somebody waits", () =>
	withEnds(async (_ends, add) => {
		const streams = new IncomingStreams(2);
		await add(streams);
		assert.equal(streams.hasRoom, true);
		await add(streams);
		assert.equal(streams.hasRoom, false);
		const iterator = streams[Symbol.asyncIterator]();
		await iterator.next();
		assert.equal(streams.hasRoom, true);

		const none = new IncomingStreams(0);
		assert.equal(none.hasRoom, false);
		void none[Symbol.asyncIterator]().next();
		assert.equal(none.hasRoom, true);
	}));

test("incoming streams: one consumer at a time; break leaves the rest to the next", () =>
	withEnds(async (_ends, add) => {
		const streams = new IncomingStreams(64);
		await add(streams);
		await add(streams);
		for await (const stream of streams) {
			assert.equal(stream.id, 0);
			await assert.rejects(streams[Symbol.asyncIterator]().next(), { code: "ITERATOR_IN_USE" });
			break;
		}
		const next = streams[Symbol.asyncIterator]();
		assert.equal((await next.next()).value?.id, 1);
		const waiting = next.next();
		await assert.rejects(next.next(), { code: "ITERATOR_IN_USE" });
		await next.return?.();
		assert.deepEqual(await waiting, { done: true, value: undefined });
		assert.deepEqual(await next.next(), { done: true, value: undefined });
	}));

test("incoming streams: one that broke before anything came makes room; one with a message stays", () =>
	withEnds(async (_ends, add) => {
		const streams = new IncomingStreams(2);
		const empty = await add(streams);
		const spoke = await add(streams);
		spoke.write(FRAME.DATA, new Uint8Array(4));
		// It has come, as the ACK says: a reset takes along what is on its way.
		await spoke.framesOf(2);
		spoke.stream.reset(APPLICATION_CODE_BASE);
		spoke.stream.stop(APPLICATION_CODE_BASE);
		empty.stream.reset(APPLICATION_CODE_BASE);
		empty.stream.stop(APPLICATION_CODE_BASE);
		await until("there is room", () => streams.length === 1);
		assert.equal((await streams[Symbol.asyncIterator]().next()).value?.id, 1);
	}));

test("incoming streams: close ends the iteration and resets what nobody took", () =>
	withEnds(async (_ends, add) => {
		const streams = new IncomingStreams(64);
		const raw = await add(streams);
		streams.close(CLOSED, RESET_CODES.CLIENT_CLOSED);
		streams.close(CLOSED, RESET_CODES.CLIENT_CLOSED);
		assert.equal((await raw.first("reset")).code, RESET_CODES.CLIENT_CLOSED);
		assert.equal((await raw.first("stopped")).code, RESET_CODES.CLIENT_CLOSED);
		assert.equal(streams.hasRoom, false);
		for await (const _stream of streams) {
			assert.fail("nothing may come");
		}

		const waited = new IncomingStreams(64);
		const waiting = waited[Symbol.asyncIterator]().next();
		waited.close(CLOSED, RESET_CODES.CLIENT_CLOSED);
		assert.deepEqual(await waiting, { done: true, value: undefined });
	}));

test("incoming streams: destroy ends the iteration with the error", async () => {
	const streams = new IncomingStreams(64);
	const waiting = streams[Symbol.asyncIterator]().next();
	streams.destroy(new ConecError("COORDINATOR_LOST", "Lost the Coordinator"), RESET_CODES.NONE);
	await assert.rejects(waiting, { code: "COORDINATOR_LOST" });
	await assert.rejects(streams[Symbol.asyncIterator]().next(), { code: "COORDINATOR_LOST" });
});
