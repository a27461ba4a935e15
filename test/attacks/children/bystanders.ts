/**
 * Honest Clients of the library. They talk to each other and to the victim, open streams, connect, join, ask. Whatever they lose is written down.
 *
 * @module
 */

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { serve } from "../../../bench/roles/serve.ts";
import { percentile } from "../../../bench/stats.ts";
import { Client, type ClientOptions, ConecError, isConecError, type MessageStream } from "../../../packages/conec/src/index.ts";
import { echo } from "../../../packages/conec/testing/echo.ts";

/** Milliseconds of one thing that was done many times. */
export interface Times {
	readonly count: number;
	readonly p50: number;
	readonly p99: number;
	readonly max: number;
}

/** What the bystanders have seen since `begin`. */
export interface BystanderFigures {
	/** There and back between two of them, through the Coordinator. */
	readonly echo: Times;
	/** The same on a direct channel. */
	readonly direct: Times;
	/** The same with the victim, through the Coordinator. */
	readonly victim: Times;
	/** Until a stream to a bystander is open. */
	readonly stream: Times;
	/** Until a stream to the victim is open. */
	readonly toVictim: Times;
	readonly connect: Times;
	/** What was lost, by what it is. */
	readonly lost: Readonly<Record<string, number>>;
}

const ECHO_EVERY_MS = 10;
const STREAM_EVERY_MS = 100;
const CONNECT_EVERY_MS = 200;
const CHANNEL_EVERY_MS = 2_000;
/** A stream on which nothing has come for so long has starved. */
const STARVED_MS = 5_000;
/** Longer than everything that a Client waits for. */
const PATIENCE_MS = 13_000;

let where: Omit<ClientOptions, "id">;
let measuring = false;
let over = false;
const lost = new Map<string, number>();
const pending = new Set<Promise<void>>();
const clients: Client[] = [];
const samples = {
	echo: [] as number[],
	direct: [] as number[],
	victim: [] as number[],
	stream: [] as number[],
	toVictim: [] as number[],
	connect: [] as number[],
};
const echoes: Echo[] = [];
const timers: NodeJS.Timeout[] = [];
const directory = mkdtempSync(join(tmpdir(), "conec-attacks-"));

function lose(what: string): void {
	if (measuring) lost.set(what, (lost.get(what) ?? 0) + 1);
}

/** Does it, and writes down how long it took, or that it failed. What never comes to an end is left alone after {@link PATIENCE_MS}. */
function timed(name: string, into: number[] | undefined, task: () => Promise<void>): void {
	const started = performance.now();
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<string>((resolve) => {
		timer = setTimeout(() => resolve("no answer"), PATIENCE_MS);
	});
	const outcome = task().then(
		() => (performance.now() - started > STARVED_MS ? `slower than ${STARVED_MS / 1_000} s` : undefined),
		(error: unknown) => (isConecError(error) ? error.code : String(error)),
	);
	const done = Promise.race([outcome, late]).then((problem) => {
		clearTimeout(timer);
		into?.push(performance.now() - started);
		if (problem !== undefined) lose(`${name}: ${problem}`);
		pending.delete(done);
	});
	pending.add(done);
}

/** A message there and back every 10 ms, whether the last one has come back or not. */
class Echo {
	readonly #name: string;
	readonly #stream: MessageStream;
	readonly #into: number[];
	readonly #sent: number[] = [];
	#next = 0;
	#heardAt = performance.now();
	#broken = false;

