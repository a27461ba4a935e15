import assert from "node:assert/strict";
import { test } from "node:test";
import { Echoes, type EchoStream } from "./echoes.ts";

/** A stream whose other end gives back what `change` makes of a message. */
function echoing(change: (message: Uint8Array) => Uint8Array | null = (message) => message): EchoStream {
	const waiting: (Uint8Array | null)[] = [];
	return {
		send: async (message) => void waiting.push(change(message)),
		receive: async () => waiting.shift() ?? null,
		close: async () => undefined,
	};
}

test("curve echoes: each stream has its turn, and every answer is counted", async () => {
	const echoes = new Echoes([echoing(), echoing(), echoing()]);
	const { count, p50, p99, seconds } = await echoes.fast(0.005);
	assert.ok(count >= 3 && p50 >= 0 && p99 >= p50 && seconds >= 0.005);
	await echoes.close();
});

test("curve echoes: a rate is kept in sum, and what is late counts from when it was due", async () => {
	const { count } = await new Echoes([echoing(), echoing()]).paced(0.05, 1_000);
	assert.equal(count, 50);
});

test("curve echoes: an answer that is another message, or none, is an error", async () => {
	for (const change of [() => new Uint8Array(64).fill(9), (message: Uint8Array) => message.subarray(1), () => null]) {
		await assert.rejects(new Echoes([echoing(), echoing(change)]).fast(0.001), /an echo is not what was sent/);
		await assert.rejects(new Echoes([echoing(change)]).paced(0.005, 1_000), /an echo is not what was sent/);
	}
});
