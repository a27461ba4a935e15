/**
 * Reference: `node:tls` over TCP, two processes.
 *
 * @module
 */

import type { Context } from "../context.ts";
import type { Remote } from "../remote.ts";
import type { Latency, Received } from "../roles/figures.ts";
import { latency, megabytes, messages, type Subject } from "./subject.ts";

/** Bytes per second of messages of that size. */
export function tlsBulk(size: number): Subject {
	return async (context, seconds) => megabytes(await (await dialler(context)).call<Received>("bulk", { size, seconds }));
}

/** Messages per second of that size, packed by the sender. */
export function tlsSmall(size: number): Subject {
	return async (context, seconds) => messages(await (await dialler(context)).call<Received>("bulk", { size, seconds }));
}

/** Round trip of one message. */
export const tlsRtt: Subject = async (context, seconds) => latency(await (await dialler(context)).call<Latency>("rtt", { size: 64, seconds }));

/** Handshake and one message there and back. */
export const tlsConnect: Subject = async (context, seconds) =>
	latency(await (await dialler(context)).call<Latency>("connect", { count: Math.max(10, Math.round(seconds * 25)) }));

/** Bytes that a writer gets rid of when nobody reads. */
export const tlsPaused: Subject = async (context) => ({ value: await (await dialler(context)).call<number>("paused", { size: 65_536 }) });

function dialler(context: Context): Promise<Remote> {
	return context.once("node-tls", async () => {
		const { certificatePem, privateKeyPem } = context.identity;
		const listening = context.start("tls-peer");
		const dialling = context.start("tls-peer");
		const { port } = await listening.call<{ port: number }>("listen", { certificatePem, privateKeyPem });
		await dialling.call("target", { certificatePem, privateKeyPem, port });
		return dialling;
	});
}
