/**
 * A UDP relay on loopback that a test can point elsewhere, or silence, in mid-connection.
 *
 * @module
 */

import { createSocket } from "node:dgram";
import type { TestContext } from "node:test";

export interface Relay {
	readonly port: number;
	/** Where packets of the client go from here on; 0 loses everything in both directions. */
	target(port: number): void;
	/** Loses packets of more bytes from here on, in both directions, as a narrower path does. */
	narrow(mostBytes: number): void;
	/** Keeps what one side sends from here on, until the result is called: then all of it goes on, in order. */
	hold(side: "client" | "server"): () => void;
	/** Shows each packet of the client, whether it is passed on or not. */
	sees(see: (packet: Uint8Array) => void): void;
}

/** Relays between the first party that sends to it and `target`. */
export async function relay(t: TestContext, target: number): Promise<Relay> {
	const outer = createSocket("udp4");
	const inner = createSocket("udp4");
	t.after(() => {
		outer.close();
		inner.close();
	});
	await new Promise<void>((resolve) => outer.bind(0, "127.0.0.1", resolve));
	await new Promise<void>((resolve) => inner.bind(0, "127.0.0.1", resolve));
	let client = 0;
	let server = target;
	let mostBytes = 65_535;
	let see: ((packet: Uint8Array) => void) | undefined;
	const held: { client?: Uint8Array[] | undefined; server?: Uint8Array[] | undefined } = {};
	const pass = {
		client: (packet: Uint8Array): void => {
			if (server !== 0) inner.send(packet, server, "127.0.0.1");
		},
		server: (packet: Uint8Array): void => outer.send(packet, client, "127.0.0.1"),
	};
	const came = (side: "client" | "server", packet: Uint8Array): unknown => packet.length <= mostBytes && (held[side]?.push(packet) ?? pass[side](packet));
	outer.on("message", (packet, from) => {
		client = from.port;
		see?.(packet);
		came("client", packet);
	});
	inner.on("message", (packet, from) => {
		if (from.port === server) came("server", packet);
	});
	return {
		port: outer.address().port,
		target(port) {
			server = port;
		},
		narrow(bytes) {
			mostBytes = bytes;
		},
		sees(other) {
			see = other;
		},
		hold(side) {
			const packets: Uint8Array[] = [];
			held[side] = packets;
			return () => {
				held[side] = undefined;
				for (const packet of packets) pass[side](packet);
			};
		},
	};
}
