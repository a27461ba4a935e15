import assert from "node:assert/strict";
import { test } from "node:test";
import { connectEnds, type Ends } from "../../testing/stream-fixture.ts";
import { until } from "../../testing/transport/suite-recorder.ts";
import type { ConecError } from "../errors.ts";
import type { MessageStream } from "./message-stream.ts";

const TEXT = new TextDecoder();

/** A test on two connected ends, after which nothing may be left. */
function onEnds(behaviour: string, options: Parameters<typeof connectEnds>[0], run: (ends: Ends) => Promise<void>): void {
	test(`message stream: ${behaviour}`, { timeout: 300_000 }, async () => {
		const ends = await connectEnds(options);
		try {
			await run(ends);
		} finally {
			await ends.close();
		}
		assert.equal(ends.network.liveStreams, 0);
	});
}

async function readAll(stream: MessageStream): Promise<string[]> {
	const messages: string[] = [];
	for await (const message of stream) {
		messages.push(TEXT.decode(message));
	}
	return messages;
}

/** Fills the way to a reader that does not read, until `trySend` finds no room for any message. */
async function fill(stream: MessageStream, messageBytes: number = 16 * 1_024): Promise<number> {
	let count = 0;
	for (const bytes of [messageBytes, 0]) {
		for (let refused = 0; refused < 20; ) {
			if (stream.trySend(new Uint8Array(bytes))) {
				count++;
				refused = 0;
			} else {
				refused++;
				await new Promise((resolve) => setTimeout(resolve, 2));
			}
		}
	}
	return count;
}

onEnds("messages arrive whole and in order, both ways, and both ends see a graceful end", {}, async (ends) => {
	const { near, far } = await ends.streams();
	const echo = (async () => {
		for await (const message of far) {
			await far.send(message);
		}
		await far.close();
	})();
	const sent = Array.from({ length: 500 }, (_, index) => "x".repeat(index * 7));
	const received = readAll(near);
	for (const text of sent) {
		await near.send(text);
	}
	await near.close();
	assert.deepEqual(await received, sent);
	await echo;
	assert.deepEqual(await near.closed, { by: "local" });
	assert.deepEqual(await far.closed, { by: "peer" });
	await until("nothing is left", () => ends.network.liveStreams === 0);
});

onEnds("a message may be empty, or as long as the limit, but not a byte longer", { limits: { messageBytes: 100_000 } }, async (ends) => {
	const { near, far } = await ends.streams();
	await near.send("");
	await near.send(new Uint8Array(0));
	await near.send(new Uint8Array(100_000).fill(7));
	await assert.rejects(near.send(new Uint8Array(100_001)), { code: "MESSAGE_TOO_LONG" });
	await assert.rejects(near.send("é".repeat(50_001)), { code: "MESSAGE_TOO_LONG" });
	assert.throws(() => near.trySend("x".repeat(100_001)), { code: "MESSAGE_TOO_LONG" });
	await near.send("é".repeat(50_000));
	const closed = near.close();
	assert.equal((await far.receive())?.length, 0);
	assert.equal((await far.receive())?.length, 0);
	assert.equal((await far.receive())?.length, 100_000);
	assert.equal((await far.receive())?.length, 100_000);
	assert.equal(await far.receive(), null);
	assert.equal(await far.receive(), null);
	await closed;
});

onEnds("send queues a copy", {}, async (ends) => {
	const { near, far } = await ends.streams();
	const bytes = new Uint8Array([1, 2, 3]);
	await near.send(bytes);
	bytes.fill(9);
	assert.deepEqual([...((await far.receive()) ?? [])], [1, 2, 3]);
});

onEnds("what is no message is a TypeError", {}, async (ends) => {
	const { near } = await ends.streams();
	await assert.rejects(near.send(7 as unknown as string), { name: "TypeError", code: "OPTION_INVALID" });
	assert.throws(() => near.trySend({} as unknown as string), { name: "TypeError", code: "OPTION_INVALID" });
});

onEnds("send waits while the way is full and goes on in order", {}, async (ends) => {
	const { near, far } = await ends.streams();
	const filled = await fill(near);
	assert.ok(filled * 64 < 512 * 1_024, `${filled} messages were let through to a reader that does not read`);
	let done = 0;
	const sends = Array.from({ length: 40 }, (_, index) => near.send(String(index)).then(() => done++));
	await new Promise((resolve) => setTimeout(resolve, 20));
	assert.equal(done, 0);
	assert.equal(near.trySend("late"), false, "nobody overtakes");
	const closed = near.close();
	const messages = await readAll(far);
	await Promise.all(sends);
	await closed;
	assert.deepEqual(
		messages.slice(filled),
		Array.from({ length: 40 }, (_, index) => String(index)),
	);
});

