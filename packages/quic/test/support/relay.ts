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
	/** Keeps what the client sends from here on, until the result is called: then all of it goes on, in order. */
	hold(): () => void;
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
	let held: Uint8Array[] | undefined;
	const pass = (packet: Uint8Array): void => {
		if (server !== 0) inner.send(packet, server, "127.0.0.1");
	};
	outer.on("message", (packet, from) => {
		client = from.port;
		if (held === undefined) pass(packet);
		else held.push(packet);
	});
	inner.on("message", (packet, from) => {
		if (from.port === server) outer.send(packet, client, "127.0.0.1");
	});
	return {
		port: outer.address().port,
		target(port) {
			server = port;
		},
		hold() {
			held = [];
			return () => {
				const packets = held ?? [];
				held = undefined;
				for (const packet of packets) pass(packet);
			};
		},
	};
}
