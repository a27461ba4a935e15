/**
 * The Coordinator takes part: Clients ask it the time on streams of their own, and it tells one of them some news.
 *
 *     node --conditions=source --import tsx examples/coordinator-stream.ts
 */

import { Client, Coordinator } from "conec";

const coordinator = await Coordinator.listen({ port: 0 });
const alice = await Client.connect({ id: "alice", reconnect: false, coordinator: `localhost:${coordinator.address.port}`, pin: coordinator.fingerprint });

async function tellTheTime(): Promise<void> {
	for await (const stream of coordinator.incomingStreams) {
		// `peer` is the id that the connection proved, not something that the stream claims.
		await stream.send(`${stream.peer}, it is ${new Date().toISOString()}`);
		await stream.close();
	}
}
const telling = tellTheTime();

const question = await alice.openCoordinatorStream();
const answer = await question.receive();
console.log(answer === null ? "no answer" : new TextDecoder().decode(answer));
await question.close();

async function hearNews(): Promise<void> {
	for await (const stream of alice.incomingStreams) {
		// Streams of the Coordinator have no peer.
		for await (const news of stream) console.log(`${stream.peer ?? "the Coordinator"} says: ${new TextDecoder().decode(news)}`);
		return stream.close();
	}
}
const hearing = hearNews();
const news = await coordinator.openStream("alice");
await news.send("the kettle boils");
await news.close();
await hearing;

// Stopping the Coordinator tells its Clients. One that does not come back has ended then: `closed` says why, and never rejects.
await coordinator.close();
await telling;
console.log(`alice: ${(await alice.closed).reason}`);