onEnds("more waiting sends than the limit are refused", { limits: { waitingSends: 3 } }, async (ends) => {
	const { near, far } = await ends.streams();
	const filled = await fill(near);
	const sends = [near.send("a"), near.send("b"), near.send("c")];
	await assert.rejects(near.send("d"), { code: "QUEUE_FULL" });
	const closed = near.close();
	assert.deepEqual((await readAll(far)).slice(filled), ["a", "b", "c"]);
	await Promise.all([...sends, closed]);
});

onEnds("an aborted send is not queued, and its reason is passed on untouched", {}, async (ends) => {
	const { near, far } = await ends.streams();
	const reason = { why: "no time" };
	await assert.rejects(near.send("never", { signal: AbortSignal.abort(reason) }), (error) => error === reason);
	const filled = await fill(near);
	const controller = new AbortController();
	const kept = near.send("kept");
	const aborted = near.send("never", { signal: controller.signal });
	const last = near.send("last", { signal: new AbortController().signal });
	controller.abort(reason);
	await assert.rejects(aborted, (error) => error === reason);
	const closed = near.close();
	assert.deepEqual((await readAll(far)).slice(filled), ["kept", "last"]);
	await Promise.all([kept, last, closed]);
});

onEnds("closing goes through when the last waiting send is aborted", {}, async (ends) => {
	const { near, far } = await ends.streams();
	const filled = await fill(near);
	const controller = new AbortController();
	const aborted = near.send("never", { signal: controller.signal });
	const closed = near.close();
	controller.abort();
	await assert.rejects(aborted, { name: "AbortError" });
	assert.equal((await readAll(far)).length, filled);
	await closed;
});

onEnds("close waits for the peer's process, not for its application", {}, async (ends) => {
	const { near, far } = await ends.streams();
	await near.send("unread");
	await near.close();
	assert.equal(far.waitingMessages, 1);
	assert.equal(TEXT.decode((await far.receive()) ?? undefined), "unread");
	assert.equal(await far.receive(), null);
	await assert.rejects(near.send("more"), { code: "STREAM_CLOSED" });
	assert.throws(() => near.trySend("more"), { code: "STREAM_CLOSED" });
	await near.close();
	await far.send("the other way still goes");
	assert.equal(TEXT.decode((await near.receive()) ?? undefined), "the other way still goes");
	await far.close();
	assert.deepEqual(await far.closed, { by: "peer" });
});

onEnds("close can be aborted while the peer does not read; the end stays on its way", {}, async (ends) => {
	const { near, far } = await ends.streams();
	const filled = await fill(near);
	const reason = { why: "impatient" };
	const controller = new AbortController();
	const closing = near.close({ signal: controller.signal });
	controller.abort(reason);
	await assert.rejects(closing, (error) => error === reason);
	await assert.rejects(near.close({ signal: AbortSignal.abort(reason) }), (error) => error === reason);
	assert.equal((await readAll(far)).length, filled);
	await near.close();
});

onEnds("reset is an error at the peer after what came whole, with the code", {}, async (ends) => {
	const { near, far } = await ends.streams();
	await near.send("whole");
	await until("it arrived", () => far.waitingMessages === 1);
	near.reset(1_234);
	assert.equal(TEXT.decode((await far.receive()) ?? undefined), "whole");
	await assert.rejects(far.receive(), { code: "STREAM_RESET", closeCode: 1_234, peer: "alice" });
	await assert.rejects(readAll(far), { code: "STREAM_RESET", closeCode: 1_234 });
	await assert.rejects(near.send("more"), { code: "STREAM_CLOSED" });
	await assert.rejects(near.close(), { code: "STREAM_CLOSED" });
	await far.send("the other way");
	await far.close();
	assert.deepEqual(await readAll(near), ["the other way"]);
	assert.deepEqual(await far.closed, { by: "peer", code: "STREAM_RESET", closeCode: 1_234 });
	assert.deepEqual(await near.closed, { by: "local", closeCode: 1_234 });
});

onEnds("reset rejects the sends that wait and reaches a peer that does not read", {}, async (ends) => {
	const { near, far } = await ends.streams();
	await fill(near);
	const waiting = near.send("never");
	near.reset();
	await assert.rejects(waiting, { code: "STREAM_CLOSED" });
	await assert.rejects(readAll(far), { code: "STREAM_RESET", closeCode: 0 });
});

