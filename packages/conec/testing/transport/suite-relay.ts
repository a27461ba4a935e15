/**
 * A UDP relay that can be cut, for transports with real sockets.
 *
 * @module
 */

import { createSocket, type Socket } from "node:dgram";
import type { Transport } from "../../src/transport/transport.ts";
import type { Route } from "./suite-fixture.ts";

/** Passes datagrams between whoever sends to its port and `target`, each sender from a port of its own. */
export async function createRelay(target: Transport): Promise<Route> {
	const outer = createSocket("udp4");
	const inner = new Map<number, Socket>();
	let open = true;
	await new Promise<void>((resolve) => outer.bind(0, "127.0.0.1", resolve));
	outer.on("message", (datagram, { port }) => {
		let socket = inner.get(port);
		if (socket === undefined) {
			socket = createSocket("udp4");
			socket.on("message", (answer) => {
				if (open) {
					outer.send(answer, port, "127.0.0.1");
				}
			});
			inner.set(port, socket);
		}
		if (open) {
			socket.send(datagram, target.address.port, "127.0.0.1");
		}
	});
	return {
		port: outer.address().port,
		cut() {
			open = false;
		},
		close() {
			outer.close();
			for (const socket of inner.values()) {
				socket.close();
			}
		},
	};
}
