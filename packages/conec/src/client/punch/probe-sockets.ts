/**
 * The many sockets of the birthday method. Each gets its own port at a symmetric NAT. They only probe. The one that meets the peer
 * gives its port to a transport.
 *
 * @module
 */

import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import type { SocketAddress } from "../../transport/transport.ts";
import { canonicalIp } from "../../wire/ip-address.ts";

/** Called with what comes to an extra socket. Sockets are numbered from 1. */
export type ProbeListener = (socket: number, data: Uint8Array, from: SocketAddress) => void;

/** See {@link openProbeSockets}. */
export interface ProbeSockets {
	/** Sends from one of them. Whether the network delivers it is not known. */
	send(socket: number, data: Uint8Array, to: SocketAddress): void;
	/** Closes one and returns the port that it had, so that another socket can go on with its mapping. */
	release(socket: number): Promise<number>;
	/** Closes all. */
	close(): void;
}

/** Binds this many UDP sockets at `host`, or as many as the system gives. Never rejects. */
export async function openProbeSockets(count: number, host: string, listener: ProbeListener): Promise<ProbeSockets & { readonly opened: number }> {
	const sockets = (await Promise.all(Array.from({ length: count }, () => bound(host)))).filter((socket) => socket !== undefined);
	for (const [index, socket] of sockets.entries()) {
		socket.on("message", (data, { address, port }) => listener(index + 1, data, { address: canonicalIp(address) ?? address, port }));
	}
	const open = new Set(sockets);
	return {
		opened: sockets.length,
		send(index, data, { address, port }) {
			const socket = sockets[index - 1];
			if (socket === undefined || !open.has(socket)) return;
			const to = isIPv6(host) && !isIPv6(address) ? `::ffff:${address}` : address;
			socket.send(data, port, to, () => undefined);
		},
		release(index) {
			const socket = sockets[index - 1];
			if (socket === undefined || !open.delete(socket)) return Promise.resolve(0);
			const { port } = socket.address();
			return new Promise((resolve) => socket.close(() => resolve(port)));
		},
		close() {
			for (const socket of open) socket.close();
			open.clear();
		},
	};
}

function bound(host: string): Promise<Socket | undefined> {
	return new Promise((resolve) => {
		const socket = createSocket({ type: isIPv6(host) ? "udp6" : "udp4" });
		socket.once("error", () => {
			socket.close();
			resolve(undefined);
		});
		socket.bind({ port: 0, address: host, exclusive: true }, () => {
			socket.removeAllListeners("error");
			// If a destination cannot be reached, the error comes later. It counts as a lost packet.
			socket.on("error", () => undefined);
			resolve(socket);
		});
	});
}
