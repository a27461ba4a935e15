/** Clients on a machine of the lab, by id. They echo what comes, but for transfers, which they check. */

import { randomBytes } from "node:crypto";
import { type Channel, Client, type ClientOptions, type ClientStatus, type MessageStream } from "../../../packages/conec/src/index.ts";
import { QuicStream } from "../../../packages/conec/src/transport/quic/streams.ts";
import { nowMs, serveActions, sleep } from "./actions.ts";
import { stamp, type Ticks, tick } from "./line.ts";
import { type Amount, failed, newTransfer, purposeOf, receiveAll, sendAll, type TransferState } from "./transfers.ts";

interface Participant {
	readonly client: Client;
	readonly events: { readonly atMs: number; readonly event: ClientStatus }[];
	/** When a live channel with a peer was first and last seen, by a look every 10 ms. */
	readonly lives: { readonly peer: string; readonly fromMs: number; toMs?: number }[];
	readonly incoming: Map<string, TransferState>;
}

const participants = new Map<string, Participant>();
type Path = "auto" | "direct" | "proxied";

const outgoing = new Map<string, { readonly stream: MessageStream; readonly state: TransferState; readonly done: Promise<TransferState> }>();
const streams = new Map<number, MessageStream>();
let handles = 0;
let replays = 0;

// Only what is sent again comes as frames: what is new is written message by message.
const { writeFrames } = QuicStream.prototype;
QuicStream.prototype.writeFrames = function (frames) {
	replays++;
	return writeFrames.call(this, frames);
};

function participant(id: string): Participant {
	const found = participants.get(id);
	if (found === undefined) throw new TypeError(`there is no Client "${id}"`);
	return found;
}

function channelWith(id: string, peer: string): Channel {
	const found = participant(id)
		.client.channels()
		.find((channel) => channel.peer === peer);
	if (found === undefined) throw new TypeError(`"${id}" has no channel with "${peer}"`);
	return found;
}

/** `ms` of what was done, also where it failed. */
async function timed<T>(work: Promise<T>): Promise<{ ms: number; value?: T; error?: { message: string; code?: string } }> {
	const started = nowMs();
	try {
		const value = await work;
		return { ms: nowMs() - started, value };
	} catch (error) {
		const { message, code } = error as { message: string; code?: string };
		return { ms: nowMs() - started, error: { message, ...(code === undefined ? {} : { code }) } };
	}
}

