/**
 * Loads on a `MessageStream`, through the public API only. Both ends.
 *
 * @module
 */

import { jsonCodec, type MessageStream, nonBlocking, typed } from "conec";
import { percentile } from "../stats.ts";
import { Counter, decode, encode, type Latency, type LoadArgument, type Mode, payload, type Reading, type Received, reading } from "./figures.ts";

/** Streams held unread, so that nothing collects or closes them. */
const stalled: MessageStream[] = [];

/** Plays the part that the opener named in the stream's metadata. */
export async function play(stream: MessageStream): Promise<void> {
	const mode = (stream.metadata as { mode?: Mode } | undefined)?.mode;
	switch (mode) {
		case "sink": {
			const counter = new Counter();
			for await (const message of stream) {
				counter.add(message.length);
			}
			await stream.send(encode(counter.received()));
			await stream.close();
			return;
		}
		case "batch-sink": {
			const counter = new Counter();
			for await (const batch of stream.batches()) {
				for (const message of batch) counter.add(message.length);
			}
			await stream.send(encode(counter.received()));
			await stream.close();
			return;
		}
		case "answer":
			for await (const message of stream) {
				await stream.send(String(message.length));
			}
			await stream.close();
			return;
		case "flood":
			await flood(stream);
			return;
		case "json-sink": {
			const counter = new Counter();
			for await (const { value } of typed(stream, jsonCodec<Reading>())) {
				if (value !== 21.75) {
					throw new Error("a reading came as another");
				}
				counter.add(100);
			}
			await stream.send(encode(counter.received()));
			await stream.close();
			return;
		}
		case "lossy-sink":
		case "stopped-sink":
			await stream.send(encode(await readLossily(stream, mode)));
			await stream.close();
			return;
		case "echo":
			for await (const message of stream) {
				await stream.send(message);
			}
			await stream.close();
			return;
		case "stall":
			stalled.push(stream);
			await stream.closed;
			stalled.splice(stalled.indexOf(stream), 1);
			return;
		default:
			stream.reset();
	}
}

/** Answers of a `flood` peer: 64 MiB. */
const FLOOD = { count: 1_024, size: 65_536 };

/** Takes everything that comes, and sends 64 MiB meanwhile, read or not. */
async function flood(stream: MessageStream): Promise<void> {
	const answering = (async () => {
		const answer = payload(FLOOD.size);
		for (let index = 0; index < FLOOD.count; index++) await stream.send(answer);
	})();
	// What ends it is seen by the reader.
	answering.catch(() => undefined);
	for await (const _ of stream);
	await answering;
	await stream.close();
}

/** Messages that a `nonBlocking` keeps for its reader. */
const KEPT = 1_024;

/** Counts what `nonBlocking` takes off the stream. Its reader runs along, or stops until the end; then nothing may be missing. */
async function readLossily(stream: MessageStream, mode: "lossy-sink" | "stopped-sink"): Promise<Received> {
	const counter = new Counter();
	let received: Received | undefined;
	let end = (): void => {};
	const ended = new Promise<void>((resolve) => {
		end = resolve;
	});
	async function* counted(): AsyncGenerator<Uint8Array, void> {
		try {
			for await (const message of stream) {
				counter.add(message.length);
				yield message;
			}
		} finally {
			received = counter.received();
			end();
		}
	}
	const items = nonBlocking(counted(), KEPT);
	if (mode === "stopped-sink") {
		await ended;
	}
	let accounted = 0;
	for await (const item of items) {
		accounted += item.type === "message" ? 1 : item.lost;
	}
	if (received === undefined || accounted !== received.messages) {
		throw new Error(`nonBlocking accounts for ${accounted} of ${received?.messages} messages`);
	}
	return received;
}

/** Sends for that long, then waits for the sink's count. */
export async function bulk(stream: MessageStream, { size, seconds }: LoadArgument): Promise<Received> {
	const message = payload(size);
	const burst = Math.max(1, Math.floor(16_384 / size));
	const deadline = performance.now() + seconds * 1_000;
	while (performance.now() < deadline) {
		for (let index = 0; index < burst; index++) {
			if (!stream.trySend(message)) {
				await stream.send(message);
			}
		}
	}
	return closeAndAsk(stream);
}

/** The same with readings on a typed stream, each a new object. */
export async function bulkJson(stream: MessageStream, { seconds }: Pick<LoadArgument, "seconds">): Promise<Received> {
	const readings = typed(stream, jsonCodec<Reading>());
	const deadline = performance.now() + seconds * 1_000;
	while (performance.now() < deadline) {
		for (let index = 0; index < 160; index++) {
			const next = reading(index);
			if (!readings.trySend(next)) {
				await readings.send(next);
			}
		}
	}
	return closeAndAsk(stream);
}

async function closeAndAsk(stream: MessageStream): Promise<Received> {
	await stream.close();
	const reply = await stream.receive();
	if (reply === null) {
		throw new Error("the sink ended without its count");
	}
	return decode<Received>(reply);
}

/** One message there and back at a time. */
export async function roundTrips(stream: MessageStream, { size, seconds }: LoadArgument): Promise<Latency> {
	const message = payload(size);
	const micros: number[] = [];
	const deadline = performance.now() + seconds * 1_000;
	let now = performance.now();
	while (now < deadline) {
		const startedMs = now;
		await stream.send(message);
		await stream.receive();
		now = performance.now();
		micros.push((now - startedMs) * 1_000);
	}
	await stream.close();
	return { count: micros.length, p50: percentile(micros, 0.5), p99: percentile(micros, 0.99) };
}

/** Sends until nothing has been taken for `quietMs`; gives the bytes taken. The stream stays as it is. */
export async function fill(stream: MessageStream, size: number, quietMs: number): Promise<number> {
	const message = payload(size);
	let bytes = 0;
	for (;;) {
		try {
			// An aborted send was not queued, so the count is exact.
			await stream.send(message, { signal: AbortSignal.timeout(quietMs) });
			bytes += size;
		} catch (error) {
			if ((error as Error).name === "TimeoutError") {
				return bytes;
			}
			throw error;
		}
	}
}
