/**
 * `ws` over mutual TLS. Direct: a server at the receiver. Proxied, and broadcasts: a server in the middle that forwards.
 *
 * @module
 */

import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { type RawData, WebSocket, WebSocketServer } from "ws";
import { Player } from "../../roles/carried.ts";
import { HIGH_WATER } from "../roles/credit.ts";
import { serveStack } from "../roles/stack.ts";
import { tlsClient, tlsServer } from "../roles/tls.ts";

interface Place {
	readonly port: number;
}

const kept: WebSocket[] = [];
const client = tlsClient();

serveStack<Place, Place>({
	hub: async () => {
		const named = new Map<string, WebSocket>();
		const rooms = new Map<string, Set<WebSocket>>();
		return serve((socket, query) => {
			const [id, to, room, mode] = ["id", "to", "room", "mode"].map((name) => query.get(name) ?? undefined);
			if (id !== undefined) named.set(id, socket);
			if (room !== undefined && mode === "receive") rooms.set(room, (rooms.get(room) ?? new Set()).add(socket));
			else if (room !== undefined) socket.on("message", (data: Buffer) => spread(rooms.get(room) ?? new Set(), data));
			else socket.on("message", (data: Buffer) => forward(socket, named.get(to ?? "sender"), data));
		});
	},
	receiver: async (hub) => {
		const receive = (socket: WebSocket): void => {
			const player = new Player((message) => socket.send(message));
			socket.on("message", (data: Buffer) => player.message(data));
		};
		const place = await serve(receive);
		receive(await dial(hub, { id: "receiver" }));
		return place;
	},
	open: async (path, places, received) => {
		const socket = path === "direct" ? await dial(places.receiver, {}) : await dial(places.hub, { id: "sender", to: "receiver" });
		socket.on("message", (data: Buffer) => received(data));
		return { push: (message) => push(socket, message) };
	},
	connect: async ({ hub }, _name, stays) => {
		const socket = await dial(hub, {});
		if (stays) kept.push(socket);
		return async () => {
			socket.close();
			await once(socket, "close");
		};
	},
	broadcasts: {
		publisher: async ({ hub }, room) => {
			const socket = await dial(hub, { room, mode: "send" });
			return {
				trySend: (message) => {
					if (socket.bufferedAmount >= HIGH_WATER) return false;
					socket.send(message);
					return true;
				},
				send: (message) => new Promise<void>((resolve) => socket.send(message, () => resolve())),
			};
		},
		member: async ({ hub }, room, _index, inlet) => {
			const socket = await dial(hub, { room, mode: "receive" });
			socket.on("message", (data: RawData) => inlet.message(data as Buffer));
			socket.on("close", () => inlet.failed(new Error("the server closed the connection")));
			return async () => socket.terminate();
		},
	},
});

async function serve(onConnection: (socket: WebSocket, query: URLSearchParams) => void): Promise<Place> {
	const server = createServer(tlsServer());
	new WebSocketServer({ server, perMessageDeflate: false }).on("connection", (socket, request) => {
		socket.on("error", () => socket.terminate());
		request.socket.setNoDelay(true);
		onConnection(socket, new URL(request.url ?? "/", "wss://localhost").searchParams);
	});
	server.listen(0, "127.0.0.1");
	await once(server, "listening");
	return { port: (server.address() as AddressInfo).port };
}

async function dial({ port }: Place, query: Record<string, string>): Promise<WebSocket> {
	const socket = new WebSocket(`wss://127.0.0.1:${port}/?${new URLSearchParams(query)}`, { ...client, perMessageDeflate: false });
	await once(socket, "open");
	socket.on("error", () => socket.terminate());
	return socket;
}

/** Sends; a promise when so much waits that the next should. */
function push(socket: WebSocket, message: Uint8Array): Promise<void> | undefined {
	if (socket.bufferedAmount < HIGH_WATER) {
		socket.send(message);
		return undefined;
	}
	return new Promise((resolve) => socket.send(message, () => resolve()));
}

/** A reader that is slow holds up its writer. */
function forward(from: WebSocket, to: WebSocket | undefined, data: Buffer): void {
	if (to === undefined) return;
	if (to.bufferedAmount < HIGH_WATER) {
		to.send(data);
	} else {
		from.pause();
		to.send(data, () => from.resume());
	}
}

function spread(members: ReadonlySet<WebSocket>, data: Buffer): void {
	for (const member of members) member.send(data);
}
