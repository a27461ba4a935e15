import assert from "node:assert/strict";
import { test } from "node:test";
import { type Carried, KIND, Player, ringOf, Sender } from "./carried.ts";
import { reading } from "./figures.ts";

/** A sender and a receiver without anything between them but `carry`, which may lose, repeat or reorder. */
function pair(carry: (message: Uint8Array, deliver: (message: Uint8Array) => void) => void = (message, deliver) => deliver(message)): Sender {
	let sender: Sender | undefined;
	const player = new Player((message) => queueMicrotask(() => sender?.received(message)));
	sender = new Sender((message) => carry(message, (came) => player.message(came)) as undefined);
	return sender;
}

test("peers streams: everything that is sent is counted, in its order", async () => {
	for (const size of [2, 64, 4_096, 4_097, 65_536]) {
		const { sent, messages, bytes, wrong, seconds } = await pair().bulk({ size, seconds: 0.002 });
		assert.ok(sent > 0);
		assert.deepEqual({ messages, bytes, wrong }, { messages: sent, bytes: sent * size, wrong: 0 });
		assert.ok(seconds > 0);
	}
});

test("peers streams: each round counts from the start", async () => {
	const sender = pair();
	const rounds: Carried[] = [];
	for (let round = 0; round < 3; round++) rounds.push(await sender.bulk({ size: 64, seconds: 0.001 }));
	for (const { sent, messages, wrong } of rounds) assert.deepEqual([messages, wrong], [sent, 0]);
});

test("peers streams: a message that is lost, comes twice or comes too late is noticed", async () => {
	let index = 0;
	let held: Uint8Array | undefined;
	const faults: Readonly<Record<string, Parameters<typeof pair>[0]>> = {
		lost: (message, deliver) => (index++ === 100 ? undefined : deliver(message)),
		twice: (message, deliver) => {
			deliver(message);
			if (index++ === 100) deliver(message);
		},
		swapped: (message, deliver) => {
			if (index++ === 100) {
				held = message;
				return;
			}
			deliver(message);
			if (held !== undefined) deliver(held);
			held = undefined;
		},
	};
	for (const [what, carry] of Object.entries(faults)) {
		index = 0;
		const { sent, messages, wrong } = await pair(carry).bulk({ size: 64, seconds: 0.001 });
		assert.ok(sent > 101, `${what}: the fault came`);
		assert.ok(messages !== sent || wrong > 0, what);
		assert.ok(wrong > 0, what);
	}
});

test("peers streams: readings are decoded and looked at", async () => {
	const { sent, messages, bytes, wrong } = await pair().json({ seconds: 0.01 });
	assert.deepEqual({ messages, bytes, wrong }, { messages: sent, bytes: sent * 100, wrong: 0 });
	const player = new Player(() => undefined);
	player.value(reading(0));
	player.value(reading(2));
	player.value({ ...reading(2), value: 3 });
	assert.equal(player.take().wrong, 2);
});

test("peers streams: a reading is 100 bytes as JSON", () => {
	for (const index of [0, 9, 99_999]) assert.equal(JSON.stringify(reading(index)).length, 100);
});

test("peers streams: echoes come back as they are", async () => {
	const lengths: number[] = [];
	const sender = pair((message, deliver) => {
		lengths.push(message.length);
		deliver(message);
	});
	const { count, p50, p99 } = await sender.roundTrips({ size: 64, seconds: 0.01 });
	assert.ok(count > 0 && p50 > 0 && p99 >= p50);
	assert.ok(lengths.every((length) => length === 64));
});

test("peers streams: a sender waits where its system asks it to", async () => {
	const order: string[] = [];
	let free: () => void = () => undefined;
	let sender: Sender | undefined;
	const player = new Player((message) => queueMicrotask(() => sender?.received(message)));
	sender = new Sender((message) => {
		order.push("push");
		player.message(message);
		if (order.length > 1) return undefined;
		return new Promise<void>((resolve) => {
			free = resolve;
		});
	});
	const done = sender.bulk({ size: 65_536, seconds: 0.001 });
	await new Promise((resolve) => setImmediate(resolve));
	assert.deepEqual(order, ["push"]);
	free();
	assert.ok((await done).sent >= 1);
});

test("peers streams: what is no message of ours is an error, not a miscount", () => {
	const player = new Player(() => undefined);
	assert.throws(() => player.message(Uint8Array.of(9, 9)), /begins with 9/);
	assert.throws(() => player.message(new Uint8Array(0)), /begins with undefined/);
	assert.throws(() => player.message(Uint8Array.of(KIND.json, 1)), SyntaxError);
	assert.equal(ringOf(4_096), 256);
	assert.equal(ringOf(4_097), 16);
});
