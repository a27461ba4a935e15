/**
 * Opens and closes a great deal, a half at a time: `churn.ts STREAMS CONNECTS`. Prints the least that it has left behind, then
 * closes everything and has to end by itself. Needs --expose-gc.
 */

import { Client, Coordinator, type MessageStream } from "../../../packages/conec/src/index.ts";
import { echo } from "../../../packages/conec/testing/echo.ts";
import { leastLeftBehind } from "./left-behind.ts";

const [streamCount = 10_000, connectCount = 1_000] = process.argv.slice(2).map(Number);
/** More at a time would make it a test of `streamsPerPair`. */
const PER_PEER = 5;

const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0 });
const where = { coordinator: `localhost:${coordinator.address.port}`, address: `127.0.0.1:${coordinator.address.port}`, pin: coordinator.fingerprint };
const peers = await Promise.all(["a", "b", "c", "d", "e", "f"].map((id) => Client.connect({ reconnect: false, id, ...where })));
const opener = peers[0] as Client;
for (const one of [...peers, coordinator]) echo(one);

async function streams(count: number): Promise<void> {
	let left = count;
	const one = async (open: () => Promise<MessageStream>): Promise<void> => {
		while (left-- > 0) {
			const stream = await open();
			await stream.send("there and back");
			await stream.receive();
			await stream.close();
			await stream.receive();
			await stream.closed;
		}
	};
	const ways = [...peers.map((peer) => () => opener.openStream(peer.id)), () => opener.openCoordinatorStream(), () => coordinator.openStream("a")];
	await Promise.all(ways.flatMap((open) => Array.from({ length: PER_PEER }, () => one(open))));
}

async function connects(count: number): Promise<void> {
	let left = count;
	await Promise.all(
		Array.from({ length: 10 }, async (_, i) => {
			while (left-- > 0) {
				const client = await Client.connect({ reconnect: false, id: `n${i}`, ...where });
				for await (const event of client.watchPeers()) if (event.type === "members") break;
				await Promise.all([client.peers(), client.updateMetadata(left)]);
				await client.close();
			}
		}),
	);
}

// What is compiled and kept for good has to be there before it counts.
await streams(streamCount / 10);
await connects(connectCount / 5);
const left = {
	streams: await leastLeftBehind(coordinator, () => streams(streamCount / 2)),
	connects: await leastLeftBehind(coordinator, () => connects(connectCount / 2)),
};
console.log(JSON.stringify(left));
await Promise.all(peers.map((peer) => peer.close()));
await coordinator.close();
console.log("closed");
