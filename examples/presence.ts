/**
 * Who is here: one Client keeps a list of the others that is always right, while they come, say something else about themselves, and go.
 *
 *     node --conditions=source --import tsx examples/presence.ts
 */

import { Client, Coordinator, type PeerInfo } from "conec";

const coordinator = await Coordinator.listen({ port: 0 });
const where = { coordinator: `localhost:${coordinator.address.port}`, pin: coordinator.fingerprint };
const alice = await Client.connect({ id: "alice", ...where });

const here = new Map<string, PeerInfo>();
async function watch(): Promise<void> {
	for await (const event of alice.watchPeers()) {
		switch (event.type) {
			case "members":
				// First of all, and again if this loop was too slow to be told everything.
				here.clear();
				for (const peer of event.members) here.set(peer.id, peer);
				console.log(`here: ${[...here.keys()].join(", ")}`);
				break;
			case "join":
			case "update":
				// What a Client says about itself is its own word; id and fingerprint are not.
				here.set(event.peer.id, event.peer);
				console.log(`${event.type}: ${event.peer.id} ${JSON.stringify(event.peer.metadata)}`);
				break;
			case "leave":
				here.delete(event.peer.id);
				console.log(`leave: ${event.peer.id}`);
				if (event.peer.id === "bob") return;
		}
	}
}
const watching = watch();
// The list of this moment is enough for many programs; it waits for nobody.
console.log(`peers: ${(await alice.peers()).map(({ id }) => id).join(", ")}`);

const bob = await Client.connect({ id: "bob", metadata: { status: "at lunch" }, ...where });
await bob.updateMetadata({ status: "back" });
await bob.close();

await watching;
await alice.close();
await coordinator.close();