onEnds("stop ends the peer's sends with the code; this side may still send and close", {}, async (ends) => {
	const { near, far } = await ends.streams();
	await near.send("unwanted");
	await until("it arrived", () => far.waitingMessages === 1);
	far.stop(2 ** 30 - 1);
	await assert.rejects(far.receive(), { code: "STREAM_CLOSED" });
	await until("the peer knows", () => {
		try {
			near.trySend("x");
			return false;
		} catch {
			return true;
		}
	});
	await assert.rejects(near.send("more"), { code: "STREAM_STOPPED", closeCode: 2 ** 30 - 1, peer: "bob" });
	await assert.rejects(near.close(), { code: "STREAM_STOPPED" });
	await far.send("still");
	const closed = far.close();
	assert.deepEqual(await readAll(near), ["still"]);
	await closed;
	assert.deepEqual(await far.closed, { by: "local", closeCode: 2 ** 30 - 1 });
	assert.deepEqual(await near.closed, { by: "peer", code: "STREAM_STOPPED", closeCode: 2 ** 30 - 1 });
});

onEnds("stop rejects the peer's sends that wait", {}, async (ends) => {
	const { near, far } = await ends.streams();
	await fill(near);
	const waiting = near.send("never");
	const closing = near.close();
	far.stop(5);
	await assert.rejects(waiting, { code: "STREAM_STOPPED", closeCode: 5 });
	await assert.rejects(closing, { code: "STREAM_STOPPED", closeCode: 5 });
});

onEnds("codes out of range are a RangeError and change nothing", {}, async (ends) => {
	const { near, far } = await ends.streams();
	for (const code of [-1, 2 ** 30, 0.5, Number.NaN, "1" as unknown as number]) {
		assert.throws(() => near.reset(code), { name: "RangeError", code: "OPTION_INVALID" });
		assert.throws(() => near.stop(code), { name: "RangeError", code: "OPTION_INVALID" });
	}
	await near.send("fine");
	assert.equal(TEXT.decode((await far.receive()) ?? undefined), "fine");
});

onEnds("a lost connection is an error everywhere, never an end", {}, async (ends) => {
	const { near, far } = await ends.streams();
	await near.send("whole");
	await until("it arrived", () => far.waitingMessages === 1);
	await fill(near);
	const waiting = near.send("never");
	const closing = near.close();
	const receiving = near.receive();
	ends.farTransport.lose();
	await assert.rejects(waiting, { code: "CONNECTION_LOST" });
	await assert.rejects(closing, { code: "CONNECTION_LOST" });
	await assert.rejects(receiving, { code: "CONNECTION_LOST" });
	assert.equal((await far.receive())?.length, 5);
	await assert.rejects(
		async () => {
			for (;;) {
				assert.notEqual(await far.receive(), null);
			}
		},
		{ code: "CONNECTION_LOST" },
	);
	assert.deepEqual(await near.closed, { by: "error", code: "CONNECTION_LOST" });
	near.stop();
	near.reset();
});

onEnds("one reader at a time; break leaves the rest to the next", {}, async (ends) => {
	const { near, far } = await ends.streams();
	for (const text of ["a", "b", "c", "d"]) {
		await near.send(text);
	}
	for await (const message of far) {
		assert.equal(TEXT.decode(message), "a");
		await assert.rejects(far.receive(), { code: "ITERATOR_IN_USE" });
		await assert.rejects(far[Symbol.asyncIterator]().next(), { code: "ITERATOR_IN_USE" });
		break;
	}
	assert.equal(TEXT.decode((await far.receive()) ?? undefined), "b");
	const pending = far[Symbol.asyncIterator]();
	assert.equal(TEXT.decode((await pending.next()).value), "c");
	assert.equal(TEXT.decode((await pending.next()).value), "d");
	const waiting = pending.next();
	await assert.rejects(pending.next(), { code: "ITERATOR_IN_USE" });
	await pending.return?.();
	assert.deepEqual(await waiting, { done: true, value: undefined });
	assert.deepEqual(await pending.next(), { done: true, value: undefined });
	const receiving = far.receive();
	await assert.rejects(far.receive(), { code: "ITERATOR_IN_USE" });
	await near.send("e");
	assert.equal(TEXT.decode((await receiving) ?? undefined), "e");
});

onEnds("an aborted receive takes nothing out", {}, async (ends) => {
	const { near, far } = await ends.streams();
	const reason = { why: "later" };
	await assert.rejects(far.receive({ signal: AbortSignal.abort(reason) }), (error) => error === reason);
	const controller = new AbortController();
	const receiving = far.receive({ signal: controller.signal });
	controller.abort(reason);
	await assert.rejects(receiving, (error) => error === reason);
	await near.send("kept");
	const later = new AbortController();
	assert.equal(TEXT.decode((await far.receive({ signal: later.signal })) ?? undefined), "kept");
	later.abort();
	await near.close();
	assert.equal(await far.receive({ signal: new AbortController().signal }), null);
});

