/**
 * nats.js on connections with mutual TLS to a `nats-server`, which the parent starts. Core NATS has no backpressure: half a MiB of credit, told by the receiver.
 *
 * @module
 */

import { connect, type NatsConnection } from "@nats-io/transport-node";
import { Player } from "../../roles/carried.ts";
import { Credit, Receipts } from "../roles/credit.ts";
import { serveStack } from "../roles/stack.ts";
import { tlsClient } from "../roles/tls.ts";

interface Hub {
	readonly port: number;
}

let connection: NatsConnection | undefined;
const tls = tlsClient();
const kept: NatsConnection[] = [];

function dial({ port }: Hub): Promise<NatsConnection> {
	return connect({ servers: `127.0.0.1:${port}`, tls: { cert: tls.cert, key: tls.key, ca: tls.ca }, reconnect: false });
}

serveStack<Hub, void>({
	receiver: async (hub) => {
		const one = await dial(hub);
		connection = one;
		const player = new Player((message) => one.publish("sender", message));
		const receipts = new Receipts((bytes) => one.publish("credit", bytes8(bytes)));
		one.subscribe("receiver", {
			callback: (_error, { data }) => {
				receipts.got(data.length);
				player.message(data);
			},
		});
		await one.flush();
	},
	sender: async ({ hub }) => {
		connection = await dial(hub);
	},
	open: async (_path, _places, received) => {
		if (connection === undefined) throw new Error("not connected");
		const one = connection;
		const credit = new Credit();
		one.subscribe("sender", { callback: (_error, { data }) => received(data) });
		one.subscribe("credit", { callback: (_error, { data }) => credit.acknowledged(new DataView(data.buffer, data.byteOffset).getFloat64(0)) });
		await one.flush();
		return {
			push: (message) => {
				one.publish("receiver", message);
				return credit.took(message.length);
			},
		};
	},
	connect: async ({ hub }, _name, stays) => {
		const one = await dial(hub);
		if (stays) kept.push(one);
		return () => one.close();
	},
	broadcasts: {
		publisher: async ({ hub }, subject) => {
			const one = await dial(hub);
			return {
				trySend: (message) => {
					one.publish(subject, message);
					return true;
				},
				send: async (message) => one.publish(subject, message),
			};
		},
		member: async ({ hub }, subject, _index, inlet) => {
			const one = await dial(hub);
			one.subscribe(subject, { callback: (error, { data }) => (error === null ? inlet.message(data) : inlet.failed(error)) });
			await one.flush();
			void one.closed().then((reason) => inlet.failed(reason ?? new Error("the server closed the connection")));
			return () => one.close();
		},
	},
});

function bytes8(value: number): Uint8Array {
	const bytes = new Uint8Array(8);
	new DataView(bytes.buffer).setFloat64(0, value);
	return bytes;
}
