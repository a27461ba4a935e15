/**
 * Any number of Clients in one process, by id. Streams that come in play the part they are named for.
 *
 * @module
 */

import { Client, type ClientOptions, isConecError, type MessageStream } from "conec";
import { percentile } from "../stats.ts";
import { allAtOnce } from "./all-at-once.ts";
import type { Beside, Crowd, Latency, LoadArgument, Mode } from "./figures.ts";
import { bulk, bulkJson, fill, play, roundTrips } from "./message-loads.ts";
import { serve } from "./serve.ts";
import { answers, atOnce, chatBeside, closeUnread, closeUnreadEcho, keepIdle, type Opener, pour, shortStreams } from "./stream-crowds.ts";

/** `to: null` is the Coordinator. */
interface Route {
	readonly from: string;
	readonly to: string | null;
	/** Default: proxied. Never chosen by the Client: a figure is of one path. */
	readonly path?: "direct" | "proxied";
	/** The stream survives the loss of its connection. Default: it does not. */
	readonly resumable?: boolean;
}

const clients = new Map<string, Client>();
const filled: MessageStream[] = [];

serve({
	connect: async (options: ClientOptions) => {
		const client = await Client.connect(options);
		clients.set(client.id, client);
		void (async () => {
			for await (const stream of client.incomingStreams) {
				void play(stream).catch(() => stream.reset());
			}
		})();
	},
	bulk: async ({ mode = "sink", ...argument }: Route & LoadArgument & { mode?: Mode }) => {
		const stream = await open(argument, mode);
		if (argument.resumable === true && stream.resumable !== true) throw new Error("this library has no resumable streams");
		// The other side has the same library, and could only reset.
		if (mode === "batch-sink" && typeof stream.batches !== "function") throw new Error("this library has no `batches`");
		return bulk(stream, argument);
	},
	"bulk-json": async (argument: Route & LoadArgument) => bulkJson(await open(argument, "json-sink"), argument),
	rtt: async (argument: Route & LoadArgument) => roundTrips(await open(argument, "echo"), argument),
	/** Opens `count` streams to a reader that never reads and fills them, all at once. Gives the bytes taken by each. */
	fill: async ({ count, size, quietMs, ...route }: Route & { count: number; size: number; quietMs: number }): Promise<number[]> =>
		Promise.all(
			Array.from({ length: count }, async () => {
				const stream = await open(route, "stall");
				filled.push(stream);
				return fill(stream, size, quietMs);
			}),
		),
	release: async () => {
		const streams = filled.splice(0);
		// All at once: those that still pour would hold up the reset of the first one.
		for (const stream of streams) {
			stream.reset();
			stream.stop();
		}
		await Promise.all(streams.map(({ closed }) => closed));
	},
	/** New Clients one after another, `concurrency` at a time. Milliseconds until `welcome`. */
	connects: async ({ count, concurrency, ...options }: ClientOptions & { count: number; concurrency: number }): Promise<Latency> => {
		const millis: number[] = [];
		await atATime(count, concurrency, async (index) => {
			const startedMs = performance.now();
			// A kept key holds a lease on its id for a day, so it comes back under the same one.
			const client = await Client.connect({ ...options, id: options.privateKey === undefined ? `${options.id}-${index}` : options.id });
			millis.push(performance.now() - startedMs);
			await client.close();
		});
		return { count: millis.length, p50: percentile(millis, 0.5), p99: percentile(millis, 0.99) };
	},
	/** New Clients one after another, each closed before the next. Milliseconds for both together. */
	visits: async ({ count, ...options }: ClientOptions & { count: number }): Promise<Latency> => {
		const millis: number[] = [];
		for (let index = 0; index < count; index++) {
			const startedMs = performance.now();
			await (await Client.connect(options)).close();
			millis.push(performance.now() - startedMs);
		}
		return { count, p50: percentile(millis, 0.5), p99: percentile(millis, 0.99) };
	},
	/** New Clients, each with an identity of its own, all at once. They stay. */
	crowd: async ({ count, ...options }: ClientOptions & { count: number }): Promise<Crowd> => {
		const indices = Array.from({ length: count }, (_, index) => index);
		return allAtOnce(indices, async (index) => {
			const client = await Client.connect({ ...options, id: `${options.id}-${index}` });
			clients.set(client.id, client);
		});
	},
	/** Direct channels to one peer, one after another, each closed before the next. Milliseconds until the channel is open. */
	channels: async ({ from, to, count }: { from: string; to: string; count: number }): Promise<Latency> => {
		const client = clientOf(from);
		const millis: number[] = [];
		for (let index = 0; index < count; index++) {
			const startedMs = performance.now();
			const channel = await client.openChannel(to);
			millis.push(performance.now() - startedMs);
			await channel.close();
		}
		return { count, p50: percentile(millis, 0.5), p99: percentile(millis, 0.99) };
	},
	/** Opens streams, sends one message there and back, closes them. */
	streams: ({ count, concurrency, ...route }: Route & { count: number; concurrency: number }) =>
		atATime(count, concurrency, async () => {
			const stream = await open(route, "echo");
			await stream.send("one");
			await stream.receive();
			await stream.close();
			await stream.receive();
			await stream.closed;
		}),
	"short-streams": (argument: Route & { seconds: number; concurrency: number }) => shortStreams(opener(argument), argument),
	"keep-idle": ({ count, ...route }: Route & { count: number }) => keepIdle(opener(route), count),
	/** The end of the process ends them. */
	pour: async ({ count, ...route }: Route & { count: number }) => {
		filled.push(...(await pour(opener(route), count)));
	},
	"at-once": (argument: Route & { count: number; batches: number }) => atOnce(opener(argument), argument),
	answers: (argument: Route & { size: number; parts: number; count: number }) => answers(opener(argument), argument),
	"close-unread": (route: Route) => closeUnread(opener(route)),
	"close-unread-echo": (route: Route) => closeUnreadEcho(opener(route)),
	"chat-beside": (argument: Route & Beside) => chatBeside(opener(argument), argument),
	/** Direct channels to all of these, which stay. */
	"keep-channels": async ({ from, to }: { from: string; to: readonly string[] }) => {
		for (const peer of to) await clientOf(from).openChannel(peer);
	},
	/** Questions to the Coordinator on the control stream, one after another, and how long their answers ("nobody has joined it") take, in microseconds. */
	questions: async ({ from, count }: { from: string; count: number }): Promise<Latency> => {
		const micros: number[] = [];
		for (let index = 0; index < count; index++) {
			const startedMs = performance.now();
			await clientOf(from)
				.countBroadcast("nobody-there")
				.catch((error: unknown) => {
					if (!isConecError(error) || error.code !== "BROADCAST_UNKNOWN") throw error;
				});
			micros.push((performance.now() - startedMs) * 1_000);
		}
		return { count, p50: percentile(micros, 0.5), p99: percentile(micros, 0.99) };
	},
});

async function open({ from, to, path = "proxied", resumable }: Route, mode: Mode, given: Parameters<Opener>[1] = {}): Promise<MessageStream> {
	const options = { metadata: { mode }, ...(resumable === true ? { resumable: true } : {}), ...given };
	return to === null ? clientOf(from).openCoordinatorStream(options) : clientOf(from).openStream(to, { path, ...options });
}

function opener(route: Route): Opener {
	return (mode, options) => open(route, mode, options);
}

function clientOf(id: string): Client {
	const client = clients.get(id);
	if (client === undefined) {
		throw new Error(`no Client "${id}" here`);
	}
	return client;
}

async function atATime(count: number, concurrency: number, task: (index: number) => Promise<void>): Promise<void> {
	let next = 0;
	const worker = async (): Promise<void> => {
		while (next < count) {
			await task(next++);
		}
	};
	await Promise.all(Array.from({ length: concurrency }, worker));
}
