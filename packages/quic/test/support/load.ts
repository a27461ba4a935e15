/**
 * A server and a client in one thread that keep each other busy with streams, pipes, datagrams and raw datagrams.
 *
 * @module
 */

import { type Connection, Endpoint, type IncomingStream, pipe, type StreamHandler } from "../../src/index.ts";
import { issue } from "./certificates.ts";

/** Echoes, and sends on whatever comes back, for ever. */
class Echo implements StreamHandler {
	send: (kind: number, payload: Uint8Array) => void = () => {};
	done: (bytes: number) => void = () => {};
	onFrame: () => void = () => {};

	frame(kind: number, payload: Uint8Array): void {
		this.done(payload.length);
		this.send(kind, payload);
		this.onFrame();
	}

	end(): void {}
	reset(): void {}
	stopped(): void {}
	drained(): void {}
	finished(): void {}
	lost(): void {}
}

export interface Load {
	readonly server: Endpoint;
	readonly client: Endpoint;
	frames(): number;
}

/** Resolves once everything is moving. */
export async function startLoad(): Promise<Load> {
	const identity = issue();
	const server = Endpoint.bind({ host: "127.0.0.1", port: 0, rawDatagrams: true });
	const client = Endpoint.bind({ host: "127.0.0.1", port: 0, rawDatagrams: true });
	server.listen({ identity: identity.identity, clientTrust: {}, alpnProtocols: ["load"] });
	const accepted: Connection[] = [];
	server.onConnection = (connection) => {
		connection.confirm();
		accepted.push(connection);
		connection.onDatagram = (data) => connection.sendDatagram(data);
		connection.onStream = (stream) => (stream.kind === 9 ? proxied(stream, connection) : echoed(stream));
	};
	const { address, port } = server.address;
	const connection = await client.connect({
		address,
		port,
		serverName: "x",
		trust: { pinnedKeys: [identity.keyPin] },
		identity: identity.identity,
		alpnProtocols: ["load"],
	});
	connection.onStream = echoed;
	connection.onDatagram = (data) => connection.sendDatagram(data);
	connection.sendDatagram(Buffer.alloc(100));
	server.onRaw = (data, from) => server.sendRaw(data, from);
	client.onRaw = (data, from) => client.sendRaw(data, from);
	client.sendRaw(Buffer.from([1, 2, 3]), server.address);
	let frames = 0;
	const moving = new Promise<void>((resolve) => {
		for (let i = 0; i < 8; i++) {
			const echo = new Echo();
			echo.onFrame = () => {
				if (++frames === 200) resolve();
			};
			const stream = connection.openStream(echo, {}, { kind: i % 4 === 3 ? 9 : 1, payload: Buffer.alloc(0) });
			echo.send = (kind, payload) => stream.write(kind, payload);
			echo.done = (bytes) => stream.consumed(bytes);
			for (const size of [64, 1_000, 60_000]) for (let k = 0; k < 4; k++) stream.write(0, Buffer.alloc(size));
		}
	});
	await moving;
	return { server, client, frames: () => frames };
}

function echoed(incoming: IncomingStream): void {
	const echo = new Echo();
	const stream = incoming.accept(echo);
	echo.send = (kind, payload) => stream.write(kind, payload);
	echo.done = (bytes) => stream.consumed(bytes);
}

function proxied(incoming: IncomingStream, back: Connection): void {
	pipe(incoming, back.openHeldStream({ kind: 1, payload: incoming.payload }), 1).catch(() => {});
}
