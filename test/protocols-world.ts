/**
 * What the suites of protocols stand on: two Clients, their Coordinator, and every way to open a stream.
 */

import assert from "node:assert/strict";
import type { TestContext } from "node:test";
import type { Client } from "../packages/conec/src/client/client.ts";
import type { ClientOptions } from "../packages/conec/src/client/options.ts";
import type { Coordinator } from "../packages/conec/src/coordinator/coordinator.ts";
import type { CoordinatorOptions } from "../packages/conec/src/coordinator/options.ts";
import type { HandlerFailed, OpenStreamOptions, ProtocolHandler } from "../packages/conec/src/index.ts";
import type { MessageStream } from "../packages/conec/src/stream/message-stream.ts";
import { type Fabric, text, World } from "./entities-world.ts";

/** Sends everything back. */
export const echoing: ProtocolHandler = async (stream) => {
	for await (const message of stream) await stream.send(message);
};

/** A handler that never ends by itself. */
export const endless: ProtocolHandler = () => new Promise(() => undefined);

/** One way of opening a stream: who takes it there, and what it is to be. */
export interface Way {
	readonly name: string;
	readonly taker: Client | Coordinator;
	readonly open: (options: OpenStreamOptions) => Promise<MessageStream>;
	readonly path: "direct" | "proxied";
	/** What the opener is called in messages of errors. */
	readonly called: string;
	/** Whom the taker sees. */
	readonly peer: string | null;
}

/** What {@link scene} sets. */
export interface Scene {
	readonly world: World;
	readonly alice: Client;
	readonly bob: Client;
	readonly ways: readonly Way[];
}

/** What a Client or Coordinator says of handlers that have failed, as it comes. */
export function failures(of: Client | Coordinator): HandlerFailed[] {
	const told: HandlerFailed[] = [];
	void (async () => {
		for await (const status of of.status()) if (status.type === "handler-failed") told.push(status);
	})();
	return told;
}

/** Says something and waits for it to come back. */
export async function isAnswered(stream: MessageStream, message: string): Promise<void> {
	await stream.send(message);
	assert.equal(text(await stream.receive()), message);
}

/** Closes a stream, and reads what is left of it. */
export async function finish(stream: MessageStream): Promise<void> {
	await stream.close();
	assert.equal(await stream.receive(), null);
}

/** Two Clients that listen, and all ways to open a stream between them and to their Coordinator and from it. */
export async function scene(t: TestContext, fabric: Fabric, options: Partial<ClientOptions> = {}, ofCoordinator: CoordinatorOptions = {}): Promise<Scene> {
	const world = await World.create(t, fabric, ofCoordinator);
	const [alice, bob] = await Promise.all([world.connect("alice", { listen: true }), world.connect("bob", { listen: true, ...options })]);
	const { coordinator } = world;
	const called = 'stream to "bob"';
	const ways: Way[] = [
		{ name: "proxied", taker: bob, open: (given) => alice.openStream("bob", { ...given, path: "proxied" }), path: "proxied", called, peer: "alice" },
		{ name: "direct", taker: bob, open: (given) => alice.openStream("bob", { ...given, path: "direct" }), path: "direct", called, peer: "alice" },
		{ name: "to itself", taker: bob, open: (given) => bob.openStream("bob", given), path: "proxied", called, peer: "bob" },
		{
			name: "to the Coordinator",
			taker: coordinator,
			open: (given) => alice.openCoordinatorStream(given),
			path: "direct",
			called: "stream to the Coordinator",
			peer: "alice",
		},
		{ name: "from the Coordinator", taker: bob, open: (given) => coordinator.openStream("bob", given), path: "direct", called, peer: null },
	];
	return { world, alice, bob, ways };
}
