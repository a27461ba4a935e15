/**
 * Reference: quinn in Rust alone, two processes. See `packages/quic/native/bench/raw_quinn`.
 *
 * @module
 */

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { Context } from "../context.ts";
import { latency, megabytes, messages, type Sample, type Subject } from "./subject.ts";

interface Bulk {
	readonly bytes: number;
	readonly messages: number;
	readonly seconds: number;
}

/** Bytes per second of messages of that size. */
export function rawBulk(size: number): Subject {
	return async (context, seconds) => megabytes(await client<Bulk>(context, "bulk", { size, seconds }));
}

/** Messages per second of that size, packed by the sender. */
export function rawSmall(size: number): Subject {
	return async (context, seconds) => messages(await client<Bulk>(context, "bulk", { size, seconds }));
}

/** Round trip of one message. */
export const rawRtt: Subject = async (context, seconds) => {
	const { p50Us, p99Us } = await client<{ p50Us: number; p99Us: number }>(context, "rtt", { size: 64, seconds });
	return latency({ p50: p50Us, p99: p99Us });
};

/** Socket, handshake, one message there and back. */
export const rawConnect: Subject = async (context, seconds) => {
	const count = Math.max(10, Math.round(seconds * 25));
	const { p50Ms, p99Ms } = await client<{ p50Ms: number; p99Ms: number }>(context, "connect", { size: 200, count });
	return latency({ p50: p50Ms, p99: p99Ms });
};

/** Bytes that a writer gets rid of when nobody reads. */
export const rawPaused: Subject = async (context): Promise<Sample> => ({
	value: (await client<{ bytes: number }>(context, "paused", { size: 65_536 })).bytes,
});

async function client<T>(context: Context, mode: string, settings: Record<string, number>): Promise<T> {
	const binary = binaryOf(context);
	const port = await context.once("raw-quinn server", () => server(context));
	const options = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
	const { stdout } = await promisify(execFile)(binary, ["client", mode, "--port", String(port), ...files(context), ...options], { timeout: 60_000 });
	return JSON.parse(stdout) as T;
}

async function server(context: Context): Promise<number> {
	const child = spawn(binaryOf(context), ["server", ...files(context)], { stdio: ["pipe", "pipe", "inherit"] });
	context.onClose(() => {
		child.stdin.end();
	});
	const [line] = (await once(createInterface(child.stdout), "line")) as [string];
	return (JSON.parse(line) as { port: number }).port;
}

function files(context: Context): string[] {
	return ["--cert", context.identity.certificateFile, "--key", context.identity.privateKeyFile];
}

function binaryOf(context: Context): string {
	if (context.rawQuinn === undefined) {
		throw new Error("raw quinn could not be built");
	}
	return context.rawQuinn;
}