	constructor(name: string, stream: MessageStream, into: number[]) {
		this.#name = name;
		this.#stream = stream;
		this.#into = into;
		void this.#listen();
		timers.push(setInterval(() => this.#say(), ECHO_EVERY_MS));
	}

	/** What waits for its echo is as late as it is now, at least. */
	settle(): void {
		const now = performance.now();
		for (const sentAt of this.#sent) this.#into.push(now - sentAt);
		if (!this.#broken && this.#sent.length > 0 && now - Math.max(this.#heardAt, this.#sent[0] ?? now) > STARVED_MS) lose(`${this.#name}: starved`);
	}

	/** Forgets what was before. */
	forget(): void {
		this.#into.length = 0;
	}

	#say(): void {
		if (this.#broken || !measuring) return;
		const message = Buffer.alloc(8);
		message.writeDoubleLE(this.#next);
		if (!this.#stream.trySend(message)) return;
		this.#next++;
		this.#sent.push(performance.now());
	}

	async #listen(): Promise<void> {
		let expected = 0;
		try {
			for await (const message of this.#stream) {
				const now = performance.now();
				if (Buffer.from(message).readDoubleLE() !== expected++) throw new Error("another message than was sent");
				const sentAt = this.#sent.shift();
				if (sentAt === undefined) throw new Error("a message that was not sent");
				if (measuring && now - Math.max(this.#heardAt, sentAt) > STARVED_MS) lose(`${this.#name}: starved`);
				this.#heardAt = now;
				if (measuring) this.#into.push(now - sentAt);
			}
			throw new ConecError("PEER_LOST", "it ended");
		} catch (error) {
			this.#broken = true;
			if (!over) lose(`${this.#name}: ${isConecError(error) ? error.code : error}`);
		}
	}
}

async function honest(id: string, options: Partial<ClientOptions> = {}): Promise<Client> {
	const client = await Client.connect({ reconnect: false, ...where, ...options, id });
	clients.push(client);
	void client.closed.then(({ code }) => {
		if (!over) lose(`the id ${id}: ${code}`);
	});
	echo(client);
	return client;
}

/** A message there and back, and the end of the stream. */
async function use(stream: MessageStream): Promise<void> {
	await stream.send("one");
	await stream.receive();
	await stream.close();
}

let connects = 0;

function begin(ann: Client, carol: Client): void {
	const every = (ms: number, task: () => void): void => void timers.push(setInterval(() => measuring && task(), ms));
	const openTo = (peer: string, name: string, into: number[]): void => {
		timed(name, into, async () => {
			const opened = await ann.openStream(peer, { path: "proxied" });
			void use(opened).catch((error: unknown) => lose(`${name}, in use: ${isConecError(error) ? error.code : error}`));
		});
	};
	every(STREAM_EVERY_MS, () => openTo("ben", "a stream", samples.stream));
	every(STREAM_EVERY_MS, () => openTo("victim", "a stream to the victim", samples.toVictim));
	every(CONNECT_EVERY_MS, () =>
		timed("a connect", samples.connect, async () => {
			const client = await Client.connect({ reconnect: false, ...where, id: `guest-${connects++}` });
			void client.close();
		}),
	);
	every(CHANNEL_EVERY_MS, () =>
		timed("a channel to the victim", undefined, async () => {
			await (await carol.openChannel("victim")).close();
		}),
	);
	for (const echo of echoes) echo.forget();
	for (const into of Object.values(samples)) into.length = 0;
	lost.clear();
	measuring = true;
}

/** What a newcomer wants of each thing that all share. */
async function newcomer(): Promise<void> {
	// Its lease outlives it, and with `--memory` others come after it.
	const id = `newcomer-${process.pid}-${connects++}`;
	const client = await Client.connect({ reconnect: false, ...where, id });
	const ask = (name: string, task: () => Promise<unknown>): void =>
		timed(name, undefined, async () => {
			await task();
		});
	ask("a list of the peers", () => client.peers());
	ask("a new broadcast", async () => (await client.joinBroadcast(`${id}-room`)).close());
	ask("a change of metadata", () => client.updateMetadata({ came: true }));
	ask("a lease", async () => {
		const kept = `${id}-kept`;
		await (await Client.connect({ reconnect: false, ...where, id: kept, stateDirectory: directory })).close();
		const thief = await Client.connect({ reconnect: false, ...where, id: kept }).catch((error: unknown) => error);
		if (!(thief instanceof Client)) {
			if (isConecError(thief) && thief.code === "ID_TAKEN") return;
			throw thief;
		}
		void thief.close();
		throw new Error("another key has the name");
	});
}

function timesOf(millis: readonly number[]): Times {
	const round = (value: number): number => Math.round(value * 10) / 10;
	return { count: millis.length, p50: round(percentile(millis, 0.5)), p99: round(percentile(millis, 0.99)), max: round(Math.max(0, ...millis)) };
}

let parts: { ann: Client; carol: Client } | undefined;

serve({
	connect: async (options: Omit<ClientOptions, "id">) => {
		where = options;
		const [ann, , carol] = await Promise.all([honest("ann"), honest("ben"), honest("carol"), honest("dave")]);
		parts = { ann, carol };
		const speaks = { path: "proxied" } as const;
		const [toBen, toVictim, toDave] = await Promise.all([
			ann.openStream("ben", speaks),
			ann.openStream("victim", speaks),
			carol.openChannel("dave").then((channel) => channel.openStream()),
		]);
		echoes.push(new Echo("the stream", toBen, samples.echo), new Echo("the victim's stream", toVictim, samples.victim));
		echoes.push(new Echo("the direct stream", toDave, samples.direct));
		const news = await ann.joinBroadcast("news", { keepOpen: true });
		void (async () => {
			let heard = 0;
			for await (const event of await (await honest("erin")).joinBroadcast("news")) if (event.type === "message") heard++;
			return heard;
		})().catch((error: unknown) => !over && lose(`the member: ${isConecError(error) ? error.code : error}`));
		timers.push(setInterval(() => void news.send("news").catch(() => undefined), 50));
	},
	begin: () => begin((parts as { ann: Client }).ann, (parts as { carol: Client }).carol),
	/** To be called in the middle of the attack. */
	newcomer: () => timed("a newcomer", undefined, newcomer),
	/** Waits for what is under way, and tells everything. */
	end: async (): Promise<BystanderFigures> => {
		for (const timer of timers.splice(0)) clearInterval(timer);
		while (pending.size > 0) await Promise.all(pending);
		for (const echo of echoes) echo.settle();
		measuring = false;
		over = true;
		rmSync(directory, { recursive: true, force: true });
		return {
			...{ echo: timesOf(samples.echo), direct: timesOf(samples.direct), victim: timesOf(samples.victim), stream: timesOf(samples.stream) },
			...{ toVictim: timesOf(samples.toVictim), connect: timesOf(samples.connect), lost: Object.fromEntries(lost) },
		};
	},
});
