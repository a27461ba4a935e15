/**
 * What the suites of entities stand on: a fabric, and a world with a Coordinator of its own for each test.
 */

import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { systemClock } from "../packages/conec/src/base/clock.ts";
import { type Client, connectOn } from "../packages/conec/src/client/client.ts";
import type { ClientOptions } from "../packages/conec/src/client/options.ts";
import { type Coordinator, listenOn } from "../packages/conec/src/coordinator/coordinator.ts";
import type { CoordinatorOptions } from "../packages/conec/src/coordinator/options.ts";
import { resolveLimits } from "../packages/conec/src/limits.ts";
import type { Runtime } from "../packages/conec/src/session/runtime.ts";
import type { MessageStream } from "../packages/conec/src/stream/message-stream.ts";
import { makeSelfSigned } from "../packages/conec/src/tls/self-signed.ts";
import { coordinatorTrust } from "../packages/conec/src/tls/trust.ts";
import type { StreamHandler, StreamOptions, Transport, TransportConnection, TransportFactory } from "../packages/conec/src/transport/transport.ts";
import { encodeControl, type Hello } from "../packages/conec/src/wire/control.ts";
import { FRAME } from "../packages/conec/src/wire/frames.ts";
import { turn } from "../packages/conec/testing/memory/virtual-clock.ts";
import { shortly, until as untilTrue } from "../packages/conec/testing/until.ts";

export { echo } from "../packages/conec/testing/echo.ts";

/** What the suite runs on. */
export interface Fabric {
	readonly name: string;
	readonly createTransport: TransportFactory;
	/** Time other than the machine's, and all else that Coordinators and Clients are lent. */
	readonly runtime?: Runtime;
	/** What is left of connections and streams, where the transport can tell. */
	readonly leftovers?: () => number;
}

export const text = (message: Uint8Array | null): string | null => (message === null ? null : new TextDecoder().decode(message));
export const utf8 = (value: string): Uint8Array => new TextEncoder().encode(value);

/** A Coordinator and whatever a test adds to it; all of it is taken down at the end of the test. */
export class World {
	readonly coordinator: Coordinator;
	readonly fabric: Fabric;
	readonly #parts: { destroy(): void }[] = [];

	private constructor(fabric: Fabric, coordinator: Coordinator) {
		this.fabric = fabric;
		this.coordinator = coordinator;
	}

