import assert from "node:assert/strict";
import { test } from "node:test";
import * as v from "valibot";
import { z } from "zod";
import { connectEnds, type Ends } from "../../../testing/stream-fixture.ts";
import { until } from "../../../testing/transport/suite-recorder.ts";
import { type ConecError, isConecError } from "../../errors.ts";
import type { MessageStream } from "../message-stream.ts";
import type { StandardSchema } from "./codec.ts";
import { jsonCodec } from "./json-codec.ts";
import { type TypedStream, typed } from "./typed.ts";

function onEnds(behaviour: string, run: (ends: Ends) => Promise<void>): void {
	test(`typed: ${behaviour}`, { timeout: 300_000 }, async () => {
		const ends = await connectEnds({});
		try {
			await run(ends);
		} finally {
			await ends.close();
		}
		assert.equal(ends.network.liveStreams, 0);
	});
}

interface Point {
	readonly x: number;
	readonly name: string;
}
const POINT_SCHEMAS: Readonly<Record<string, StandardSchema<Point>>> = {
	valibot: v.object({ x: v.number(), name: v.string() }),
	zod: z.object({ x: z.number(), name: z.string() }),
	"valibot, asynchronous": v.objectAsync({
		x: v.pipeAsync(
			v.number(),
			v.checkAsync(async (x) => {
				await new Promise((resolve) => setTimeout(resolve, x % 3));
				return x >= 0;
			}),
		),
		name: v.string(),
	}),
	"zod, asynchronous": z.object({ x: z.number(), name: z.string() }).refine(async ({ x }) => {
		await new Promise((resolve) => setTimeout(resolve, x % 3));
		return x >= 0;
	}),
};

async function readAll<T>(stream: AsyncIterable<T>): Promise<T[]> {
	const values: T[] = [];
	for await (const value of stream) values.push(value);
	return values;
}

/** A schema whose verdicts come when the test says so. */
function slowSchema(): { schema: StandardSchema<number>; settle: (value: number, issues?: { message: string }[]) => void } {
	const waiting = new Map<unknown, (result: { value: number } | { issues: { message: string }[] }) => void>();
	return {
		schema: {
			"~standard": {
				version: 1,
				vendor: "test",
				validate: (value) =>
					new Promise((resolve) => {
						waiting.set(value, resolve);
					}),
			},
		},
		settle: (value, issues) => waiting.get(value)?.(issues === undefined ? { value } : { issues }),
	};
}

onEnds("values arrive as they were sent, both ways, to the end", async (ends) => {
	const streams = await ends.streams();
	const near = typed(streams.near, jsonCodec());
	const far = typed(streams.far, jsonCodec());
	assert.deepEqual([near.peer, near.id, near.path, near.metadata, near.closed], ["bob", 7, "proxied", undefined, streams.near.closed]);
	const values = [null, true, 0, "", "é\u0000😀", [], {}, [1, [2, { three: "3" }]], "x".repeat(100_000)];
	const echo = (async () => {
		for await (const value of far) await far.send(value);
		await far.close();
	})();
	const received = readAll(near);
	for (const [index, value] of values.entries()) {
		if (index % 2 === 0 || !near.trySend(value)) await near.send(value);
	}
	await near.close();
	assert.deepEqual(await received, values);
	await echo;
	assert.equal(await near.receive(), null);
	assert.deepEqual(await near.closed, { by: "local" });
});

onEnds("any pair of functions is a codec", async (ends) => {
	const streams = await ends.streams();
	const codec = { encode: (value: bigint) => value.toString(16), decode: (bytes: Uint8Array) => BigInt(`0x${new TextDecoder().decode(bytes)}`) };
	const near: TypedStream<bigint> = typed(streams.near, codec);
	const far = typed<bigint>(streams.far, codec);
	await near.send(2n ** 100n);
	assert.equal(await far.receive(), 2n ** 100n);
	await streams.near.send("not hexadecimal");
	await streams.near.send("");
	await near.send(7n);
	await assert.rejects(far.receive(), (error: ConecError) => error.code === "DECODE_FAILED" && error.peer === "alice" && error.cause instanceof SyntaxError);
	// BigInt("0x") is a mistake, BigInt("") is 0: what a codec makes of an empty message is its business.
	await assert.rejects(far.receive(), { code: "DECODE_FAILED" });
	assert.equal(await far.receive(), 7n);
});

