/**
 * iroh (`@number0/iroh`): QUIC by public key, relays off, loopback addresses. Its JavaScript takes and gives arrays of numbers.
 *
 * @module
 */

import iroh, { type BiStream, type Connection, type Endpoint as EndpointType } from "@number0/iroh";
import { KIND, Player } from "../../roles/carried.ts";
import { frame, Unframer } from "../roles/frames.ts";
import { serveStack } from "../roles/stack.ts";

const { Endpoint, EndpointAddr, EndpointId, RelayMode } = iroh;

interface There {
	readonly id: string;
	readonly addresses: readonly string[];
}

const ALPN = [...Buffer.from("conec-bench/1")];
const kept: unknown[] = [];
/** Streams that came in: those of the members, where this process publishes. */
const accepted: BiStream["send"][] = [];
/** The endpoint of all connections that stay. */
let shared: Promise<EndpointType> | undefined;

serveStack<unknown, There>({
	receiver: async () => {
		const endpoint = await start();
		void accept(endpoint);
		return { id: endpoint.id().toString(), addresses: endpoint.boundSockets().filter((address) => address.startsWith("127.")) };
	},
	open: async (_path, { receiver }, received) => {
		const { send } = await stream(await dialler(), receiver, received);
		return { push: (message) => send.writeAll([...frame(message)]) };
	},
	connect: async ({ receiver }, _name, stays) => {
		const endpoint = stays ? await dialler() : await start();
		const connection = await dial(endpoint, receiver);
		if (stays) kept.push(connection);
		return async () => {
			connection.close(0n, []);
			await endpoint.close();
		};
	},
	broadcasts: {
		// One that listens and writes to all who dialled it.
		publisher: async () => {
			const spread = async (message: Uint8Array): Promise<void> => {
				const bytes = [...frame(message)];
				await Promise.all(accepted.map((send) => send.writeAll(bytes)));
			};
			return { trySend: () => false, send: spread };
		},
		member: async ({ receiver }, _name, _index, inlet) => {
			let here: () => void = () => undefined;
			const echoed = new Promise<void>((resolve) => {
				here = resolve;
			});
			const { send } = await stream(await dialler(), receiver, (data) => (data.length === 1 ? here() : inlet.message(data)));
			// Its echo says that the other side has the stream.
			await send.writeAll([...frame(Uint8Array.of(KIND.echo))]);
			await echoed;
			return async () => undefined;
		},
	},
});

async function start(): Promise<EndpointType> {
	const builder = Endpoint.builder();
	builder.applyMinimal();
	builder.relayMode(RelayMode.disabled());
	builder.bindAddr("127.0.0.1:0");
	builder.alpns([ALPN]);
	return builder.bind();
}

function dialler(): Promise<EndpointType> {
	shared ??= start();
	return shared;
}

function dial(endpoint: EndpointType, { id, addresses }: There): Promise<Connection> {
	return endpoint.connect(new EndpointAddr(EndpointId.fromString(id), null, [...addresses]), ALPN);
}

async function stream(endpoint: EndpointType, there: There, onMessage: (message: Uint8Array) => void): Promise<BiStream> {
	const connection = await dial(endpoint, there);
	const opened = await connection.openBi();
	kept.push(connection, opened);
	void read(opened.recv, onMessage).catch(() => undefined);
	return opened;
}

async function accept(endpoint: EndpointType): Promise<void> {
	for (;;) {
		const incoming = await endpoint.acceptNext();
		if (incoming === null) return;
		void (async () => {
			const connection = await (await incoming.accept()).connect();
			kept.push(connection);
			for (;;) {
				const opened = await connection.acceptBi();
				const { send, recv } = opened;
				kept.push(opened);
				accepted.push(send);
				const player = new Player((message) => send.writeAll([...frame(message)]));
				void read(recv, (message) => player.message(message)).catch(() => undefined);
			}
		})().catch(() => undefined);
	}
}

async function read(recv: BiStream["recv"], onMessage: (message: Uint8Array) => void): Promise<void> {
	const frames = new Unframer(onMessage);
	for (;;) {
		const chunk = await recv.read(131_072);
		if (chunk === null || chunk.length === 0) return;
		frames.push(Uint8Array.from(chunk));
	}
}
