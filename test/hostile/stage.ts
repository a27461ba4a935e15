/**
 * A real Coordinator, two bystander Clients whose echo must lose nothing, and peers that speak for themselves.
 */

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import { type Connection, type ConnectionCloseInfo, type ConnectOptions, Endpoint, type StreamOptions } from "@conec/quic";
import { Client, type ClientOptions, Coordinator, type CoordinatorOptions, type MessageStream } from "../../packages/conec/src/index.ts";
import { makeSelfSigned } from "../../packages/conec/src/tls/self-signed.ts";
import { coordinatorTrust } from "../../packages/conec/src/tls/trust.ts";
import { FRAME } from "../../packages/conec/src/wire/frames.ts";
import { RESUME } from "../../packages/conec/testing/stream-fixture.ts";
import { until as untilTrue } from "../../packages/conec/testing/until.ts";
import { next, text } from "../entities-world.ts";
import { asTold } from "../forgotten.ts";
import { RawStream } from "./raw-stream.ts";

export { next, text };

/** The hello of a Client that does nothing wrong. */
export function helloOf(id: string): Record<string, unknown> {
	return { type: "hello", versions: [2], id, key: "ephemeral", capabilities: [] };
}

/** Bytes of a frame header that may promise anything. */
export function declare(kind: number, length: number): Uint8Array {
	return Uint8Array.of(kind, length >>> 16, length >>> 8, length);
}

export const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Waits for something that has no event of its own. */
export function until(condition: () => boolean, what: string, timeoutMs?: number): Promise<void> {
	return untilTrue(condition, { what, ...(timeoutMs === undefined ? {} : { timeoutMs }) });
}

/** Waits until QUIC has all that was written: a reset drops what it does not have, and a stream of which it has nothing is never opened. */
export async function sent(stream: RawStream): Promise<RawStream> {
	await until(() => stream.queuedBytes === 0, "QUIC has the bytes");
	return stream;
}

/** Rejects what lasts too long, so that a test names what hangs; as long as {@link until}. */
export async function soon<T>(promise: Promise<T>, what: string, timeoutMs = 12_000): Promise<T> {
	let timer: NodeJS.Timeout | undefined;
	const late = new Promise<never>((_, reject) => {
		timer = setTimeout(() => reject(new assert.AssertionError({ message: `not within ${timeoutMs} ms: ${what}` })), timeoutMs);
	});
	try {
		return await Promise.race([promise, late]);
	} finally {
		clearTimeout(timer);
	}
}

/** A connection of `@conec/quic` with nothing of Conec on top. */
export class RawPeer {
	readonly endpoint: Endpoint;
	readonly connection: Connection;
	/** The control stream, after {@link Stage.enter}. */
	control: RawStream = new RawStream();
	#nextId = 1;

	constructor(endpoint: Endpoint, connection: Connection) {
		this.endpoint = endpoint;
		this.connection = connection;
	}

	/** The connection's end. Rejects with {@link Forgotten} where it cannot be seen. */
	get closed(): Promise<ConnectionCloseInfo> {
		return soon(this.connection.closed, "the end of a raw connection").then(asTold);
	}

	/** A stream on which nothing is sent yet. */
	stream(options: StreamOptions = {}): RawStream {
		const raw = new RawStream();
		return raw.attach(this.connection.openStream(raw.handler, { ...options, mode: "bytes" }));
	}

