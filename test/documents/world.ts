/**
 * What the TypeScript blocks of the pages find: a Coordinator in memory, alice, and bob, who sends everything back.
 *
 * @module
 */

import { format } from "node:util";
import type { Client, Coordinator, MessageStream } from "conec";
import { createTestNetwork, type TestNetwork } from "conec/testing";

/** See the module. */
export interface World {
	readonly network: TestNetwork;
	readonly coordinator: Coordinator;
	/** Its id is "alice". */
	readonly client: Client;
	readonly alice: Client;
	readonly bob: Client;
	/** From alice to bob, who sends back what comes. */
	readonly stream: MessageStream;
	/** Takes the place of the global one. */
	readonly console: Pick<Console, "log" | "warn" | "error">;
}

/** Makes one. `print` gets what is printed. */
export async function createWorld(print: (text: string) => void): Promise<World> {
	const network = createTestNetwork();
	const coordinator = await network.listen();
	const [client, bob] = await Promise.all([network.connect({ id: "alice" }), network.connect({ id: "bob" })]);
	void echo(bob).catch(() => undefined);
	const stream = await client.openStream("bob", { path: "proxied" });
	return { network, coordinator, client, alice: client, bob, stream, console: consoleOf(print) };
}

/** A console that prints into a test. */
export function consoleOf(print: (text: string) => void): World["console"] {
	const tell = (...values: unknown[]): void => print(format(...values.map((value) => (value instanceof Uint8Array ? new TextDecoder().decode(value) : value))));
	return { log: tell, warn: tell, error: tell };
}

async function echo(bob: Client): Promise<void> {
	for await (const stream of bob.incomingStreams) void answer(stream).catch(() => undefined);
}

async function answer(stream: MessageStream): Promise<void> {
	for await (const message of stream) await stream.send(message);
	await stream.close();
}