onEnds("a codec that gives no message is the caller's mistake", async (ends) => {
	const { near } = await ends.streams();
	for (const encoded of [7, null, undefined, {}, [1], "half a pair \ud800"]) {
		const stream = typed(near, { encode: () => encoded as string, decode: () => 0 });
		await assert.rejects(stream.send(1), { name: "TypeError", code: "ENCODE_FAILED" }, String(encoded));
		assert.throws(() => stream.trySend(1), { name: "TypeError", code: "ENCODE_FAILED" });
	}
});

for (const [name, schema] of Object.entries(POINT_SCHEMAS)) {
	onEnds(`${name}: checks both ways, in order; an invalid one costs itself only`, async (ends) => {
		const streams = await ends.streams();
		const near = typed(streams.near, jsonCodec(schema));
		const far = typed(streams.far, jsonCodec(schema));
		const points = Array.from({ length: 30 }, (_, x): Point => ({ x, name: `point ${x}` }));
		const sends = points.map((point) => near.send(point));
		const wrong = near.send({ x: "1", name: 2 } as never);
		await assert.rejects(wrong, (error: Error & { code?: string }) => {
			assert.deepEqual([error.name, error.code, Array.isArray(error.cause)], ["TypeError", "ENCODE_FAILED", true]);
			return error.message.includes("x: ");
		});
		await Promise.all(sends);
		for (const hostile of ['{"x":1}', "[]", "null", '{"x":"1","name":"a"}', '{"x":1', ""]) await streams.near.send(hostile);
		await near.send({ x: 99, name: "last" });
		await near.close();
		for (const point of points) assert.deepEqual(await far.receive(), point);
		for (let index = 0; index < 6; index++) {
			await assert.rejects(far.receive(), (error: ConecError) => isConecError(error) && error.code === "DECODE_FAILED" && error.cause !== undefined);
		}
		assert.deepEqual(await far.receive(), { x: 99, name: "last" });
		assert.equal(await far.receive(), null);
	});
}

onEnds("what travels is what was sent: defaults and transformations happen once, at the receiver", async (ends) => {
	interface Sent {
		at: string;
		unit?: string | undefined;
	}
	const schemas: StandardSchema<Sent, { at: Date; unit: string }>[] = [
		z.object({ at: z.string().transform((text) => new Date(text)), unit: z.string().default("celsius") }),
		v.object({
			at: v.pipe(
				v.string(),
				v.transform((text) => new Date(text)),
			),
			unit: v.optional(v.string(), "celsius"),
		}),
	];
	for (const schema of schemas) {
		const streams = await ends.streams();
		const [near, far] = [typed(streams.near, jsonCodec(schema)), typed(streams.far, jsonCodec(schema))];
		await near.send({ at: "1970-01-01T00:00:01.000Z" });
		const received: { at: Date; unit: string } | null = await far.receive();
		assert.deepEqual(received, { at: new Date(1_000), unit: "celsius" });
	}
});

onEnds("the type checker knows what a schema takes and gives", async (ends) => {
	const { near } = await ends.streams();
	const inferred = typed(near, jsonCodec(z.object({ at: z.string().transform((text) => new Date(text)) })));
	const sent: Promise<void> = inferred.send({ at: "1970-01-01T00:00:01.000Z" });
	// @ts-expect-error: what is sent is a string, what is received a Date.
	await assert.rejects(inferred.send({ at: new Date() }), { code: "ENCODE_FAILED" });
	const same: TypedStream<{ name: string }> = typed(near, jsonCodec(v.object({ name: v.string() })));
	await Promise.all([sent, same.send({ name: "a" })]);
	const custom: TypedStream<number> = typed(near, { encode: (value: number) => String(value), decode: (bytes) => bytes.length, schema: v.number() });
	await custom.send(1);
	const asserted = typed<{ id: number }>(near, jsonCodec());
	// @ts-expect-error: not a number.
	await asserted.send({ id: "1" });
});

onEnds("for await throws an undecodable message; the same iterator, a new one and receive all go on after it", async (ends) => {
	const { near, far } = await ends.streams();
	for (const message of ["1", "?", "2", "?", "3", "?", "4", "?", "5"]) await near.send(message);
	const closed = near.close();
	const stream = typed(far, jsonCodec<number>());
	const values: number[] = [];
	for (let failures = 0; failures < 2; ) {
		try {
			for await (const value of stream) values.push(value);
		} catch (error) {
			assert.equal((error as ConecError).code, "DECODE_FAILED");
			failures++;
		}
	}
	const iterator = stream[Symbol.asyncIterator]();
	assert.deepEqual(await iterator.next(), { done: false, value: 3 });
	await assert.rejects(stream.receive(), { code: "ITERATOR_IN_USE" });
	await assert.rejects(iterator.next(), { code: "DECODE_FAILED" });
	assert.deepEqual(await iterator.next(), { done: false, value: 4 });
	await assert.rejects(iterator.next(), { code: "DECODE_FAILED" });
	assert.equal(await stream.receive(), 5);
	assert.deepEqual(values, [1, 2]);
	assert.deepEqual(await iterator.next(), { done: true, value: undefined });
	await closed;
});

