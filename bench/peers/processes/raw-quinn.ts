/**
 * Raw quinn (`packages/quic/native/bench/raw_quinn`) behind the calls that the other systems answer. Its server is a process that stays; each load is a client
 * process of its own, which tells its CPU time.
 *
 * @module
 */

import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import type { Remote } from "../../remote.ts";

interface Place {
	readonly port: number;
}

interface Argument {
	readonly receiver?: Place;
	readonly size: number;
	readonly seconds: number;
	readonly count: number;
}

/** One part of it. `identity`: files with a certificate and a key as DER. */
export function rawQuinnPart(program: string, identity: { readonly certificateFile: string; readonly privateKeyFile: string }): Remote {
	const children: ChildProcess[] = [];
	const files = ["--cert", identity.certificateFile, "--key", identity.privateKeyFile];
	let server: ChildProcess | undefined;
	let port = 0;
	const start = async (words: readonly string[]): Promise<[child: ChildProcess, line: string]> => {
		const child = spawn(program, [...words, ...files], { stdio: ["pipe", "pipe", "inherit"] });
		children.push(child);
		const ended = once(child, "exit").then(() => Promise.reject(new Error("raw quinn ended before it was ready")));
		const [line] = (await Promise.race([once(createInterface(child.stdout), "line"), ended])) as [string];
		ended.catch(() => undefined);
		return [child, line];
	};
	const client = async (mode: string, settings: Record<string, number>, timeout: number) => {
		const options = Object.entries({ port, ...settings }).flatMap(([name, value]) => [`--${name}`, String(value)]);
		const { stdout } = await promisify(execFile)(program, ["client", mode, ...files, ...options], { timeout });
		return JSON.parse(stdout) as Record<string, number>;
	};
	const call = async (method: string, { receiver, size, seconds, count }: Argument, timeoutMs: number): Promise<unknown> => {
		switch (method) {
			case "receiver": {
				const [child, line] = await start(["server"]);
				server = child;
				return JSON.parse(line) as Place;
			}
			case "sender":
				port = receiver?.port ?? 0;
				return;
			case "bulk":
				// QUIC itself keeps the order of the one stream.
				return { ...(await client("bulk", { size, seconds }, timeoutMs)), wrong: 0 };
			case "rtt": {
				const { p50Us, p99Us, ...rest } = await client("rtt", { size, seconds }, timeoutMs);
				return { ...rest, p50: p50Us, p99: p99Us };
			}
			case "connects": {
				const { p50Ms, p99Ms, ...rest } = await client("connect", { size: 200, count }, timeoutMs);
				return { ...rest, p50: p50Ms, p99: p99Ms };
			}
			case "idle":
				await start(["client", "idle", "--port", String(port), "--size", "200", "--count", String(count)]);
				return;
			default:
				// Nothing is in the middle, and a stream belongs to its round.
				return {};
		}
	};
	return {
		get pid() {
			return server?.pid ?? -1;
		},
		call: <T>(method: string, argument: unknown = {}, timeoutMs = 60_000) => call(method, argument as Argument, timeoutMs) as Promise<T>,
		stop: async () => {
			for (const child of children) child.stdin?.end();
			await Promise.all(children.map(async (child) => child.exitCode !== null || child.signalCode !== null || once(child, "exit")));
		},
	};
}
