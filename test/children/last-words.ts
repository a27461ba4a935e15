/**
 * Clients that say something on a stream, close at once and let the process end: `last-words.ts COORDINATOR PIN PATH PREFIX RESUMABLE`.
 * PATH is `direct`, `proxied` or `coordinator`. Prints the ids of the Clients that want a stream opened to them.
 */

import { Client, type MessageStream } from "../../packages/conec/src/index.ts";
import { greet, openAgain, WORDS } from "./words.ts";

const [coordinator = "", pin = "", path = "", prefix = "", isResumable = "false"] = process.argv.slice(2);
const resumable = isResumable === "true";

async function speak(word: string, opener: string): Promise<void> {
	const client = await Client.connect({ id: `${prefix}-${word}-${opener}`, localAddress: "127.0.0.1", coordinator, pin });
	const metadata = { word };
	let stream: MessageStream;
	if (opener === "here") {
		stream =
			path === "coordinator"
				? await client.openCoordinatorStream({ metadata, resumable })
				: await openAgain(() => client.openStream("alice", { path: path as "direct", metadata, resumable }));
	} else {
		console.log(`wants ${client.id}`);
		stream = (await client.incomingStreams[Symbol.asyncIterator]().next()).value as MessageStream;
	}
	await greet(stream, word);
	WORDS[word]?.(stream);
	await client.close();
}

await Promise.all(Object.keys(WORDS).flatMap((word) => ["here", "there"].map((opener) => speak(word, opener))));
process.exit();
