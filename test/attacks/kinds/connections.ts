/**
 * Attacks by connections and by packets.
 *
 * @module
 */

import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { type Army, sleep, turn } from "../army.ts";
import type { Kind } from "./kind.ts";

/** Datagrams as fast as the socket takes them. */
function datagrams(make: () => Uint8Array): Kind["attack"] {
	return async (army: Army) => {
		const { address, port } = army.orders.target;
		const socket = createSocket({ type: address.includes(":") ? "udp6" : "udp4", sendBufferSize: 1_048_576 });
		socket.on("error", () => undefined);
		socket.on("message", () => undefined);
		let waiting = 0;
		while (!army.over) {
			for (let i = 0; i < 64 && waiting < 512; i++) {
				waiting++;
				army.acts++;
				socket.send(make(), port, address, () => void waiting--);
			}
			await turn();
		}
		socket.close();
	};
}

/** Connects that never say hello, as many as are let in. */
const silentConnects: Kind["attack"] = (army) =>
	army.inParallel(32, async (number) => {
		await army.dial(number);
		await sleep(1);
	});

export const CONNECTION_KINDS: readonly Kind[] = [
	{
		name: "connects",
		does: "connects that are welcome and leave at once, 32 at a time",
		holds: "connections take turns; honest ones come in",
		attack: (army) =>
			army.inParallel(32, async (number) => {
				const client = await army.enter(number);
				client?.connection.close(0);
			}),
	},
	{
		name: "supersedes",
		does: "each key connects again and again under one name, and so ends its own older connection",
		holds: "ID_CONTENDED after three in 10 s",
		attack: (army) => army.inParallel(32, async (number) => void (await army.enter(number, { id: `again-${number % army.orders.keys}` }))),
	},
	{
		name: "silent-connects",
		does: "connects that never say hello, as many as are let in",
		holds: "256 at once, each for 5 s; honest ones come in",
		attack: silentConnects,
	},
	{
		name: "silent-connects-elsewhere",
		does: "the same from one network that is not loopback",
		holds: "16 at once from one address, and 96 more with address tokens; honest ones come in",
		world: { sources: "one /24" },
		attack: silentConnects,
	},
	{
		name: "raw-datagrams",
		does: "datagrams beside QUIC: 9 to 40 random bytes whose first one says so",
		holds: "256 in a turn, the rest is dropped",
		attack: datagrams(() => {
			const bytes = randomBytes(9 + Math.floor(Math.random() * 32));
			bytes[0] = (bytes[0] as number) & 0x3f;
			return bytes;
		}),
	},
	{
		name: "garbage-datagrams",
		does: "random bytes of 1,200 bytes that look like first packets of QUIC",
		holds: "dropped by the I/O thread",
		attack: datagrams(() => {
			const bytes = randomBytes(1_200);
			bytes.set([0xc3, 0, 0, 0, 1, 8]);
			return bytes;
		}),
	},
];
