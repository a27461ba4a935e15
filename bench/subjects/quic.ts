/**
 * `@conec/quic` alone, two processes, messages to a callback.
 *
 * @module
 */

import type { Context } from "../context.ts";
import type { Remote } from "../remote.ts";
import type { Latency, Received } from "../roles/figures.ts";
import { latency, megabytes, messages, type Subject } from "./subject.ts";

/** Bytes per second of messages of that size. */
export function quicBulk(size: number): Subject {
	return async (context, seconds) => megabytes(await (await dialler(context)).call<Received>("bulk", { size, seconds }));
}

/** Messages per second of that size, one `write` each. */
export function quicSmall(size: number): Subject {
	return async (context, seconds) => messages(await (await dialler(context)).call<Received>("bulk", { size, seconds }));
}

/** Round trip of one message. */
export const quicRtt: Subject = async (context, seconds) => latency(await (await dialler(context)).call<Latency>("rtt", { size: 64, seconds }));

/** Bytes that a writer gets rid of when nobody reads, its own queue included. */
export async function quicPaused(context: Context): Promise<number> {
	return (await dialler(context)).call<number>("paused", { size: 65_536 });
}

function dialler(context: Context): Promise<Remote> {
	return context.once("quic", async () => {
		const { certificate, privateKey } = context.identity;
		const identity = { certificates: [certificate], privateKey };
		const listening = context.start("quic-peer");
		const dialling = context.start("quic-peer");
		const { port } = await listening.call<{ port: number }>("listen", identity);
		await dialling.call("connect", { port, identity });
		return dialling;
	});
}
