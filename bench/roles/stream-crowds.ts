/**
 * Many streams, or streams under conditions: short ones, idle ones, all at once, beside others, with answers that nobody reads.
 * Through the public API of any version only.
 *
 * @module
 */

import type { MessageStream } from "conec";
import { percentile } from "../stats.ts";
import { type Answered, type Beside, type Crowded, type Latency, type Mode, payload, type Rate } from "./figures.ts";
import { fill } from "./message-loads.ts";

/** Opens a stream that plays this part at the other side. */
export type Opener = (mode: Mode, options?: { readonly early?: boolean; readonly priority?: number }) => Promise<MessageStream>;

const MESSAGE = payload(64);

/** A stream with one message each way, from its opening to its end. */
export async function shortStream(open: Opener): Promise<void> {
	const stream = await open("echo");
	await stream.send(MESSAGE);
	await stream.receive();
	await stream.close();
	await stream.receive();
	await stream.closed;
}

/** Short streams for that long, so many at a time. */
export async function shortStreams(open: Opener, { seconds, concurrency }: { seconds: number; concurrency: number }): Promise<Rate> {
	const startedMs = performance.now();
	const untilMs = startedMs + seconds * 1_000;
	let count = 0;
	const worker = async (): Promise<void> => {
		while (performance.now() < untilMs) {
			await shortStream(open);
			count++;
		}
	};
	await Promise.all(Array.from({ length: concurrency }, worker));
	return { count, seconds: (performance.now() - startedMs) / 1_000 };
}

const kept: MessageStream[] = [];

/** Opens streams, 16 at a time, and leaves them open after one message each way. */
export async function keepIdle(open: Opener, count: number): Promise<void> {
	let left = count;
	const worker = async (): Promise<void> => {
		while (left-- > 0) {
			const stream = await open("echo");
			kept.push(stream);
			await stream.send(MESSAGE);
			await stream.receive();
		}
	};
	await Promise.all(Array.from({ length: 16 }, worker));
}

/** Opens streams, 16 at a time, then sends 64 KiB messages on all of them without a pause, and leaves them so. Whoever resets them ends that. */
export async function pour(open: Opener, count: number): Promise<MessageStream[]> {
	const bulk = payload(65_536);
	const streams: MessageStream[] = [];
	let left = count;
	const worker = async (): Promise<void> => {
		while (left-- > 0) streams.push(await open("sink"));
	};
	await Promise.all(Array.from({ length: 16 }, worker));
	for (const stream of streams) {
		void (async () => {
			for (;;) await stream.send(bulk);
		})().catch(() => undefined);
	}
	return streams;
}

/** Opens `batches` times `count` streams, each with one message there and back; those of a batch at once. */
export async function atOnce(open: Opener, { count, batches }: { count: number; batches: number }): Promise<Crowded> {
	const startedMs = performance.now();
	let done = 0;
	let failure: string | undefined;
	for (let batch = 0; batch < batches && failure === undefined; batch++) {
		const outcomes = await Promise.allSettled(Array.from({ length: count }, () => shortStream(open)));
		for (const outcome of outcomes) {
			if (outcome.status === "fulfilled") done++;
			else failure ??= String(outcome.reason);
		}
	}
	return { done, seconds: (performance.now() - startedMs) / 1_000, ...(failure === undefined ? {} : { failure }) };
}

/** A message and a short answer, each on a stream of its own that is opened with it. `parts` messages make up the size. */
export async function answers(open: Opener, { size, parts, count }: { size: number; parts: number; count: number }): Promise<Latency> {
	const message = payload(size / parts);
	const millis: number[] = [];
	for (let index = 0; index < count; index++) {
		const startedMs = performance.now();
		const stream = await open("answer", { early: true });
		for (let part = 0; part < parts; part++) await stream.send(message);
		for (let part = 0; part < parts; part++) await stream.receive();
		millis.push(performance.now() - startedMs);
		await stream.close();
	}
	return { count, p50: percentile(millis, 0.5), p99: percentile(millis, 0.99) };
}