onEnds("disposing closes, then wants no more", {}, async (ends) => {
	const { near, far } = await ends.streams();
	await near.send("last words");
	await near[Symbol.asyncDispose]();
	assert.deepEqual(await readAll(far), ["last words"]);
	await assert.rejects(
		async () => {
			for (;;) {
				await far.send("unwanted");
				await new Promise((resolve) => setImmediate(resolve));
			}
		},
		{ code: "STREAM_STOPPED", closeCode: 0 },
	);
	await near[Symbol.asyncDispose]();
	await far[Symbol.asyncDispose]();
});

onEnds("disposing does not wait for a peer that does not read", { limits: { lingerMs: 30 } }, async (ends) => {
	const { near, far } = await ends.streams();
	await fill(near);
	const waiting = assert.rejects(near.send("waits"), { code: "STREAM_CLOSED" });
	await near[Symbol.asyncDispose]();
	await waiting;
	await assert.rejects(readAll(far), (error: ConecError) => error.code === "STREAM_RESET" && error.closeCode === undefined);
	assert.deepEqual(await near.closed, { by: "local", code: "STREAM_CLOSED" });
});

onEnds("as Web Streams it has the same order, ends and backpressure", {}, async (ends) => {
	const { near, far } = await ends.streams();
	assert.equal(near.writable, near.writable);
	assert.equal(far.readable, far.readable);
	const messages = Array.from({ length: 300 }, (_, index) => new Uint8Array(1_000).fill(index));
	const source = new ReadableStream<Uint8Array>({
		pull(controller) {
			const next = messages[sent++];
			next === undefined ? controller.close() : controller.enqueue(next);
		},
	});
	let sent = 0;
	const piping = source.pipeTo(near.writable);
	await new Promise((resolve) => setTimeout(resolve, 30));
	const received: number[] = [];
	for await (const chunk of far.readable) {
		received.push(chunk[0] as number);
	}
	await piping;
	assert.deepEqual(
		received,
		messages.map((message) => message[0]),
	);
});

onEnds("cancelling a readable stops, aborting a writable resets", {}, async (ends) => {
	const { near, far } = await ends.streams();
	await far.readable.cancel();
	await assert.rejects(
		async () => {
			for (;;) {
				await near.send("unwanted");
				await new Promise((resolve) => setImmediate(resolve));
			}
		},
		{ code: "STREAM_STOPPED" },
	);
	await far.writable.abort();
	await assert.rejects(near.readable.getReader().read(), { code: "STREAM_RESET" });
});

onEnds("reading once more after an error that ended a wait gives that error again", {}, async (ends) => {
	const { near, far } = await ends.streams();
	const waiting = near[Symbol.asyncIterator]().next();
	far.reset(7);
	await assert.rejects(waiting, { code: "STREAM_RESET", closeCode: 7 });
	await assert.rejects(near[Symbol.asyncIterator]().next(), { code: "STREAM_RESET", closeCode: 7 });
	await assert.rejects(near.receive(), { code: "STREAM_RESET", closeCode: 7 });
});

onEnds("an owner's destroy ends both directions at both ends", {}, async (ends) => {
	const { near, far } = await ends.streams();
	const { ConecError } = await import("../errors.ts");
	const { RESET_CODES } = await import("../wire/codes.ts");
	const receiving = far.receive();
	near.destroy(new ConecError("CLIENT_CLOSED", "Cannot continue: the Client is closed"), RESET_CODES.CLIENT_CLOSED);
	await assert.rejects(near.send("x"), { code: "CLIENT_CLOSED" });
	await assert.rejects(near.receive(), { code: "CLIENT_CLOSED" });
	await assert.rejects(receiving, { code: "CLIENT_CLOSED" });
	await assert.rejects(far.send("x"), { code: "CLIENT_CLOSED" });
	assert.deepEqual(await near.closed, { by: "local", code: "CLIENT_CLOSED" });
	assert.deepEqual(await far.closed, { by: "peer", code: "CLIENT_CLOSED" });
});

onEnds("10,000 streams, one after the other, leave nothing behind", {}, async (ends) => {
	for (let round = 0; round < 200; round++) {
		await Promise.all(
			Array.from({ length: 50 }, async () => {
				const { near, far } = await ends.streams();
				await near.send("x");
				await Promise.all([near.close(), far.close()]);
				await Promise.all([near.closed, far.closed]);
			}),
		);
	}
	await until("nothing is left", () => ends.network.liveStreams === 0);
});
