/**
 * Socket.IO over mutual TLS, its WebSocket transport only. It has no backpressure of its own: half a MiB of credit, told by the receiver.
 *
 * @module
 */

import { once } from "node:events";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { Server, type Socket as ServerSocket } from "socket.io";
import { io, type Socket } from "socket.io-client";
import { Player } from "../../roles/carried.ts";
import type { Reading } from "../../roles/figures.ts";
import { Credit, Receipts } from "../roles/credit.ts";
import { serveStack } from "../roles/stack.ts";
import { tlsClient, tlsServer } from "../roles/tls.ts";

interface Place {
	readonly port: number;
}

/** Events of a stream: a message, a value, what the receiver has. */
const EVENTS = ["message", "value", "credit"] as const;

const kept: Socket[] = [];
const client = tlsClient();

serveStack<Place, Place>({
	hub: () =>
		serve((socket, server) => {
			const { id, to, room, mode } = socket.handshake.query as Record<string, string | undefined>;
			if (id !== undefined) void socket.join(id);
			if (room !== undefined && mode === "receive") void socket.join(room);
			else if (room !== undefined) socket.on("message", (data: Buffer) => server.to(room).emit("message", data));
			else for (const event of EVENTS) socket.on(event, (data: unknown) => socket.to(to ?? "sender").emit(event, data));
		}),
	receiver: async (hub) => {
		const place = await serve(receive);
		receive(await dial(hub, { id: "receiver" }));
		return place;
	},
	open: async (path, places, received) => {
		const socket = path === "direct" ? await dial(places.receiver) : await dial(places.hub, { id: "sender", to: "receiver" });
		const credit = new Credit();
		socket.on("credit", (bytes: number) => credit.acknowledged(bytes));
		socket.on("message", (message: Buffer) => received(message));
		return {
			push: (message) => {
				socket.emit("message", message);
				return credit.took(message.length);
			},
			pushValue: (value) => {
				socket.emit("value", value);
				return credit.took(100);
			},
		};
	},
	connect: async ({ hub }, _name, stays) => {
		const socket = await dial(hub);
		if (stays) kept.push(socket);
		return () => socket.disconnect();
	},
	broadcasts: {
		publisher: async ({ hub }, room) => {
			const socket = await dial(hub, { room, mode: "send" });
			const queue = socket.io.engine;
			return {
				trySend: (message) => {
					if (queue.writeBuffer.length > 256) return false;
					socket.emit("message", message);
					return true;
				},
				send: async (message) => {
					await new Promise<void>((resolve) => queue.once("drain", () => resolve()));
					socket.emit("message", message);
				},
			};
		},
		member: async ({ hub }, room, _index, inlet) => {
			const socket = await dial(hub, { room, mode: "receive" });
			socket.on("message", (data: Buffer) => inlet.message(data));
			socket.on("disconnect", (reason) => inlet.failed(new Error(reason)));
			return async () => {
				socket.disconnect();
			};
		},
	},
});

async function serve(onConnection: (socket: ServerSocket, server: Server) => void): Promise<Place> {
	const http = createServer(tlsServer());
	http.on("secureConnection", (socket) => socket.setNoDelay(true));
	const server = new Server(http, { transports: ["websocket"], perMessageDeflate: false, maxHttpBufferSize: 16_000_000 });
	server.on("connection", (socket) => onConnection(socket, server));
	http.listen(0, "127.0.0.1");
	await once(http, "listening");
	return { port: (http.address() as AddressInfo).port };
}

async function dial({ port }: Place, query: Record<string, string> = {}): Promise<Socket> {
	const socket = io(`https://127.0.0.1:${port}`, {
		...client,
		rejectUnauthorized: true,
		transports: ["websocket"],
		forceNew: true,
		query,
		reconnection: false,
	});
	await new Promise<void>((resolve, reject) => {
		socket.on("connect", resolve);
		socket.on("connect_error", reject);
	});
	return socket;
}

function receive(socket: Socket | ServerSocket): void {
	const receipts = new Receipts((bytes) => socket.emit("credit", bytes));
	const player = new Player((message) => socket.emit("message", message));
	socket.on("message", (message: Buffer) => {
		receipts.got(message.length);
		player.message(message);
	});
	socket.on("value", (value: Reading) => {
		receipts.got(100);
		player.value(value);
	});
}
