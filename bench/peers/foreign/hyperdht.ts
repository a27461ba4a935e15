/**
 * hyperdht: encrypted direct connections (Noise over UDX), found through a DHT of three nodes on loopback. Nothing in the middle carries messages.
 *
 * @module
 */

import { once } from "node:events";
import type { Duplex } from "node:stream";
import DHT from "hyperdht";
import createTestnet from "hyperdht/testnet.js";
import { KIND, Player } from "../../roles/carried.ts";
import { serveStack } from "../roles/stack.ts";

interface Hub {
	readonly bootstrap: unknown;
}

interface There {
	readonly publicKey: string;
}

let node: DHT | undefined;
/** Connections that came in: the members, where this process publishes. */
const accepted: Duplex[] = [];
const kept: Duplex[] = [];

serveStack<Hub, There>({
	hub: async () => ({ bootstrap: (await createTestnet(3)).bootstrap }),
	receiver: async (hub) => {
		const pair = DHT.keyPair();
		await nodeOf(hub)
			.createServer((socket) => {
				socket.on("error", () => socket.destroy());
				const player = new Player((message) => socket.write(message));
				socket.on("data", (message: Buffer) => player.message(message));
				accepted.push(socket);
			})
			.listen(pair);
		return { publicKey: pair.publicKey.toString("hex") };
	},
	open: async (_path, places, received) => {
		const socket = await dial(places.hub, places.receiver);
		socket.on("data", received);
		return { push: (message) => (socket.write(message) ? undefined : once(socket, "drain")) };
	},
	connect: async (places, _name, stays) => {
		const socket = await dial(places.hub, places.receiver);
		if (stays) kept.push(socket);
		return async () => {
			const closed = once(socket, "close");
			socket.destroy();
			await closed;
		};
	},
	broadcasts: {
		// One that listens and writes to all who dialled it.
		publisher: async () => {
			let drains: Promise<unknown>[] = [];
			const spread = (message: Uint8Array): void => {
				for (const socket of accepted) if (!socket.write(message)) drains.push(once(socket, "drain"));
			};
			return {
				trySend: (message) => {
					if (drains.length > 0) return false;
					spread(message);
					return true;
				},
				send: async (message) => {
					await Promise.all(drains);
					drains = [];
					spread(message);
				},
			};
		},
		member: async (places, _name, _index, inlet) => {
			const socket = await dial(places.hub, places.receiver);
			// Its echo says that the other side has the connection.
			socket.write(Buffer.of(KIND.echo));
			await once(socket, "data");
			socket.on("data", (data: Buffer) => inlet.message(data));
			socket.on("close", () => inlet.failed(new Error("the connection closed")));
			return async () => {
				socket.destroy();
			};
		},
	},
});

function nodeOf({ bootstrap }: Hub): DHT {
	node ??= new DHT({ bootstrap, host: "127.0.0.1", firewalled: false });
	return node;
}

async function dial(hub: Hub, { publicKey }: There): Promise<Duplex> {
	const socket = nodeOf(hub).connect(Buffer.from(publicKey, "hex"));
	await once(socket, "open");
	socket.on("error", () => socket.destroy());
	return socket;
}
