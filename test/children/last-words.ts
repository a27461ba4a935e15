/**
 * Clients that say something on a stream, close at once and let the process end: `last-words.ts COORDINATOR PIN PATH PREFIX`.
 * PATH is `direct`, `proxied` or `coordinator`. Prints the ids of the Clients that want a stream opened to them.
 */

import { Client, type MessageStream } from "../../packages/conec/src/index.ts";

const [coordinator = "", pin = "", path = "", prefix = ""] = process.argv.slice(2);

/** What is said, with a code that tells who said it. */
const WORDS: Readonly<Record<string, (stream: MessageStream) => void>> = {
	reset: (stream) => stream.reset(7),
	stop: (stream) => stream.stop(7),
	both: (stream) => {
		stream.reset(7);
		stream.stop(7);
	},
	"stop-after-end": (stream) => stream.stop(7),
	end: (stream) => {
		for (let i = 0; i < 3; i++) stream.trySend(`last ${i}`);
		void stream.close().catch(() => undefined);
	},
};

async function speak(word: string, opener: string): Promise<void> {
	const client = await Client.connect({ id: `${prefix}-${word}-${opener}`, localAddress: "127.0.0.1", coordinator, pin });
	const metadata = { word };
	let stream: MessageStream;
	if (opener === "here") {
		stream = path === "coordinator" ? await client.openCoordinatorStream({ metadata }) : await client.openStream("alice", { path: path as "direct", metadata });
	} else {
		console.log(`wants ${client.id}`);
		stream = (await client.incomingStreams[Symbol.asyncIterator]().next()).value as MessageStream;
	}
	await stream.send("hello");
	await stream.receive();
	if (word === "stop-after-end") await endWhileReading(stream);
	WORDS[word]?.(stream);
	await client.close();
}

/** The acknowledgement of the end comes behind the messages that are on their way here. */
async function endWhileReading(stream: MessageStream): Promise<void> {
	let ended = false;
	const ending = stream.close().then(() => {
		ended = true;
	});
	while (!ended) await Promise.race([ending, stream.receive()]);
}

await Promise.all(Object.keys(WORDS).flatMap((word) => ["here", "there"].map((opener) => speak(word, opener))));
process.exit();
