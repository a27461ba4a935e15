/** Clients that end in every phase of direct channels, in every way, and then the process has to end by itself. Prints a line before that. */

import { Client, type ClientOptions, Coordinator } from "../../../packages/conec/src/index.ts";

const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0 });
const where = { coordinator: `localhost:${coordinator.address.port}`, address: `127.0.0.1:${coordinator.address.port}`, pin: coordinator.fingerprint };
const connect = (id: string, options: Partial<ClientOptions> = {}): Promise<Client> =>
	Client.connect({ id, localAddress: "127.0.0.1", reconnect: false, ...where, ...options });
const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
const ignore = (): void => undefined;

/** Its application never says whether it wants a channel. */
const undecided = await connect("undecided", { acceptChannel: () => new Promise<boolean>(ignore) });
const clients: Client[] = [undecided];
for (const [how, end] of [
	["close", (client: Client) => client.close()],
	["destroy", (client: Client) => Promise.resolve(client.destroy())],
] as const) {
	for (const ms of [0, 1, 3, 6, 12]) {
		const [from, to] = await Promise.all([connect(`${how}-${ms}-from`), connect(`${how}-${ms}-to`)]);
		clients.push(to);
		// One that waits for an answer, one that is at any phase after so many milliseconds, by both sides, and auto streams.
		from.openChannel("undecided").catch(ignore);
		from.openChannel(to.id).catch(ignore);
		to.openChannel(from.id).catch(ignore);
		from.openStream(to.id).catch(ignore);
		await pause(ms);
		await end(from);
	}
}
/** With live channels and streams, when the Coordinator goes without a word. */
const [left, right] = await Promise.all([connect("left"), connect("right")]);
await left.openChannel("right");
const stream = await left.openStream("right", { path: "direct" });
void stream.receive().catch(ignore);
left.openChannel("undecided").catch(ignore);
coordinator.destroy();
await Promise.all(clients.map((client) => client.closed));
// The Coordinator's end has ended all but the two that reach each other directly.
right.destroy();
await Promise.all([left.closed, right.closed]);
console.log("closed");
