/**
 * Conec, through its public API.
 *
 * @module
 */

import { Client, Coordinator, jsonCodec, type MessageStream, typed } from "conec";
import { type Counted, KIND, Player } from "../../roles/carried.ts";
import type { Reading } from "../../roles/figures.ts";
import { serveStack, type Use } from "../roles/stack.ts";
import { identity } from "../roles/tls.ts";

interface Hub {
	readonly port: number;
	readonly pin: string;
}

/** What goes over a typed stream. */
type Value = Reading | { readonly ask: true } | { readonly counted: Counted };

let client: Client | undefined;
let coordinator: Coordinator | undefined;
const clients: Client[] = [];

function where({ port, pin }: Hub): { coordinator: string; address: string; pin: string } {
	return { coordinator: `localhost:${port}`, address: `127.0.0.1:${port}`, pin };
}

serveStack<Hub, void>({
	hub: async () => {
		coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0 });
		return { port: coordinator.address.port, pin: coordinator.fingerprint };
	},
	receiver: async (hub) => {
		const receiver = await Client.connect({ ...where(hub), id: "receiver" });
		client = receiver;
		void (async () => {
			for await (const stream of receiver.incomingStreams) void play(stream, (stream.metadata as { use: Use }).use);
		})();
	},
	sender: async ({ hub }) => {
		client = await Client.connect({ ...where(hub), id: "sender" });
	},
	open: async (path, _places, received, use) => {
		if (client === undefined) throw new Error("not connected");
		const stream = await client.openStream("receiver", { path, metadata: { use } });
		if (use === "values") return openTyped(stream, received);
		void (async () => {
			for await (const message of stream) received(message);
		})();
		return { push: (message) => (stream.trySend(message) ? undefined : stream.send(message)) };
	},
	connect: async ({ hub }, name, stays) => {
		// A key that is kept holds its id, so a visitor comes back under the same one. Making a key is part of no other system's connect.
		const options = stays ? { id: name } : { ...identity(), id: "visitor" };
		const one = await Client.connect({ ...where(hub), ...options });
		if (stays) clients.push(one);
		return () => one.close();
	},
	broadcasts: {
		publisher: async ({ hub }, name) => {
			const one = await Client.connect({ ...where(hub), id: "publisher" });
			return one.joinBroadcast(name, { mode: "send" });
		},
		member: async ({ hub }, name, index, inlet) => {
			const one = await Client.connect({ ...where(hub), id: `member-${index}` });
			const broadcast = await one.joinBroadcast(name, { mode: "receive" });
			void (async () => {
				for await (const event of broadcast) {
					if (event.type === "message") inlet.message(event.data);
					else if (event.type === "gap") inlet.gap(event.lost);
				}
				inlet.failed(new Error("the broadcast ended"));
			})().catch((error: unknown) => inlet.failed(error));
			return () => one.close();
		},
	},
	methods: { clientCount: () => coordinator?.clientCount },
});

/** The receiving end of a stream. */
async function play(stream: MessageStream, use: Use): Promise<void> {
	const player = new Player((message) => (stream.trySend(message) ? undefined : stream.send(message)));
	if (use === "batches") {
		for await (const batch of stream.batches()) for (const message of batch) player.message(message);
	} else if (use === "values") {
		const values = typed(stream, jsonCodec<Value>());
		for await (const value of values) {
			if ("ask" in value) await values.send({ counted: player.take() });
			else player.value(value as Reading);
		}
	} else {
		for await (const message of stream) player.message(message);
	}
}

/** The sending end of a typed stream: the question and its answer are values, too. */
function openTyped(stream: MessageStream, received: (message: Uint8Array) => void) {
	const values = typed(stream, jsonCodec<Value>());
	void (async () => {
		for await (const value of values) if ("counted" in value) received(Buffer.concat([Buffer.of(KIND.answer), Buffer.from(JSON.stringify(value.counted))]));
	})();
	return {
		push: () => values.send({ ask: true }),
		pushValue: (value: Reading) => (values.trySend(value) ? undefined : values.send(value)),
	};
}