onEnds("breaking out leaves the rest to the next reader", async (ends) => {
	const { near, far } = await ends.streams();
	for (const message of ["1", "2", "3"]) await near.send(message);
	const stream = typed(far, jsonCodec<number>());
	for await (const value of stream) {
		assert.equal(value, 1);
		break;
	}
	assert.equal(await stream.receive(), 2);
	assert.equal(new TextDecoder().decode((await far.receive()) as Uint8Array), "3");
});

onEnds("two reads at once, the first undecodable: the second is not told of an end", async (ends) => {
	const { near, far } = await ends.streams();
	await near.send("?");
	const iterator = typed(far, jsonCodec<number>())[Symbol.asyncIterator]();
	await until("the message is there", () => far.waitingMessages === 1);
	const [first, second] = [iterator.next(), iterator.next()];
	await assert.rejects(first, { code: "DECODE_FAILED" });
	await near.send("2");
	assert.deepEqual(await second, { done: false, value: 2 });
});

onEnds("sends keep their order while an asynchronous schema takes its time; close waits for them", async (ends) => {
	const { near, far } = await ends.streams();
	const { schema, settle } = slowSchema();
	const stream = typed(near, jsonCodec(schema));
	const sends = [stream.send(1), stream.send(2), stream.send(3)];
	const refused = assert.rejects(sends[1] as Promise<void>, { code: "ENCODE_FAILED" });
	const closed = stream.close();
	const late = assert.rejects(stream.send(4), { code: "STREAM_CLOSED" });
	settle(4);
	settle(3);
	settle(2, [{ message: "two is no number" }]);
	await new Promise((resolve) => setImmediate(resolve));
	assert.equal(far.waitingMessages, 0);
	settle(1);
	assert.deepEqual(
		(await readAll(far)).map((message) => new TextDecoder().decode(message)),
		["1", "3"],
	);
	await Promise.all([sends[0], refused, sends[2], closed, late]);
});

onEnds("receives keep their order while an asynchronous schema takes its time; aborting loses no message", async (ends) => {
	const { near, far } = await ends.streams();
	const { schema, settle } = slowSchema();
	const stream = typed(far, jsonCodec(schema));
	const reason = new Error("enough");
	const controller = new AbortController();
	const aborted = stream.receive({ signal: controller.signal });
	controller.abort(reason);
	await assert.rejects(aborted, (error) => error === reason);
	for (const message of ["1", "2", "3"]) await near.send(message);
	await until("the messages are there", () => far.waitingMessages === 3);
	const late = new AbortController();
	const order: number[] = [];
	const received = [stream.receive({ signal: late.signal }), stream.receive(), stream.receive()].map((value) =>
		value.then((number) => order.push(number ?? -1)),
	);
	await new Promise((resolve) => setImmediate(resolve));
	late.abort(reason);
	settle(3);
	settle(2);
	settle(1);
	await Promise.all(received);
	assert.deepEqual(order, [1, 2, 3]);
});

onEnds("an aborted send is not sent, whether its schema or the way is slow", async (ends) => {
	const { near, far } = await ends.streams();
	const { schema, settle } = slowSchema();
	const stream = typed(near, jsonCodec(schema));
	const reason = { why: "no time" };
	await assert.rejects(stream.send(0, { signal: AbortSignal.abort(reason) }), (error) => error === reason);
	const controller = new AbortController();
	const kept = stream.send(1);
	const aborted = stream.send(2, { signal: controller.signal });
	const last = stream.send(3, { signal: new AbortController().signal });
	settle(2);
	settle(3);
	controller.abort(reason);
	await assert.rejects(aborted, (error) => error === reason);
	settle(1);
	await Promise.all([kept, last]);
	const stuck = new AbortController();
	const never = stream.send(4, { signal: stuck.signal });
	const after = stream.send(5);
	settle(5);
	stuck.abort(reason);
	await assert.rejects(never, (error) => error === reason);
	await after;
	await stream.close();
	assert.deepEqual(
		(await readAll(far)).map((message) => new TextDecoder().decode(message)),
		["1", "3", "5"],
	);
});

