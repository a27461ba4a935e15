import assert from "node:assert/strict";
import { test } from "node:test";
import { numbered } from "../../fan-out.ts";
import { Flows, Inflows } from "./flows.ts";

async function* coming(...messages: Uint8Array[]): AsyncGenerator<Uint8Array, void> {
	for (const message of messages) yield message;
}

test("curve flows: each stream numbers its messages, and is ended", async () => {
	const sent: Uint8Array[][] = [[], []];
	let closed = 0;
	const streams = sent.map((messages) => ({ send: async (message: Uint8Array) => void messages.push(message), close: async () => void closed++ }));
	const counts = await new Flows(streams).run({ size: 16, seconds: 0 });
	assert.deepEqual(counts, [1, 1]);
	assert.equal(closed, 2);
	const inflows = new Inflows();
	await inflows.take(coming(...(sent[0] ?? [])), 0);
	assert.deepEqual(await inflows.totals(1, 1_000), { messages: [1], wrong: 0 });
});

test("curve flows: what has come is told stream by stream, meanwhile and at the end", async () => {
	const inflows = new Inflows();
	const first = inflows.take(coming(numbered(0, 16), numbered(1, 16)), 0);
	const second = inflows.take(coming(numbered(0, 16)), 1);
	assert.deepEqual(inflows.mark().bytes, [0, 0]);
	const totals = inflows.totals(2, 1_000);
	await Promise.all([first, second]);
	assert.deepEqual(inflows.mark().bytes, [32, 16]);
	assert.deepEqual(await totals, { messages: [2, 1], wrong: 0 });
});

test("curve flows: a message that is missing or comes again is seen, and so is a stream that does not end", async () => {
	const inflows = new Inflows();
	await inflows.take(coming(numbered(0, 16), numbered(2, 16), numbered(2, 16)), 0);
	assert.deepEqual(await inflows.totals(1, 1_000), { messages: [3], wrong: 1 });
	await assert.rejects(inflows.totals(2, 1), /1 of 2 streams have ended after 1 ms/);
});
