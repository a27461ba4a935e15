import assert from "node:assert/strict";
import { test } from "node:test";
import { connectOn } from "../packages/conec/src/client/client.ts";
import { listenOn } from "../packages/conec/src/coordinator/coordinator.ts";
import type { MessageStream } from "../packages/conec/src/stream/message-stream.ts";
import { createQuicTransport } from "../packages/conec/src/transport/quic/transport.ts";
import type { Frame, IncomingStream, TransportConnection, TransportFactory } from "../packages/conec/src/transport/transport.ts";
import { FRAME } from "../packages/conec/src/wire/frames.ts";

/** Makes transports and notes with which priority each stream of messages is sent on, by its number. */
function noting(seen: Map<number, string[]>): TransportFactory {
	const note = (header: Frame, how: string, priority: number | undefined): void => {
		if (header.kind !== FRAME.OPEN) return;
		const { id } = JSON.parse(Buffer.from(header.payload).toString()) as { id: number };
		seen.set(id, [...(seen.get(id) ?? []), `${how} ${priority ?? 0}`]);
	};
	const watched = (connection: TransportConnection): TransportConnection => {
		const { openStream, openHeldStream } = connection;
		connection.openStream = (header, handler, options) => {
			note(header, "opens", options?.priority);
			return openStream.call(connection, header, handler, options);
		};
		connection.openHeldStream = (header, later, priority) => {
			note(header, "passes on", priority);
			return openHeldStream.call(connection, header, later, priority);
		};
		const onStream = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(connection), "onStream") as { set(handler: TransportConnection["onStream"]): void };
		Object.defineProperty(connection, "onStream", {
			set: (handler: TransportConnection["onStream"]) =>
				onStream.set.call(connection, (incoming: IncomingStream) => {
					const { accept } = incoming;
					incoming.accept = (heard, options) => {
						note(incoming.header, "answers", options?.priority);
						return accept.call(incoming, heard, options);
					};
					handler(incoming);
				}),
		});
		return connection;
	};
	return (options) => {
		const transport = createQuicTransport(options);
		const { dial, accept, pipe } = transport;
		transport.dial = async (dialling) => {
			return watched(await dial.call(transport, dialling));
		};
		transport.accept = (how) =>
			accept.call(transport, {
				...how,
				onConnection: (connection) => how.onConnection(watched(connection)),
			});
		transport.pipe = (from, to, lostCode, onEnd, onOpen, priority) => {
			note(from.header, "passes back", priority);
			return pipe.call(transport, from, to, lostCode, onEnd, onOpen, priority);
		};
		return transport;
	};
}

test("priority: both sides of a stream follow it, and on connections that are shared with others it is never above 0", { timeout: 300_000 }, async (t) => {
	const seen = { coordinator: new Map<number, string[]>(), alice: new Map<number, string[]>(), bob: new Map<number, string[]>() };
	const coordinator = await listenOn(noting(seen.coordinator), { host: "127.0.0.1", port: 0 });
	t.after(() => coordinator.close());
	const where = { coordinator: `127.0.0.1:${coordinator.address.port}`, pin: coordinator.fingerprint };
	const alice = await connectOn(noting(seen.alice), { id: "alice", ...where });
	t.after(() => alice.close());
	const bob = await connectOn(noting(seen.bob), { id: "bob", ...where });
	t.after(() => bob.close());
	await alice.openChannel("bob");
	const expect = async (stream: MessageStream, at: typeof coordinator | typeof bob, says: Partial<Record<keyof typeof seen, string[]>>): Promise<void> => {
		for await (const taken of at.incomingStreams) {
			assert.equal(taken.id, stream.id);
			break;
		}
		for (const [who, words] of Object.entries(says)) assert.deepEqual(seen[who as keyof typeof seen].get(stream.id), words, `${who}, stream ${stream.id}`);
	};
	let id = 0;
	for (const [priority, shared] of [
		[10, 0],
		[100, 0],
		[-10, -10],
		[-100, -100],
		[0, 0],
		[undefined, 0],
	] as const) {
		const own = priority ?? 0;
		const options = { id: ++id, ...(priority === undefined ? {} : { priority }) };
		await expect(await alice.openStream("bob", { ...options, path: "direct" }), bob, { alice: [`opens ${own}`], bob: [`answers ${own}`] });
		options.id = ++id;
		await expect(await alice.openStream("bob", { ...options, path: "proxied" }), bob, {
			alice: [`opens ${own}`],
			coordinator: [`passes on ${shared}`, `passes back ${own}`],
			bob: [`answers ${shared}`],
		});
		options.id = ++id;
		await expect(await alice.openCoordinatorStream(options), coordinator, { alice: [`opens ${own}`], coordinator: [`answers ${own}`] });
		options.id = ++id;
		await expect(await coordinator.openStream("bob", options), bob, { coordinator: [`opens ${own}`], bob: [`answers ${own}`] });
	}
});