onEnds("trySend takes no asynchronous schema and overtakes nobody; waiting sends are bounded", async (ends) => {
	const { near } = await ends.streams();
	const { schema, settle } = slowSchema();
	const slow = typed(near, jsonCodec(schema));
	assert.throws(() => slow.trySend(1), { name: "TypeError", code: "ENCODE_FAILED" });
	const sometimes: StandardSchema<number> = {
		"~standard": { version: 1, vendor: "test", validate: (value) => (value === 0 ? schema["~standard"].validate(value) : { value: value as number }) },
	};
	const stream = typed(near, jsonCodec(sometimes));
	const sends = Array.from({ length: 1_024 }, () => stream.send(0));
	for (const send of sends) send.catch(() => {});
	assert.equal(stream.trySend(1), false);
	await assert.rejects(stream.send(1), { code: "QUEUE_FULL" });
	near.reset();
	settle(0);
	near.stop();
});

onEnds("a schema or codec that throws or rejects is answered with the code of its side", async (ends) => {
	const { near, far } = await ends.streams();
	const failing = (validate: () => never | Promise<never>): StandardSchema<number> => ({ "~standard": { version: 1, vendor: "test", validate } });
	const thrown = new Error("in the schema");
	for (const schema of [
		failing(() => {
			throw thrown;
		}),
		failing(() => Promise.reject(thrown)),
	]) {
		await assert.rejects(typed(near, jsonCodec(schema)).send(1), (error: ConecError) => error.code === "ENCODE_FAILED" && error.cause === thrown);
		await near.send("1");
		await assert.rejects(typed(far, jsonCodec(schema)).receive(), (error: ConecError) => error.code === "DECODE_FAILED" && error.cause === thrown);
	}
	const bottomless: StandardSchema<unknown> = z.lazy(() => z.union([z.number(), z.array(bottomless as never)]));
	await near.send(`${"[".repeat(200)}1${"]".repeat(200)}`);
	assert.ok(Array.isArray(await typed(far, jsonCodec(bottomless)).receive()));
});

onEnds("what a peer says makes an error neither long nor dangerous to print", async (ends) => {
	const { near, far } = await ends.streams();
	const harmless = (error: Error): boolean => error.message.length < 400 && !/\p{Cc}/u.test(error.message);
	await near.send(`"${"x".repeat(10_000)}"`);
	await assert.rejects(typed(far, jsonCodec(v.number())).receive(), harmless);
	await near.send(JSON.stringify("\u001b[2J\n"));
	await assert.rejects(
		typed(far, { encode: String, decode: (bytes) => assert.fail(JSON.parse(new TextDecoder().decode(bytes)) as string) }).receive(),
		harmless,
	);
});

onEnds("errors of the stream below pass through, and stay", async (ends) => {
	const { near, far } = await ends.streams();
	const stream: TypedStream<number> = typed(far, jsonCodec<number>());
	await near.send("1");
	assert.equal(await stream.receive(), 1);
	near.reset(5);
	const iterator = stream[Symbol.asyncIterator]();
	await assert.rejects(iterator.next(), { code: "STREAM_RESET", closeCode: 5 });
	await assert.rejects(iterator.next(), { code: "STREAM_RESET", closeCode: 5 });
	await assert.rejects(stream.receive(), { code: "STREAM_RESET" });
	await assert.rejects(typed(near, jsonCodec()).send(1), { code: "STREAM_CLOSED" });
	stream.reset();
	stream.stop();
});

onEnds("disposing ends it, after the sends that are being checked", async (ends) => {
	const { near, far } = await ends.streams();
	const stream = typed(near, jsonCodec(POINT_SCHEMAS["zod, asynchronous"] as StandardSchema<Point>));
	const sent = stream.send({ x: 2, name: "two" });
	const values = readAll(typed(far, jsonCodec()));
	const disposed = stream[Symbol.asyncDispose]();
	assert.deepEqual(await values, [{ x: 2, name: "two" }]);
	await Promise.all([sent, disposed, far.close()]);
});

onEnds("wrong arguments are TypeErrors", async (ends) => {
	const { near } = await ends.streams();
	for (const stream of [null, undefined, 1, {}, []]) {
		assert.throws(() => typed(stream as never as MessageStream, jsonCodec()), { name: "TypeError", code: "OPTION_INVALID" });
	}
	for (const codec of [
		null,
		undefined,
		{},
		{ encode() {} },
		{ encode() {}, decode: 1 },
		{ encode() {}, decode() {}, schema: {} },
		{ encode() {}, decode() {}, schema: null },
	]) {
		assert.throws(() => typed(near, codec as never), { name: "TypeError", code: "OPTION_INVALID" });
	}
});
