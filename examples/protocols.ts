/**
 * One Client that does several things: each stream says by its protocol what it is about, and goes to whoever handles that.
 *
 *     node --conditions=source --import tsx examples/protocols.ts
 */

import { Client, Coordinator, isConecError, jsonCodec, typed } from "conec";

const coordinator = await Coordinator.listen({ port: 0 });
const where = { coordinator: `localhost:${coordinator.address.port}`, pin: coordinator.fingerprint };

const bob = await Client.connect({
	id: "bob",
	...where,
	handlers: {
		// Given with the options, so that no stream can come before its handler.
		"echo/1": async (stream) => {
			for await (const message of stream) await stream.send(message);
			// The stream is closed when the handler's promise resolves.
		},
	},
});

// What goes wrong in a handler concerns its stream alone, and is told here.
async function tellFailures(): Promise<void> {
	for await (const status of bob.status()) if (status.type === "handler-failed") console.log(`${status.protocol} of ${status.peer} failed: ${status.error}`);
}
const telling = tellFailures();

// Others come and go while the Client runs.
const sums = bob.handle("sum/1", async (stream) => {
	const numbers = typed(stream, jsonCodec<number[]>());
	for await (const list of numbers) {
		if (list.length === 0) throw new Error("there is nothing to add");
		await numbers.send([list.reduce((sum, number) => sum + number)]);
	}
});

const alice = await Client.connect({ id: "alice", ...where });
const echo = await alice.openStream("bob", { protocol: "echo/1" });
await echo.send("hello");
await echo.close();
for await (const message of echo) console.log(`echo: ${new TextDecoder().decode(message)}`);

const sum = typed(await alice.openStream("bob", { protocol: "sum/1" }), jsonCodec<number[]>());
await sum.send([1, 2, 3]);
console.log(`sum: ${await sum.receive()}`);
await sum.send([]);
// The peer is not told what is wrong with the handler: only that the stream is reset.
await sum.receive().catch((error: unknown) => console.log(`sum: ${isConecError(error) ? error.code : error}`));

// Without a handler a stream is rejected at once. Streams that are open would go on.
sums.close();
await alice.openStream("bob", { protocol: "sum/1" }).catch((error: Error) => console.log(error.message));

await Promise.all([alice.close(), bob.close()]);
await telling;
await coordinator.close();
