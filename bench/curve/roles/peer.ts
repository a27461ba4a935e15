/**
 * Any number of Clients of one process, and what they do in the curve: echo, take part in a broadcast, fill streams.
 *
 * @module
 */

import { type BroadcastStream, Client, type ClientOptions, type MessageStream } from "conec";
import { broadcasting } from "../../roles/broadcasting.ts";
import { type Carried, Player, Sender } from "../../roles/carried.ts";
import type { Latency, LoadArgument } from "../../roles/figures.ts";
import { serve } from "../../roles/serve.ts";
import { type Echoed, Echoes } from "./echoes.ts";
import { type FlowMark, Flows, type FlowTotals, Inflows } from "./flows.ts";

/** What a stream is for, as its opener says. */
type Use = "echo" | "carried" | "flow";

interface Route {
	readonly path: "direct" | "proxied";
	/** The peer; of many, what their ids begin with. */
	readonly to: string;
}

/** Connects that are under way at once: fewer than a Coordinator lets wait. */
const CONNECTS_AT_ONCE = 32;
/** Streams that are being opened at once. */
const OPENS_AT_ONCE = 64;

const clients: Client[] = [];
const memberships: (BroadcastStream | undefined)[] = [];
const inflows = new Inflows();
let echoes = new Echoes([]);
let flows = new Flows([]);
let sender: Sender | undefined;

serve({
	/** Connects more Clients, up to `total`: `prefix-0`, `prefix-1` and so on. Gives the time it took. */
	grow: async ({
		where,
		prefix,
		total,
	}: {
		where: ClientOptions;
		prefix: string;
		total: number;
	}): Promise<{ added: number; connected: number; seconds: number }> => {
		const startedMs = performance.now();
		const first = clients.length;
		await atATime(Math.max(0, total - first), CONNECTS_AT_ONCE, async (index) => {
			const client = await Client.connect({ ...where, id: `${prefix}-${first + index}` });
			clients[first + index] = client;
			void answer(client);
		});
		return { added: clients.length - first, connected: clients.length, seconds: (performance.now() - startedMs) / 1_000 };
	},
	/** Each Client here opens a stream to the one of the same number there. */
	"open-echoes": async ({ path, to }: Route): Promise<void> => {
		const streams: MessageStream[] = [];
		await atATime(clients.length, OPENS_AT_ONCE, async (index) => {
			streams[index] = await clientAt(index).openStream(`${to}-${index}`, { path, metadata: { use: "echo" satisfies Use } });
		});
		echoes = new Echoes(streams);
	},
	"echo-fast": ({ seconds }: { seconds: number }): Promise<Echoed> => echoes.fast(seconds),
	"echo-paced": ({ seconds, perSecond }: { seconds: number; perSecond: number }): Promise<Echoed> => echoes.paced(seconds, perSecond),
	"close-echoes": () => echoes.close(),
	/** One stream of the first Client, which counts what comes. */
	"open-carried": async ({ path, to }: Route): Promise<void> => {
		const stream = await clientAt(0).openStream(to, { path, metadata: { use: "carried" satisfies Use } });
		const made = new Sender((message) => (stream.trySend(message) ? undefined : stream.send(message)));
		sender = made;
		void (async () => {
			for await (const message of stream) made.received(message);
		})().catch(() => undefined); // the call that waits for the answer has a deadline
	},
	bulk: (argument: LoadArgument): Promise<Carried> => carrier().bulk(argument),
	rtt: (argument: LoadArgument): Promise<Latency> => carrier().roundTrips(argument),
	/** That many streams of the first Client to one peer. */
	"open-flows": async ({ path, to, count }: Route & { count: number }): Promise<void> => {
		const streams: MessageStream[] = [];
		await atATime(count, OPENS_AT_ONCE, async (index) => {
			streams[index] = await clientAt(0).openStream(to, { path, metadata: { use: "flow" satisfies Use, index } });
		});
		flows = new Flows(streams);
	},
	flow: (argument: LoadArgument): Promise<readonly number[]> => flows.run(argument),
	"flow-mark": (): FlowMark => inflows.mark(),
	"flow-totals": ({ count, timeoutMs }: { count: number; timeoutMs: number }): Promise<FlowTotals> => inflows.totals(count, timeoutMs),
	...broadcasting<string>({
		publisher: async (name) => clientAt(0).joinBroadcast(name, { mode: "send" }),
		member: async (name, _name, index, inlet) => {
			const broadcast = await clientAt(index).joinBroadcast(name, { mode: "receive" });
			memberships[index] = broadcast;
			void (async () => {
				for await (const event of broadcast) {
					if (event.type === "message") inlet.message(event.data);
					else if (event.type === "gap") inlet.gap(event.lost);
				}
				if (memberships[index] === broadcast) inlet.failed(new Error("the broadcast ended"));
			})().catch((error: unknown) => {
				if (memberships[index] === broadcast) inlet.failed(error);
			});
			return () => {
				memberships[index] = undefined;
				return broadcast.close();
			};
		},
	}),
});

/** Streams that come in do what they are for. */
async function answer(client: Client): Promise<void> {
	for await (const stream of client.incomingStreams) void play(stream).catch(() => stream.reset());
}

async function play(stream: MessageStream): Promise<void> {
	const { use, index = 0 } = stream.metadata as { use: Use; index?: number };
	if (use === "flow") return inflows.take(stream, index);
	const reply = (message: Uint8Array): unknown => (stream.trySend(message) ? undefined : stream.send(message));
	if (use === "carried") {
		const player = new Player(reply);
		for await (const message of stream) player.message(message);
	} else {
		for await (const message of stream) reply(message);
	}
	await stream.close();
}

function clientAt(index: number): Client {
	const client = clients[index];
	if (client === undefined) throw new Error(`there are only ${clients.length} Clients here`);
	return client;
}

function carrier(): Sender {
	if (sender === undefined) throw new Error("no stream is open");
	return sender;
}

async function atATime(count: number, concurrency: number, task: (index: number) => Promise<void>): Promise<void> {
	let next = 0;
	const worker = async (): Promise<void> => {
		while (next < count) await task(next++);
	};
	await Promise.all(Array.from({ length: Math.min(count, concurrency) }, worker));
}
