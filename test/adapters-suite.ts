/**
 * The adapters in every sensible order on every kind of stream, on any transport.
 */

import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { PassThrough, Readable, Transform } from "node:stream";
import { buffer } from "node:stream/consumers";
import { pipeline } from "node:stream/promises";
import { z } from "zod";
import { jsonCodec, type MessageStream, nonBlocking, toDuplex, typed } from "../packages/conec/src/index.ts";
import { declare, type Fabric, next, pair, World } from "./entities-world.ts";

const Reading = z.object({ sensor: z.string(), value: z.number() });
type Reading = z.infer<typeof Reading>;
const readings = Array.from({ length: 200 }, (_, value): Reading => ({ sensor: "s", value }));

type Pair = readonly [near: MessageStream, far: MessageStream];

/** One composition: what the far end does with what the near end sends. */
const COMPOSITIONS: Readonly<Record<string, (pair: Pair) => Promise<void>>> = {
	"typed, typed": async ([near, far]) => {
		const sender = typed(near, jsonCodec(Reading));
		const sending = sendReadings(sender);
		const seen: Reading[] = [];
		for await (const reading of typed(far, jsonCodec(Reading))) seen.push(reading);
		await sending;
		assert.deepEqual(seen, readings);
	},
	"typed over nonBlocking": async ([near, far]) => {
		const sending = sendReadings(typed(near, jsonCodec(Reading)));
		const seen: number[] = [];
		for await (const item of typed(nonBlocking(far, readings.length), jsonCodec(Reading))) seen.push(item.type === "message" ? item.message.value : -item.lost);
		await sending;
		assert.deepEqual(
			seen,
			readings.map(({ value }) => value),
		);
	},
	"nonBlocking over typed, of a reader that sleeps": async ([near, far]) => {
		const items = nonBlocking(typed(far, jsonCodec(Reading)), 5);
		await sendReadings(typed(near, jsonCodec(Reading)));
		let lost = 0;
		const seen: number[] = [];
		for await (const item of items) {
			if (item.type === "lagged") lost += item.lost;
			else seen.push(item.message.value);
		}
		assert.equal(lost + seen.length, readings.length);
		assert.equal(seen.at(-1), readings.length - 1);
	},
	"Web Streams of values through a transformation": async ([near, far]) => {
		const [sender, receiver] = [typed(near, jsonCodec(Reading)), typed(far, jsonCodec(Reading))];
		const doubled = new TransformStream<Reading, Reading>({
			transform: ({ sensor, value }, controller) => controller.enqueue({ sensor, value: value * 2 }),
		});
		const answering = receiver.readable.pipeThrough(doubled).pipeTo(receiver.writable);
		const sending = sendReadings(sender);
		let sum = 0;
		for await (const { value } of sender.readable) sum += value;
		await Promise.all([sending, answering]);
		assert.equal(
			sum,
			readings.reduce((total, { value }) => total + value * 2, 0),
		);
	},
	"Web Streams of bytes into a Duplex": async ([near, far]) => {
		const bytes = randomBytes(1_000_000);
		const sending = Readable.toWeb(Readable.from([bytes.subarray(0, 10), bytes.subarray(10)])).pipeTo(toChunks(near.writable));
		const received = new PassThrough();
		const [whole] = await Promise.all([buffer(received), pipeline(toDuplex(far), received)]);
		await sending;
		assert.equal(createHash("sha256").update(whole).digest("hex"), createHash("sha256").update(bytes).digest("hex"));
	},
	"a Duplex of bytes, echoed by another": async ([near, far]) => {
		const bytes = randomBytes(1_000_000);
		const [ours, theirs] = [toDuplex(near), toDuplex(far)];
		const echo = pipeline(theirs, theirs);
		const received = buffer(ours);
		await pipeline(Readable.from([bytes]), ours);
		assert.ok(bytes.equals(await received));
		await echo;
	},
	"a Duplex of values": async ([near, far]) => {
		const echo = pipeline(
			toDuplex(typed(far, jsonCodec(Reading))),
			new Transform({
				objectMode: true,
				transform: (reading: Reading, _encoding, callback) => callback(null, reading.value),
			}),
			async (values: AsyncIterable<number>) => {
				let sum = 0;
				for await (const value of values) sum += value;
				return sum;
			},
		);
		await pipeline(Readable.from(readings), toDuplex(typed(near, jsonCodec(Reading))));
		assert.equal(
			await echo,
			readings.reduce((total, { value }) => total + value, 0),
		);
	},
	"an undecodable message between others": async ([near, far]) => {
		const values = typed(far, jsonCodec(Reading));
		await near.send('{"sensor":"s","value":1}');
		await near.send('{"sensor":"s","value":"high"}');
		await near.send(new Uint8Array([0xff]));
		await near.send('{"sensor":"s","value":2}');
		assert.equal((await values.receive())?.value, 1);
		await assert.rejects(values.receive(), { name: "ConecError", code: "DECODE_FAILED" });
		await assert.rejects(values.receive(), { name: "ConecError", code: "DECODE_FAILED" });
		assert.equal((await values.receive())?.value, 2);
		// The other direction has noticed nothing.
		await values.send({ sensor: "back", value: 3 });
		assert.deepEqual(await typed(near, jsonCodec(Reading)).receive(), { sensor: "back", value: 3 });
		await Promise.all([near.close(), far.close()]);
	},
};

/** How the two ends of each kind of stream come to be. */
const KINDS: Readonly<Record<string, (world: World) => Promise<() => Promise<Pair>>>> = {
	proxied: async (world) => {
		const [alice, bob] = await Promise.all([world.connect("alice"), world.connect("bob")]);
		return () => pair(alice, bob);
	},
	loopback: async (world) => {
		const alice = await world.connect("alice");
		return () => pair(alice, alice);
	},
	"to the Coordinator": async (world) => {
		const alice = await world.connect("alice");
		return () => Promise.all([alice.openCoordinatorStream(), next(world.coordinator.incomingStreams)]);
	},
	"from the Coordinator": async (world) => {
		const alice = await world.connect("alice");
		return () => Promise.all([world.coordinator.openStream("alice"), next(alice.incomingStreams)]);
	},
};

/** Declares the tests. */
export function adaptersSuite(fabric: Fabric): void {
	const it = declare(fabric);
	for (const [kind, connect] of Object.entries(KINDS)) {
		it(`adapters compose on a stream ${kind}`, async (t) => {
			const open = await connect(await World.create(t, fabric));
			for (const [composition, run] of Object.entries(COMPOSITIONS)) {
				await t.test(composition, { timeout: 300_000 }, async () => {
					const ends = await open();
					await run(ends);
					for (const end of ends) {
						end.reset();
						end.stop();
					}
					await Promise.all(ends.map((end) => end.closed));
				});
			}
		});
	}
}

async function sendReadings(stream: { send(reading: Reading): Promise<void>; close(): Promise<void> }): Promise<void> {
	for (const reading of readings) await stream.send(reading);
	await stream.close();
}

/** Only messages that fit: a Web Stream of a MessageStream takes one message a chunk. */
function toChunks(writable: WritableStream<Uint8Array>): WritableStream<Uint8Array> {
	const split = new TransformStream<Uint8Array, Uint8Array>({
		transform(chunk, controller) {
			for (let at = 0; at < chunk.length; at += 65_536) controller.enqueue(chunk.subarray(at, at + 65_536));
		},
	});
	void split.readable.pipeTo(writable).catch(() => undefined);
	return split.writable;
}
