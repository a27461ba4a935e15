/**
 * A Client that answers every message with itself, and one that talks to it. All in one process, for the sake of the example.
 *
 *     node --conditions=source --import tsx examples/echo.ts
 */

import { Client, Coordinator, type MessageStream } from "conec";

const coordinator = await Coordinator.listen({ port: 0 });
// Without a CA, the fingerprint of the Coordinator's key is what a Client trusts; carry it over by a way you trust.
const where = { coordinator: `localhost:${coordinator.address.port}`, pin: coordinator.fingerprint };
const [echo, alice] = await Promise.all([Client.connect({ id: "echo", ...where }), Client.connect({ id: "alice", ...where })]);

async function answer(stream: MessageStream): Promise<void> {
	// The next message is only read once there was room to send the last one back: that is all there is to backpressure.
	for await (const message of stream) await stream.send(message);
	await stream.close();
}

async function serve(): Promise<void> {
	// Streams are served side by side; a failed one concerns nobody else. The loop ends when the Client closes.
	for await (const stream of echo.incomingStreams) {
		answer(stream).catch((error: Error) => console.error(`stream ${stream.id} from ${stream.peer}: ${error.message}`));
	}
}
const serving = serve();

const stream = await alice.openStream("echo");
await stream.send("one");
await stream.send("two");
// Finish writing first: the echo ends its side when it has seen the end of ours.
await stream.close();
for await (const message of stream) console.log(`echo: ${new TextDecoder().decode(message)}`);

await Promise.all([alice.close(), echo.close()]);
await serving;
await coordinator.close();