serveActions({
	/** Gives how long it took, or how it failed. `decline`: consents to no channel. */
	async connect({ decline, ...options }: ClientOptions & { readonly decline?: boolean }) {
		const { ms, value: client, error } = await timed(Client.connect(decline ? { ...options, acceptChannel: () => false } : options));
		if (client === undefined) return { ms, error };
		const made: Participant = { client, events: [], lives: [], incoming: new Map() };
		participants.set(options.id, made);
		void record(made);
		void watch(made);
		void serve(made);
		return { ms };
	},
	/** Leaves; nobody's business how it is with one that is not there. */
	async close({ ids }: { ids?: readonly string[] }) {
		const leaving = ids ?? [...participants.keys()];
		await Promise.all(
			leaving.map(async (id) => {
				await participants.get(id)?.client.close();
				participants.delete(id);
			}),
		);
		for (const [handle, stream] of streams) {
			stream.reset();
			streams.delete(handle);
		}
	},
	/** Gone without a word. */
	destroy({ id }: { id: string }) {
		participant(id).client.destroy();
		participants.delete(id);
	},
	async openChannel({ id, peer, timeoutMs }: { id: string; peer: string; timeoutMs?: number }) {
		const options = timeoutMs === undefined ? {} : { signal: AbortSignal.timeout(timeoutMs) };
		const { ms, value, error } = await timed(participant(id).client.openChannel(peer, options));
		return value === undefined ? { ms, error } : { ms, stats: value.stats() };
	},
	channels: ({ id }: { id: string }) =>
		participant(id)
			.client.channels()
			.map((channel) => ({ peer: channel.peer, stats: channel.stats() })),
	async closeChannel({ id, peer }: { id: string; peer: string }) {
		await channelWith(id, peer).close();
	},
	lives: ({ id }: { id: string }) => participant(id).lives,
	events: ({ id }: { id: string }) => participant(id).events,
	explain: ({ id, peer }: { id: string; peer: string }) => participant(id).client.explain(peer),
	async closed({ id }: { id: string }) {
		return await participant(id).client.closed;
	},
	/** Opens a stream and has one message echoed on it, so that it is known to work. Gives a handle. */
	async openStream({ id, peer, path }: { id: string; peer: string; path?: Path }) {
		const { ms, value: stream, error } = await timed(openAndEcho(id, peer, path));
		if (stream === undefined) return { ms, error };
		streams.set(++handles, stream);
		return { ms, path: stream.path, handle: handles };
	},
	/** Opens a resumable stream with path `auto` and nothing more; `ms` is that alone. */
	async openResumable({ id, peer }: { id: string; peer: string }) {
		const { ms, value: stream, error } = await timed(participant(id).client.openStream(peer, { resumable: true }));
		const path = stream?.path;
		void stream?.close().catch(() => undefined);
		return { ms, path, error };
	},
	/** The same with path `auto`, and closes the stream again. */
	async visit({ id, peer }: { id: string; peer: string }) {
		const { ms, value: stream, error } = await timed(openAndEcho(id, peer));
		void stream?.close().catch(() => undefined); // not part of the time
		return { ms, path: stream?.path, error };
	},
	nat: ({ id }: { id: string }) => participant(id).client.nat(),
	async echo({ handle, bytes }: { handle: number; bytes: number }) {
		const stream = streams.get(handle);
		if (stream === undefined) throw new TypeError(`there is no stream ${handle}`);
		return await timed(echo(stream, bytes));
	},
	/** Small messages at a steady pace; gives how long each took there and back. */
	tick: async ({ id, peer, path, ...ticks }: { id: string; peer: string; path: "direct" | "proxied" } & Ticks) =>
		await tick(await participant(id).client.openStream(peer, { path, metadata: { ticks: true } }), ticks),
	/** Begins to send; `sent` tells how it is and `result` waits for the end. */
	async send({
		id,
		peer,
		path,
		name,
		resumable = false,
		silenceMs,
		messageBytes = 65_536,
		...amount
	}: { id: string; peer: string; path: Path; name: string; resumable?: boolean; silenceMs?: number } & Partial<Amount>) {
		const metadata = { transfer: name, ...(silenceMs === undefined ? {} : { silenceMs }) };
		const stream = await participant(id).client.openStream(peer, { path, metadata, resumable });
		const state = newTransfer(name);
		const done = sendAll(stream, state, { ...amount, messageBytes }).catch((error: unknown) => {
			failed(state, error);
			stream.reset();
			return state;
		});
		outgoing.set(name, { stream, state, done });
		return { path: stream.path };
	},
	/** An endless transfer comes to its end. */
	enough({ name }: { name: string }) {
		const transfer = outgoing.get(name);
		if (transfer !== undefined) transfer.state.enough = true;
	},
	/** Where the stream of a transfer is now. */
	where({ name }: { name: string }) {
		const stream = outgoing.get(name)?.stream;
		return stream === undefined ? null : { path: stream.path, suspended: stream.suspended };
	},
	/** How often, since the process began, a stream of it has sent something for a second time. */
	replays: () => replays,
	sent: ({ name }: { name: string }) => outgoing.get(name)?.state ?? null,
	/** The receiver's account, which is the sender's too; or the sender's, with an error. */
	result: async ({ name }: { name: string }) => (await outgoing.get(name)?.done) ?? null,
	received: ({ id, name }: { id: string; name: string }) => participant(id).incoming.get(name) ?? null,
});

async function openAndEcho(id: string, peer: string, path?: Path): Promise<MessageStream> {
	const stream = await participant(id).client.openStream(peer, path === undefined ? {} : { path });
	await echo(stream, 100);
	return stream;
}

async function echo(stream: MessageStream, bytes: number): Promise<void> {
	const message = randomBytes(bytes);
	await stream.send(message);
	const answer = await stream.receive();
	if (answer === null || !message.equals(answer)) throw new Error("the echo is not what was sent");
}

async function serve({ client, incoming }: Participant): Promise<void> {
	try {
		for await (const stream of client.incomingStreams) {
			const { transfer, silenceMs, ticks } = purposeOf(stream.metadata);
			if (ticks) {
				void stamp(stream).catch(() => undefined); // its opener knows
				continue;
			}
			if (transfer === undefined) {
				void repeat(stream);
				continue;
			}
			const state = newTransfer(transfer);
			incoming.set(transfer, state);
			void receiveAll(stream, state, silenceMs).catch((error: unknown) => {
				failed(state, error);
				stream.stop();
			});
		}
	} catch {
		// The Coordinator is lost: `closed` and the events say so.
	}
}

async function repeat(stream: MessageStream): Promise<void> {
	try {
		for await (const message of stream) await stream.send(message);
		await stream.close();
	} catch {
		// Its opener knows.
	}
}

async function record({ client, events }: Participant): Promise<void> {
	for await (const event of client.status()) {
		events.push({ atMs: nowMs(), event });
		if (events.length > 1_000) events.shift();
	}
}

/** Independent of what the status says. */
async function watch({ client, lives }: Participant): Promise<void> {
	let over = false;
	void client.closed.then(() => {
		over = true;
	});
	let known: readonly { readonly channel: Channel; readonly life: Participant["lives"][number] }[] = [];
	while (!over) {
		const present = client.channels();
		for (const { channel, life } of known) if (!present.includes(channel)) life.toMs = nowMs();
		known = present.map((channel) => known.find((entry) => entry.channel === channel) ?? { channel, life: begin(channel.peer) });
		await sleep(10);
	}

	function begin(peer: string): Participant["lives"][number] {
		const life = { peer, fromMs: nowMs() };
		lives.push(life);
		return life;
	}
}