	static async create(t: TestContext, fabric: Fabric, options: CoordinatorOptions = {}): Promise<World> {
		pauseAs(fabric);
		const world = new World(fabric, await listenOn(runtimeOf(fabric), { host: "127.0.0.1", port: 0, ...options }));
		const others = worlds.get(t);
		if (others !== undefined) {
			others.push(world);
			return world;
		}
		const all = [world];
		worlds.set(t, all);
		t.after(async () => {
			for (const one of all) {
				for (const part of one.#parts) part.destroy();
				one.coordinator.destroy();
				await one.coordinator.closed;
			}
			if (fabric.leftovers !== undefined) await until(() => fabric.leftovers?.() === 0);
		});
		return world;
	}

	async connect(id: string, options: Partial<ClientOptions> = {}): Promise<Client> {
		const client = await connectOn(runtimeOf(this.fabric), this.clientOptions(id, options));
		this.#parts.push(client);
		return client;
	}

	clientOptions(id: string, options: Partial<ClientOptions> = {}): ClientOptions {
		const { port } = this.coordinator.address;
		// These suites are about what goes through the Coordinator; that of direct channels says otherwise.
		const place = { coordinator: `localhost:${port}`, address: `127.0.0.1:${port}`, localAddress: "127.0.0.1" };
		// They also say what a loss is. What follows it, the tests of coming back say.
		const common = { id, ...place, listen: false, reconnect: false };
		return { ...common, pin: this.coordinator.fingerprint, ...options };
	}

	/** A connection that speaks for itself, to break rules with. */
	async dial(limits: ClientOptions["limits"] = {}): Promise<{ transport: Transport; connection: TransportConnection }> {
		const transport = this.fabric.createTransport({ host: "127.0.0.1", port: 0, limits: resolveLimits(limits, "client"), role: "client" });
		this.#parts.push(transport);
		const connection = await transport.dial({
			address: "127.0.0.1",
			port: this.coordinator.address.port,
			serverName: "localhost",
			trust: coordinatorTrust({ pin: this.coordinator.fingerprint }),
			identity: await makeSelfSigned({ names: ["mallory"] }, "ephemeral"),
			alpnProtocol: "conec/1",
			handshakeTimeoutMs: 5_000,
		});
		return { transport, connection };
	}

	/** The same, after a proper hello and welcome. */
	async enter(
		id: string,
		key: Hello["key"] = "ephemeral",
		capabilities: Hello["capabilities"] = [],
		takes: { readonly limits?: ClientOptions["limits"]; readonly control?: StreamOptions } = {},
	): Promise<{ connection: TransportConnection; control: ReturnType<TransportConnection["openStream"]> }> {
		const { connection } = await this.dial(takes.limits);
		let welcome: () => void = () => undefined;
		const greeted = new Promise<void>((resolve) => {
			welcome = resolve;
		});
		const first = { kind: FRAME.CONTROL, payload: encodeControl({ ...hello(id), key, capabilities }) };
		const control = connection.openStream(first, handler({ frame: welcome }), takes.control);
		await greeted;
		return { connection, control };
	}
}

/** The worlds of each test. */
const worlds: WeakMap<TestContext, World[]> = new WeakMap();

export function hello(id: string): Hello {
	return { type: "hello", versions: [2], id, key: "ephemeral", capabilities: [] } as const;
}

export function handler(part: Partial<StreamHandler> = {}): StreamHandler {
	const nothing = (): void => undefined;
	return { frame: nothing, end: nothing, reset: nothing, stopped: nothing, drained: nothing, finished: nothing, lost: nothing, ...part };
}

export async function next(streams: AsyncIterable<MessageStream>): Promise<MessageStream> {
	for await (const stream of streams) return stream;
	throw new assert.AssertionError({ message: "no stream came" });
}

/** Opens a stream and takes it at the other side. */
export async function pair(from: Client, to: Client, options: Parameters<Client["openStream"]>[1] = {}): Promise<[MessageStream, MessageStream]> {
	const [near, far] = await Promise.all([from.openStream(to.id, options), next(to.incomingStreams)]);
	return [near, far];
}

/** What Coordinators and Clients of a fabric run on. */
export function runtimeOf({ runtime, createTransport }: Fabric): Runtime | TransportFactory {
	return runtime ?? createTransport;
}

/** The time of a fabric, for how long things take in it. */
export function nowOf({ runtime }: Fabric): number {
	return (runtime?.clock ?? systemClock).now();
}

/** Lets so much time of a fabric pass. */
export function pass({ runtime }: Fabric, ms: number): Promise<void> {
	return new Promise((resolve) => (runtime?.clock ?? systemClock).setTimeout(resolve, ms));
}

/** How {@link until} waits between two looks; on virtual time it must not hold the clock up. Tests of a file run one after the other. */
let pause: () => Promise<void> = shortly;

function pauseAs({ runtime }: Fabric): void {
	pause = runtime === undefined ? shortly : turn;
}

/** Waits for something that has no event of its own. */
export function until(condition: () => boolean, timeoutMs?: number): Promise<void> {
	return untilTrue(condition, { pause: () => pause(), ...(timeoutMs === undefined ? {} : { timeoutMs }) });
}

/** With which codes Clients have gone since, as the Coordinator tells. */
export function disconnects(coordinator: Coordinator): Map<string, string | undefined> {
	const told = new Map<string, string | undefined>();
	void (async () => {
		for await (const status of coordinator.status()) if (status.type === "disconnected") told.set(status.id, status.info.code);
	})();
	return told;
}

/** How the tests of a suite are declared. */
export function declare(fabric: Fabric): (name: string, run: (t: TestContext) => Promise<void>) => void {
	return (name, run) =>
		void test(`${fabric.name}: ${name}`, (t) => {
			pauseAs(fabric);
			return run(t);
		});
}

/** The same options, to trust in another way. */
export function withoutPin(options: ClientOptions): ClientOptions {
	const { pin: _pin, ...rest } = options;
	return rest;
}
