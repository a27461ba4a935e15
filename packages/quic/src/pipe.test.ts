import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { type TestContext, test } from "node:test";
import { Heard } from "../test/support/heard.ts";
import { endpoint, eventually, join, type Link, link, listening, nextStream } from "../test/support/link.ts";
import { relay } from "../test/support/relay.ts";
import { type HeldStream, type PipeResult, pipe, type Stream, type StreamOptions } from "./index.ts";

const LOST = 99;
const OPEN = { kind: 1, payload: Buffer.from("open") };

interface Proxy {
	/** Alice dials the proxy, the proxy sees her as `alice.accepted`. */
	readonly alice: Pick<Link, "dialled" | "accepted">;
	readonly bob: Pick<Link, "dialled" | "accepted">;
}

/** Two clients of one proxy. */
async function proxy(t: TestContext): Promise<Proxy> {
	const first = await link(t);
	return { alice: first, bob: await join(first.client, first.server) };
}

interface Piped {
	readonly near: Stream;
	readonly nearHeard: Heard;
	readonly far: Stream;
	readonly farHeard: Heard;
	readonly held: HeldStream;
	readonly result: Promise<PipeResult>;
}

/** A stream from Alice to Bob through a pipe at the proxy. */
async function piped(
	{ alice, bob }: Proxy,
	options: { near?: StreamOptions; far?: StreamOptions; paused?: boolean; burst?: (near: Stream) => void } = {},
): Promise<Piped> {
	const atProxy = nextStream(alice.accepted);
	const atBob = nextStream(bob.dialled);
	const nearHeard = new Heard();
	const near = alice.dialled.openStream(nearHeard, options.near, OPEN);
	nearHeard.stream = near;
	options.burst?.(near);
	const incoming = await atProxy;
	const held = bob.accepted.openHeldStream({ kind: 3, payload: incoming.payload });
	const result = pipe(incoming, held, LOST);
	const opened = await atBob;
	assert.equal(opened.kind, 3);
	assert.equal(Buffer.from(opened.payload).toString(), "open");
	const farHeard = new Heard();
	const far = opened.accept(farHeard, options.far);
	if (options.paused !== true) farHeard.stream = far;
	return { near, nearHeard, far, farHeard, held, result };
}

test("pipe: each direction has a priority of its own", async (t) => {
	for (const side of ["back", "forth"] as const) {
		const server = endpoint(t);
		server.listen(listening());
		// The relay is where the pipe writes: on the way back to Alice, or on the way to Bob.
		const { port, hold } = await relay(t, server.address.port);
		const alice = await join(endpoint(t), server, side === "back" ? { port } : {});
		const bob = await join(endpoint(t), server, side === "forth" ? { port } : {});
		const ended: string[] = [];
		const all: Promise<unknown>[] = [];
		const writers: { readonly stream: Stream; readonly heard: Heard }[] = [];
		for (const [name, priority] of [
			["low", -1],
			["plain", 0],
			["high", 1],
		] as const) {
			const [atProxy, atBob] = [nextStream(alice.accepted), nextStream(bob.dialled)];
			const nearHeard = new Heard();
			const near = alice.dialled.openStream(nearHeard, {}, OPEN);
			nearHeard.stream = near;
			const incoming = await atProxy;
			const held = bob.accepted.openHeldStream({ kind: 3, payload: incoming.payload }, false, side === "forth" ? priority : 0);
			void pipe(incoming, held, LOST, undefined, undefined, side === "back" ? priority : 0);
			const farHeard = new Heard();
			const far = (await atBob).accept(farHeard);
			farHeard.stream = far;
			writers.push(side === "back" ? { stream: far, heard: farHeard } : { stream: near, heard: nearHeard });
			all.push((side === "back" ? nearHeard : farHeard).until("end").then(() => ended.push(name)));
		}
		const release = hold("server");
		for (const { stream, heard } of writers) {
			for (let i = 0; i < 8; i++) stream.write(2, Buffer.alloc(10_000));
			stream.finish();
			await heard.until("finished");
		}
		// The proxy has all of it, and so has QUIC on its other side.
		await (side === "back" ? alice : bob).accepted.settled();
		release();
		await Promise.all(all);
		assert.deepEqual(ended, ["high", "plain", "low"], side);
	}
});

