/**
 * Two people talk at the same time over one stream, each until they have nothing more to say.
 *
 *     node --conditions=source --import tsx examples/chat.ts
 */

import { Client, Coordinator, type MessageStream } from "conec";

const coordinator = await Coordinator.listen({ port: 0 });
const where = { coordinator: `localhost:${coordinator.address.port}`, pin: coordinator.fingerprint };
const [alice, bob] = await Promise.all([Client.connect({ id: "alice", ...where }), Client.connect({ id: "bob", ...where })]);

async function talk(stream: MessageStream, lines: readonly string[]): Promise<void> {
	for (const line of lines) await stream.send(line);
	// Ends our half only; we go on hearing the other. Resolves when every line is in the other's process.
	await stream.close();
}

async function listen(me: string, stream: MessageStream): Promise<void> {
	for await (const line of stream) console.log(`${me} hears ${stream.peer}: ${new TextDecoder().decode(line)}`);
	console.log(`${me}: ${stream.peer} has no more to say`);
}

async function converse(me: string, stream: MessageStream, lines: readonly string[]): Promise<void> {
	// Both at once: who only spoke until done and then listened could make both wait for each other.
	await Promise.all([talk(stream, lines), listen(me, stream)]);
}

async function nextStream(client: Client): Promise<MessageStream> {
	for await (const stream of client.incomingStreams) return stream;
	throw new Error("closed before anybody called");
}

await Promise.all([
	nextStream(bob).then((stream) => {
		console.log(`bob: ${stream.peer} calls about ${JSON.stringify(stream.metadata)}`);
		return converse("bob", stream, ["hello alice", "at eight"]);
	}),
	// Metadata comes with the stream itself, so the peer knows what it is before it reads.
	alice.openStream("bob", { metadata: { subject: "dinner" } }).then((stream) => converse("alice", stream, ["hello bob", "when?", "see you"])),
]);

await Promise.all([alice.close(), bob.close()]);
await coordinator.close();
