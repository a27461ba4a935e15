/**
 * What a system does in the benchmark, and the operations of a process that does it.
 *
 * @module
 */

import { broadcasting, type System } from "../../roles/broadcasting.ts";
import { type Carried, type Push, Sender } from "../../roles/carried.ts";
import type { Latency, LoadArgument, Reading } from "../../roles/figures.ts";
import { type Methods, serve } from "../../roles/serve.ts";
import { percentile } from "../../stats.ts";

/** Straight to the receiver, or through the hub. */
export type Path = "direct" | "proxied";

/** How a stream is used where a system has several ways: messages one by one or in batches, or values. */
export type Use = "messages" | "batches" | "values";

/** How the hub is reached, and the receiver where it is not through the hub. Both are what the system itself has said. */
export interface Places<Hub, There> {
	readonly hub: Hub;
	readonly receiver: There;
}

/** A stream of the sender. */
export interface Outbound {
	readonly push: Push<Uint8Array>;
	/** Default: JSON as bytes. */
	readonly pushValue?: Push<Reading>;
}

/** A system. */
export interface Stack<Hub, There> {
	/** Starts what stands between sender and receiver, if anything does. */
	hub?(): Promise<Hub>;
	/** Is ready for streams, each of which a `Player` of its own answers. */
	receiver?(hub: Hub, paths: readonly Path[]): Promise<There>;
	/** A process that opens streams and connections begins. */
	sender?(places: Places<Hub, There>): Promise<void>;
	/** Opens a stream to the receiver; what comes back goes to `received`. */
	open?(path: Path, places: Places<Hub, There>, received: (message: Uint8Array) => void, use: Use): Promise<Outbound>;
	/** A new connection. `name` is new, too. `stays`: it is kept, and measured for its memory; else it is closed at once. Gives how to close it. */
	connect?(places: Places<Hub, There>, name: string, stays: boolean): Promise<() => unknown>;
	/** One sender, many members. */
	readonly broadcasts?: System<Places<Hub, There>>;
	/** Whatever else a process of it can be asked to do. */
	readonly methods?: Methods;
}

/** Milliseconds, and what all of it took. */
export interface Connects extends Latency {
	readonly seconds: number;
}

interface StreamArgument {
	readonly path: Path;
	readonly use?: Use;
}

/** Makes this process one of that system. */
export function serveStack<Hub, There>(stack: Stack<Hub, There>): void {
	const senders = new Map<string, Sender>();
	const kept: unknown[] = [];
	let places: Places<Hub, There> | undefined;
	const senderOf = ({ path, use = "messages" }: StreamArgument): Sender => wanted(senders.get(`${path} ${use}`), `a ${path} stream`);
	serve({
		hub: () => stack.hub?.() ?? {},
		receiver: ({ hub, paths }: { hub: Hub; paths: readonly Path[] }) => stack.receiver?.(hub, paths),
		sender: async (argument: Places<Hub, There>) => {
			places = argument;
			await stack.sender?.(argument);
		},
		open: async ({ path, use = "messages" }: StreamArgument) => {
			const open = wanted(stack.open, "streams");
			let sender: Sender | undefined;
			const { push, pushValue } = await open(path, wanted(places, "a place"), (message) => sender?.received(message), use);
			sender = new Sender(push, pushValue);
			senders.set(`${path} ${use}`, sender);
		},
		bulk: (argument: StreamArgument & LoadArgument): Promise<Carried> => senderOf(argument).bulk(argument),
		json: (argument: StreamArgument & LoadArgument): Promise<Carried> => senderOf(argument).json(argument),
		rtt: (argument: StreamArgument & LoadArgument): Promise<Latency> => senderOf(argument).roundTrips(argument),
		/** Connections one after another, each closed before the next. */
		connects: async ({ count, tag }: { count: number; tag: string }): Promise<Connects> => {
			const connect = wanted(stack.connect, "connections");
			const millis: number[] = [];
			const allMs = performance.now();
			for (let index = 0; index < count; index++) {
				const startedMs = performance.now();
				const close = await connect(wanted(places, "a place"), `${tag}-${index}`, false);
				millis.push(performance.now() - startedMs);
				await close();
			}
			return { count, seconds: (performance.now() - allMs) / 1_000, p50: percentile(millis, 0.5), p99: percentile(millis, 0.99) };
		},
		/** Connections that stay. */
		idle: async ({ count, tag }: { count: number; tag: string }): Promise<void> => {
			const connect = wanted(stack.connect, "connections");
			for (let index = 0; index < count; index++) kept.push(await connect(wanted(places, "a place"), `${tag}-${index}`, true));
		},
		...(stack.broadcasts === undefined ? {} : broadcasting(stack.broadcasts)),
		...stack.methods,
	});
}

function wanted<T>(value: T | undefined, what: string): T {
	if (value === undefined) throw new Error(`this process has not ${what}`);
	return value;
}