	/** A stream that begins with a proper OPEN; to the Coordinator itself without `to`. */
	open(to?: string): RawStream {
		return this.stream().frame(FRAME.OPEN, JSON.stringify({ ...(to === undefined ? {} : { to }), id: this.#nextId++, resume: RESUME }));
	}

	/** The next stream that somebody opens to this peer; nothing has been answered. One at a time: whose stream it is would be a guess otherwise. */
	async incoming(): Promise<RawStream> {
		assert.equal(this.connection.onStream, undefined, "a stream is waited for already");
		const raw = new RawStream();
		return await soon(
			new Promise((resolve) => {
				this.connection.onStream = (incoming) => {
					this.connection.onStream = undefined;
					resolve(raw.attach(incoming.accept(raw.handler, { mode: "bytes" })));
				};
			}),
			"a stream to a raw peer",
		);
	}
}

/** What the test stands on. Everything is taken down at its end, after the bystanders have been asked whether they noticed anything. */
export class Stage {
	readonly coordinator: Coordinator;
	readonly where: { readonly coordinator: string; readonly address: string; readonly pin: string };
	/** What is taken down without a word. */
	readonly #parts: (() => unknown)[] = [];
	#echoes = 0;
	#stopped = false;
	#bystanders: Promise<void> = Promise.resolve();

	static async set(t: TestContext, options: CoordinatorOptions = {}, bystander: Partial<ClientOptions>[] = []): Promise<Stage> {
		const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0, ...options });
		const stage = new Stage(coordinator);
		t.after(() => stage.#strike());
		const [ann, ben] = await Promise.all([stage.connect("ann", bystander[0]), stage.connect("ben", bystander[1])]);
		const [stream] = await Promise.all([ann.openStream("ben"), stage.#echo(ben)]);
		stage.#bystanders = stage.#talk(stream);
		// Their failure is reported by the last hook; until then it must not be unhandled.
		stage.#bystanders.catch(() => undefined);
		return stage;
	}

	private constructor(coordinator: Coordinator) {
		this.coordinator = coordinator;
		const { port } = coordinator.address;
		this.where = { coordinator: `localhost:${port}`, address: `127.0.0.1:${port}`, pin: coordinator.fingerprint };
	}

	/** A real Client. */
	async connect(id: string, options: Partial<ClientOptions> = {}): Promise<Client> {
		const client = await Client.connect({ id, ...this.where, localAddress: "127.0.0.1", reconnect: false, ...options });
		this.#parts.push(() => client.destroy());
		return client;
	}

	/** A handshake, and not a word after it. */
	async dial(options: Partial<ConnectOptions> = {}): Promise<RawPeer> {
		const endpoint = Endpoint.bind({ host: "127.0.0.1", port: 0 });
		this.#parts.push(() => endpoint.close({ drainMs: 0 }));
		const connection = await endpoint.connect({
			...this.coordinator.address,
			serverName: "localhost",
			trust: coordinatorTrust({ pin: this.where.pin }),
			identity: await makeSelfSigned({ names: ["mallory"] }, "ephemeral"),
			alpnProtocols: ["conec/1"],
			...options,
		});
		return new RawPeer(endpoint, connection);
	}

	/** The same, after a proper hello and welcome. */
	async enter(id: string, options: Partial<ConnectOptions> = {}, capabilities: readonly string[] = [], control: StreamOptions = {}): Promise<RawPeer> {
		const peer = await this.dial(options);
		peer.control = await peer
			.stream(control)
			.frame(FRAME.CONTROL, JSON.stringify({ ...helloOf(id), capabilities }))
			.until("CONTROL welcome");
		return peer;
	}

	/** Both bystanders have talked on since this was asked. */
	async unharmed(): Promise<void> {
		const before = this.#echoes;
		await soon(Promise.race([this.#bystanders, until(() => this.#echoes >= before + 3, "the bystanders talk on")]), "the bystanders");
		assert.ok(this.#echoes > before, "the bystanders have stopped");
	}

	/** The end: the bystanders are asked first, while everybody is still there. */
	async #strike(): Promise<void> {
		try {
			await this.unharmed();
			this.#stopped = true;
			await soon(this.#bystanders, "the end of the bystanders");
		} finally {
			for (const part of this.#parts) part();
			await soon(this.coordinator.close(), "the Coordinator closing");
		}
	}

	async #talk(stream: MessageStream): Promise<void> {
		while (!this.#stopped) {
			const message = `echo ${this.#echoes}`;
			await stream.send(message);
			assert.equal(text(await stream.receive()), message);
			this.#echoes++;
			await sleep(2);
		}
		await stream.close();
		assert.equal(await stream.receive(), null);
		assert.deepEqual(await stream.closed, { by: "local" });
	}

	async #echo(client: Client): Promise<void> {
		const stream = await next(client.incomingStreams);
		void (async () => {
			for await (const message of stream) await stream.send(message);
			await stream.close();
		})().catch(() => undefined);
	}
}

/** Reads until the end; returns what came, the error's code last if there was one. */
export async function readAll(stream: MessageStream): Promise<string[]> {
	const heard: string[] = [];
	try {
		for await (const message of stream) heard.push(message.length > 32 ? `${message.length} bytes` : (text(message) as string));
		heard.push("end");
	} catch (error) {
		heard.push((error as { code: string }).code);
	}
	return heard;
}
