/** What a line does to messages, seen by the Client that sends them: `actors/client.ts` is at the other end. */

import type { MessageStream } from "../../../packages/conec/src/index.ts";
import { nowMs, sleep } from "./actions.ts";

/** How a message is timed. */
export interface Ticks {
	readonly bytes: number;
	readonly everyMs: number;
	readonly seconds: number;
}

/** Sends a message every so often, whatever has become of the one before, and gives the milliseconds until each came back. */
export async function tick(stream: MessageStream, { bytes, everyMs, seconds }: Ticks): Promise<number[]> {
	const sentAt: number[] = [];
	const tookMs: number[] = [];
	const hearing = (async () => {
		for await (const _ of stream) tookMs.push(nowMs() - (sentAt[tookMs.length] ?? 0));
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
	return tookMs;
}