test("pipe: OPEN, 100 frames and FIN of one burst arrive complete", async (t) => {
	const burst = (near: Stream): void => {
		for (let i = 0; i < 100; i++) near.write(2, Buffer.from(`data ${i}`));
		near.finish();
	};
	const { nearHeard, far, farHeard, result } = await piped(await proxy(t), { burst });
	await farHeard.until("end");
	assert.deepEqual(
		farHeard.frames.map(({ payload }) => Buffer.from(payload).toString()),
		Array.from({ length: 100 }, (_, i) => `data ${i}`),
	);
	far.finish();
	await nearHeard.until("end", "finished");
	const { end, forwardBytes, backwardBytes } = await result;
	assert.equal(end, "finished");
	assert.equal(forwardBytes, 100 * 4 + 590 + 100, "headers and payloads");
	assert.equal(backwardBytes, 0);
});

test("pipe: 64 MiB both ways arrive intact", async (t) => {
	const { near, nearHeard, far, farHeard, result } = await piped(await proxy(t));
	const block = randomBytes(1024 * 1024);
	const send = async (stream: Stream, heard: Heard): Promise<string> => {
		const hash = createHash("sha256");
		for (let i = 0; i < 64; i++) {
			const part = block.subarray(i);
			hash.update(part);
			stream.write(0, part);
			while (stream.queuedBytes > 2 * block.length) await new Promise((resolve) => setTimeout(resolve, 2));
		}
		stream.finish();
		await heard.until("finished");
		return hash.digest("hex");
	};
	const receive = async (heard: Heard): Promise<string> => {
		heard.keep = false;
		const hash = createHash("sha256");
		const { frame } = heard;
		heard.frame = (kind, payload) => {
			hash.update(payload);
			frame.call(heard, kind, payload);
		};
		await heard.until("end");
		return hash.digest("hex");
	};
	const [sentThere, sentBack, there, back] = await Promise.all([send(near, nearHeard), send(far, farHeard), receive(farHeard), receive(nearHeard)]);
	assert.equal(there, sentThere);
	assert.equal(back, sentBack);
	const { end, forwardBytes, backwardBytes } = await result;
	assert.equal(end, "finished");
	assert.equal(forwardBytes, backwardBytes);
	assert.ok(forwardBytes > 63 * 1024 * 1024);
});

for (const order of ["near", "far"] as const) {
	test(`pipe: half-close, ${order} side first; the other direction goes on`, async (t) => {
		const { near, nearHeard, far, farHeard, result } = await piped(await proxy(t));
		const [first, firstHeard, second, secondHeard] = order === "near" ? [near, nearHeard, far, farHeard] : [far, farHeard, near, nearHeard];
		first.write(0, Buffer.from("last words"));
		first.finish();
		await secondHeard.until("end");
		await firstHeard.until("finished");
		second.write(0, Buffer.from("still talking"));
		await firstHeard.untilCount(1);
		second.finish();
		await firstHeard.until("end");
		assert.equal((await result).end, "finished");
	});

	test(`pipe: reset and stop by the ${order} side pass with their codes`, async (t) => {
		const parties = await proxy(t);
		const reset = await piped(parties);
		const [giver, , , taker] = order === "near" ? [reset.near, 0, 0, reset.farHeard] : [reset.far, 0, 0, reset.nearHeard];
		giver.reset(2 ** 40);
		await taker.until(`reset ${2 ** 40}`);
		(order === "near" ? reset.far : reset.near).finish();
		assert.equal((await reset.result).end, "reset");
		const stopped = await piped(parties);
		(order === "near" ? stopped.near : stopped.far).stop(8);
		await (order === "near" ? stopped.farHeard : stopped.nearHeard).until("stopped 8");
		(order === "near" ? stopped.near : stopped.far).reset(9);
		await (order === "near" ? stopped.farHeard : stopped.nearHeard).until("reset 9");
		assert.equal((await stopped.result).end, "reset");
	});
}

test("pipe: a far reader that stops makes the near writer wait within the windows", async (t) => {
	const { near, far, farHeard } = await piped(await proxy(t), { paused: true });
	const total = 64;
	for (let i = 0; i < total; i++) near.write(0, Buffer.alloc(256 * 1024));
	let before = -1;
	await eventually(() => {
		const same = before === near.queuedBytes;
		before = near.queuedBytes;
		return same && farHeard.bytes > 0;
	}, "the writer to stop");
	await new Promise((resolve) => setTimeout(resolve, 200));
	const left = total * (256 * 1024 + 4) - near.queuedBytes;
	assert.ok(left <= 3 * 1024 * 1024, `${left} bytes left the writer`);
	farHeard.stream = far;
	for (const { payload } of farHeard.frames) far.consumed(payload.length);
	await farHeard.untilCount(total);
});