/** How long `close` may take before it counts as one that never resolves. */
const CLOSE_DEADLINE_MS = 10_000;

/** Sends a little to a peer whose answers nobody here reads. Milliseconds until `close` has resolved. */
export async function closeUnread(open: Opener): Promise<number> {
	const stream = await open("flood");
	try {
		for (let index = 0; index < 100; index++) await stream.send(MESSAGE);
		// All that can come is on its way or here.
		await new Promise((resolve) => setTimeout(resolve, 500));
		return await closes(stream);
	} finally {
		stream.reset();
		stream.stop();
	}
}

/**
 * Sends to an echo until it takes no more, as its answers are unread; closes while one more message waits to be sent; then reads. What was sent before is in the
 * peer's process, so it is that message that `close` waits for. Milliseconds from the first read until `close` has resolved.
 */
export async function closeUnreadEcho(open: Opener): Promise<Answered> {
	const stream = await open("echo");
	try {
		const bytes = (await fill(stream, 16_384, 500)) + 16_384;
		const last = stream.send(payload(16_384));
		const closed = Promise.all([last, closes(stream)]);
		const early = await Promise.race([closed.then(() => true), new Promise((resolve) => setTimeout(resolve, 300))]);
		if (early === true) throw new Error("close() resolved while the peer had not taken everything");
		const startedMs = performance.now();
		let echoed = 0;
		const reading = (async () => {
			for await (const message of stream) echoed += message.length;
		})();
		await closed;
		const ms = performance.now() - startedMs;
		await reading;
		if (echoed !== bytes) throw new Error(`${echoed} of ${bytes} bytes came back`);
		return { ms, bytes };
	} finally {
		stream.reset();
		stream.stop();
	}
}

async function closes(stream: MessageStream): Promise<number> {
	const startedMs = performance.now();
	try {
		await stream.close({ signal: AbortSignal.timeout(CLOSE_DEADLINE_MS) });
	} catch (error) {
		throw (error as Error).name === "TimeoutError" ? new Error(`close() did not resolve within ${CLOSE_DEADLINE_MS / 1_000} s`) : error;
	}
	return performance.now() - startedMs;
}

/** Round trips of 64 B while files fill the connection: so many streams of 64 KiB messages that never pause. */
export async function chatBeside(open: Opener, { files, seconds, chatPriority, filePriority }: Beside): Promise<Latency & { readonly bytes: number }> {
	const bulk = payload(65_536);
	const priority = (value: number | undefined): { readonly priority?: number } => (value === undefined ? {} : { priority: value });
	const loads = await Promise.all(Array.from({ length: files }, () => open("sink", priority(filePriority))));
	const chat = await open("echo", priority(chatPriority));
	let bytes = 0;
	let over = false;
	const sending = loads.map(async (load) => {
		while (!over) {
			await load.send(bulk);
			bytes += bulk.length;
		}
	});
	for (const load of sending) load.catch(() => undefined);
	try {
		// The queues are full, and the congestion window has found its size.
		await new Promise((resolve) => setTimeout(resolve, 1_500));
		bytes = 0;
		const micros: number[] = [];
		const untilMs = performance.now() + seconds * 1_000;
		while (performance.now() < untilMs) {
			const startedMs = performance.now();
			await chat.send(MESSAGE);
			await chat.receive();
			micros.push((performance.now() - startedMs) * 1_000);
			// As people do: not the next one at once.
			await new Promise((resolve) => setTimeout(resolve, 10));
		}
		return { count: micros.length, p50: percentile(micros, 0.5), p99: percentile(micros, 0.99), bytes };
	} finally {
		over = true;
		for (const stream of [...loads, chat]) {
			stream.reset();
			stream.stop();
		}
		await Promise.all([...loads, chat].map(({ closed }) => closed));
	}
}
