/**
 * A Client far from its Coordinator: a relay between them that takes 50 ms each way, or carries only so much. Four processes.
 *
 * @module
 */

import type { ClientOptions } from "conec";
import type { Context } from "../context.ts";
import type { Remote } from "../remote.ts";
import type { Beside, Latency, Received } from "../roles/figures.ts";
import type { Stretch } from "../roles/relay.ts";
import { startHub } from "./conec.ts";
import { latency, megabytes, type Subject } from "./subject.ts";

const ROUTE = { from: "sender", to: null };

/** 100 ms there and back. */
const FAR = { delayMs: 50 };

/** 20 Mbit/s, 10 ms there and back, and 20 ms of queue at the narrow place. */
const NARROW = { delayMs: 5, bytesPerSecond: 2_500_000, queueBytes: 50_000 };

/** One stream's rate over 100 ms, 64 KiB messages; the connection has been in use before. */
export const farBulk: Subject = async (context, seconds) => {
	const client = await far(context);
	// The window has to grow first, in steps of a tenth of a second.
	return megabytes(await client.call<Received>("bulk", { ...ROUTE, size: 65_536, seconds: Math.max(3, seconds) }));
};

/** A message of that size and a short answer, on a stream that is opened with it, over 100 ms on a warm connection. */
export function farAnswer(size: number, parts: number = 1): Subject {
	return async (context, seconds) =>
		latency(await (await far(context)).call<Latency>("answers", { ...ROUTE, size, parts, count: Math.max(3, Math.round(seconds * 4)) }));
}

/** Round trips of 64 B on a stream beside files, over a narrow path. Milliseconds. */
export function chatBesideFiles(priorities: Pick<Beside, "chatPriority" | "filePriority">, files: number): Subject {
	return async (context, seconds) => {
		const client = await context.once("narrow", () => connectOver(context, NARROW, { congestion: "bbr" }));
		const { p50, p99 } = await client.call<Latency>("chat-beside", { ...ROUTE, ...priorities, files, seconds: Math.max(2, seconds) });
		return { value: p99 / 1_000, details: { p50: p50 / 1_000 } };
	};
}

function far(context: Context): Promise<Remote> {
	return context.once("far", async () => {
		const client = await connectOver(context, FAR);
		await client.call<Received>("bulk", { ...ROUTE, size: 65_536, seconds: 3 });
		return client;
	});
}

async function connectOver(context: Context, stretch: Omit<Stretch, "target">, options: Partial<ClientOptions> = {}): Promise<Remote> {
	const { connection } = await startHub(context);
	const client = context.start("client");
	await client.call("connect", { ...connection, ...options, ...(await over(context, connection, stretch)), id: "sender" });
	return client;
}

/** Where a Client finds the Coordinator behind a stretch of network. */
export async function over(context: Context, connection: ClientOptions, stretch: Omit<Stretch, "target">): Promise<{ address: string }> {
	const target = Number(String(connection.coordinator).split(":")[1]);
	return { address: `127.0.0.1:${await context.start("relay").call<number>("lay", { ...stretch, target })}` };
}
