/**
 * A Coordinator that says something on streams of its Clients, closes at once and lets the process end. Prints `PORT PIN`.
 * There is a Client for each word and each side that opens the stream: `WORD-here` waits for one, `WORD-there` opens one.
 */

import { Coordinator, type MessageStream } from "../../packages/conec/src/index.ts";
import { greet, WORDS } from "./words.ts";

const words = Object.keys(WORDS);
const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0 });
const streams = new Map<string, MessageStream>();
const ready = new Promise<void>((resolve) => {
	const add = async (stream: MessageStream): Promise<void> => {
		const word = (stream.peer ?? "").replace(/-(here|there)$/, "");
		await greet(stream, word);
		streams.set(stream.peer ?? "", stream);
		if (streams.size === 2 * words.length) resolve();
	};
	void (async () => {
		for await (const stream of coordinator.incomingStreams) void add(stream);
	})();
	void (async () => {
		for await (const event of coordinator.watchPeers()) {
			const peers = event.type === "members" ? event.members : event.type === "join" ? [event.peer] : [];
			for (const { id } of peers) if (id.endsWith("-here")) void coordinator.openStream(id).then(add);
		}
	})();
});
console.log(`${coordinator.address.port} ${coordinator.fingerprint}`);
await ready;
for (const [peer, stream] of streams) WORDS[peer.replace(/-(here|there)$/, "")]?.(stream);
await coordinator.close();
process.exit();
