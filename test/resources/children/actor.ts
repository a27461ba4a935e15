/** A process with a Coordinator or Clients in it that does what its parent says over IPC. See `actors.ts`. */

import {
	type BroadcastStream,
	Client,
	type ClientOptions,
	Coordinator,
	type CoordinatorOptions,
	type MessageStream,
} from "../../../packages/conec/src/index.ts";
import { type Actions, answerParent } from "./answering.ts";

const clients = new Map<string, Client>();
/** Streams that are filled, and those that came and that nobody reads yet. */
const filled: MessageStream[] = [];
const untouched: MessageStream[] = [];
let coordinator: Coordinator | undefined;
const publishers = new Map<string, BroadcastStream>();
let published = 0;
const tallies = new Map<string, Tally>();

/** What a member of a broadcast has got. */
export interface Tally {
	/** Number of the message that should come next, those that gaps announced included. */
	next: number;
	lost: number;
	/** Messages with another number. */
	wrong: number;
}

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const actions: Actions = {
	async listen(options: CoordinatorOptions) {
		coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0, ...options });
		void take(coordinator.incomingStreams, "keep");
		return { port: coordinator.address.port, pin: coordinator.fingerprint };
	},
	async connect({ take: how, ...options }: ClientOptions & { take: "keep" | "read" }) {
		const client = await Client.connect({ reconnect: false, ...options });
		clients.set(client.id, client);
		void take(client.incomingStreams, how);
	},
	/** Sends on new streams until each of them has waited for `quietMs`; returns the bytes that each took. */
	async fill({ from, to, count, size, quietMs }: { from: string; to: string | null; count: number; size: number; quietMs: number }) {
		const client = clients.get(from) as Client;
		const message = new Uint8Array(size).fill(7);
		return await Promise.all(
			Array.from({ length: count }, async () => {
				const stream = await (to === null ? client.openCoordinatorStream() : client.openStream(to));
				filled.push(stream);
				for (let bytes = 0; ; bytes += size) {
					const accepted = await stream.send(message, { signal: AbortSignal.timeout(quietMs) }).then(
						() => true,
						() => false,
					);
					if (!accepted) return bytes;
				}
			}),
		);
	},
	/** Closes the streams that are filled; resolves when all of it is in the peer's process. */
	async drain() {
		await Promise.all(filled.splice(0).map((stream) => stream.close()));
	},
	/** Reads to the end what was left alone; returns the bytes. */
	async read() {
		let bytes = 0;
		await Promise.all(
			untouched.splice(0).map(async (stream) => {
				for await (const message of stream) bytes += message.length;
			}),
		);
		return bytes;
	},
	/** Bytes a second that a new stream takes, with the end acknowledged. */
	async rate({ from, to, ms }: { from: string; to: string; ms: number }) {
		const stream = await (clients.get(from) as Client).openStream(to);
		const message = new Uint8Array(65_536);
		const started = performance.now();
		let bytes = 0;
		for (; performance.now() - started < ms; bytes += message.length) await stream.send(message);
		await stream.close();
		stream.stop();
		return (bytes / (performance.now() - started)) * 1_000;
	},
	/** How long it takes to be told that a peer is not there, at most, in 20 tries. */
	async ask({ from }: { from: string }) {
		let slowest = 0;
		for (let i = 0; i < 20; i++) {
			const started = performance.now();
			await (clients.get(from) as Client).openStream("nobody").catch(() => undefined);
			slowest = Math.max(slowest, performance.now() - started);
		}
		return slowest;
	},
	/** Clients that join a broadcast and check the numbers in what they get. */
	async members({ ids, name, ...where }: { ids: string[]; name: string; coordinator: string; pin: string }) {
		await Promise.all(
			ids.map(async (id) => {
				const client = await Client.connect({ reconnect: false, ...where, id });
				clients.set(id, client);
				void follow(await client.joinBroadcast(name, { mode: "receive" }), id);
			}),
		);
	},
	/** Sends so many numbered messages, as fast as `send` lets it; returns how long that took. */
	async publish({ from, name, count, size }: { from: string; name: string; count: number; size: number }) {
		const stream = publishers.get(name) ?? (await (clients.get(from) as Client).joinBroadcast(name, { mode: "send" }));
		publishers.set(name, stream);
		const started = performance.now();
		for (let i = 0; i < count; i++) {
			const message = Buffer.alloc(size);
			message.writeUInt32LE(published++);
			if (!stream.trySend(message)) await stream.send(message);
		}
		return performance.now() - started;
	},
	/** What each member has got so far. */
	async tallies() {
		return [...tallies.values()];
	},
	async pid() {
		return process.pid;
	},
	async rss() {
		for (let i = 0; i < 3; i++) {
			(globalThis as { gc?: () => void }).gc?.();
			await sleep(20);
		}
		return process.memoryUsage().rss;
	},
};

async function follow(stream: BroadcastStream, id: string): Promise<void> {
	const tally: Tally = { next: 0, lost: 0, wrong: 0 };
	tallies.set(id, tally);
	for await (const event of stream) {
		if (event.type === "gap") {
			tally.lost += event.lost;
			tally.next += event.lost;
		} else if (event.type === "message") {
			if (Buffer.from(event.data.buffer, event.data.byteOffset).readUInt32LE() !== tally.next) tally.wrong++;
			tally.next++;
		}
	}
}

async function take(streams: AsyncIterable<MessageStream>, how: "keep" | "read"): Promise<void> {
	try {
		for await (const stream of streams) {
			if (how === "keep") untouched.push(stream);
			else void swallow(stream);
		}
	} catch {
		// The Coordinator is gone: the test is over.
	}
}

async function swallow(stream: MessageStream): Promise<void> {
	try {
		while ((await stream.receive()) !== null);
		await stream.close();
	} catch {
		// Its peer is gone: the test is over.
	}
}

answerParent(actions);
