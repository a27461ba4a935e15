/** What a line does to single messages, seen by the Client that sends them and by the one that gets them. */

import type { MessageStream } from "../../../packages/conec/src/index.ts";
import { nowMs, sleep } from "./actions.ts";

/** How messages are sent. */
export interface Ticks {
	readonly bytes: number;
	readonly everyMs: number;
	readonly seconds: number;
}

/** How long each message took, in milliseconds. */
export interface Ticked {
	readonly thereMs: number[];
	readonly thereAndBackMs: number[];
}

/** Sends a message every so often, whatever has become of the one before. */
export async function tick(stream: MessageStream, { bytes, everyMs, seconds }: Ticks): Promise<Ticked> {
	const sentAt: number[] = [];
	const took: Ticked = { thereMs: [], thereAndBackMs: [] };
	const hearing = (async () => {
		for await (const answer of stream) {
			const at = sentAt[took.thereMs.length] ?? 0;
			took.thereMs.push(Buffer.from(answer.buffer, answer.byteOffset).readDoubleBE() - at);
			took.thereAndBackMs.push(nowMs() - at);
		}
	})();
	const filling = Buffer.alloc(bytes);
	const start = nowMs();
	for (let next = start; next < start + seconds * 1_000; next += everyMs) {
		if (next > nowMs()) await sleep(next - nowMs());
		sentAt.push(nowMs());
		await stream.send(filling);
	}
	await stream.close();
	await hearing;
	return took;
}

/** Answers each message with the time at which it came, in as many bytes. All machines of the lab have one clock. */
export async function stamp(stream: MessageStream): Promise<void> {
	for await (const message of stream) {
		const answer = Buffer.alloc(message.length);
		answer.writeDoubleBE(nowMs());
		await stream.send(answer);
	}
	await stream.close();
}
