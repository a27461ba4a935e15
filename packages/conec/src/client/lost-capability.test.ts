/** A Coordinator that can do less after it was started again, as if an older one had taken its place: each capability as a kind. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Machine, World } from "../../testing/world.ts";
import type { MessageStream } from "../stream/message-stream.ts";
import { BROADCAST_CAPABILITY } from "../wire/broadcast.ts";
import { DIRECT_CAPABILITY } from "../wire/channel-messages.ts";
import { FRAME } from "../wire/frames.ts";
import { RESUME_CAPABILITY } from "../wire/open.ts";
import { PRESENCE_CAPABILITY } from "../wire/presence.ts";
import type { Client } from "./client.ts";
import type { ClientStatus } from "./status.ts";

/** Between the Clients and the Coordinator, capabilities go missing. */
async function scene() {
	const world = new World({ seed: 4, delayMs: 10 });
	const { clock } = world;
	const missing = new Set<string>();
	/** What the Coordinator would have refused, as the Client has not listed the capability. */
	const without = (payload: Uint8Array): Uint8Array => {
		const message = JSON.parse(Buffer.from(payload).toString()) as { type: string; capabilities?: string[] };
		if (message.capabilities === undefined) return payload;
		return Buffer.from(JSON.stringify({ ...message, capabilities: message.capabilities.filter((one) => !missing.has(one)) }));
	};
	const older = (name: string): Machine => {
		const machine = world.machine(name);
		const { createTransport } = machine.runtime;
		const runtime: Machine["runtime"] = {
			...machine.runtime,
			createTransport: (options) => {
				const transport = createTransport(options);
				const { dial } = transport;
				return Object.assign(transport, {
					dial: async (how: Parameters<typeof dial>[0]) => {
						const connection = await dial.call(transport, how);
						if (connection.remoteAddress.port !== 1719) return connection;
						const { openStream } = connection;
						const open: typeof openStream = (header, handler, streamOptions) => {
							if (header.kind !== FRAME.CONTROL) return openStream.call(connection, header, handler, streamOptions);
							const frame = handler.frame.bind(handler);
							handler.frame = (kind, payload) => frame(kind, kind === FRAME.CONTROL ? without(payload) : payload);
							return openStream.call(connection, { kind: header.kind, payload: without(header.payload) }, handler, streamOptions);
						};
						return Object.assign(connection, { openStream: open });
					},
				});
			},
		};
		return { ...machine, runtime };
	};
	await clock.until(world.listen(), 1_000);
	return {
		...{ world, clock },
		async client(id: string): Promise<{ client: Client; told: ClientStatus[] }> {
			const client = await clock.until(world.connect(older(id), id, { id, listen: true }), 5_000);
			const told: ClientStatus[] = [];
			void (async () => {
				for await (const status of client.status()) told.push(status);
			})();
			return { client, told };
		},
		/** It is killed, and what comes instead cannot do that, or can do all again. */
		async restart(...capabilities: string[]): Promise<void> {
			if (world.coordinatorMachine !== undefined) world.kill(world.coordinatorMachine);
			world.coordinator?.destroy();
			world.coordinatorGone();
			missing.clear();
			for (const capability of capabilities) missing.add(capability);
			await clock.until(world.listen(), 1_000);
			await clock.advance(30_000);
		},
		async end(...clients: Client[]): Promise<void> {
			await clock.until(Promise.all(clients.map((client) => client.close())), 4_000);
			await clock.until(world.coordinator?.close() ?? Promise.resolve(), 4_000);
			await clock.advance(150_000);
			assert.deepEqual([world.network.openConnections, world.network.liveStreams, clock.pending], [0, 0, 0]);
		},
	};
}

const codeOf = (error: unknown): string => (error as { code: string }).code;
const isUnsupported = { code: "PROTOCOL_UNSUPPORTED", message: /the Coordinator does not support/ };

test("lost capability: without lists of peers a watch ends with PROTOCOL_UNSUPPORTED, and so do calls; later they work again", async () => {
	const { clock, client, restart, end } = await scene();
	const { client: ann, told } = await client("ann");
	const seen: string[] = [];
	const watching = (async () => {
		for await (const event of ann.watchPeers()) seen.push(event.type);
	})().catch(codeOf);
	await clock.advance(1_000);
	await restart(PRESENCE_CAPABILITY);
	assert.equal(told.at(-1)?.type, "connected");
	assert.equal(await clock.until(watching, 1_000), "PROTOCOL_UNSUPPORTED");
	await assert.rejects(clock.until(ann.peers(), 1_000), isUnsupported);
	await assert.rejects(clock.until(ann.updateMetadata(1), 1_000), isUnsupported);
	await restart();
	assert.deepEqual(
		(await clock.until(ann.peers(), 1_000)).map(({ id }) => id),
		["ann"],
	);
	await clock.until(ann.updateMetadata(2), 1_000);
	assert.deepEqual(seen, ["members"]);
	await end(ann);
});

test("lost capability: without broadcasts a member ends with PROTOCOL_UNSUPPORTED, whatever it was doing; later one can join again", async () => {
	const { clock, client, restart, end } = await scene();
	const { client: ann } = await client("ann");
	const [reader, sender, finishing] = [
		await clock.until(ann.joinBroadcast("news", { mode: "receive" }), 1_000),
		await clock.until(ann.joinBroadcast("news", { mode: "send" }), 1_000),
		await clock.until(ann.joinBroadcast("news"), 1_000),
	];
	const reading = reader[Symbol.asyncIterator]().next().catch(codeOf);
	await restart(BROADCAST_CAPABILITY);
	assert.equal(await clock.until(reading, 1_000), "PROTOCOL_UNSUPPORTED");
	for (const failing of [sender.send("x"), finishing.finish(), sender.close()])
		await assert.rejects(clock.until(failing, 1_000), { code: "PROTOCOL_UNSUPPORTED" });
	assert.equal((await clock.until(reader.closed, 100)).code, "PROTOCOL_UNSUPPORTED");
	await assert.rejects(clock.until(ann.joinBroadcast("news"), 1_000), isUnsupported);
	await assert.rejects(clock.until(ann.countBroadcast("news"), 1_000), isUnsupported);
	await restart();
	await clock.until((await clock.until(ann.joinBroadcast("news"), 1_000)).send("again"), 1_000);
	await end(ann);
});

test("lost capability: without direct channels those that there are go on, none is made, and streams go through the Coordinator", async () => {
	const { clock, client, restart, end } = await scene();
	const [{ client: ann }, { client: ben }, { client: eve }] = [await client("ann"), await client("ben"), await client("eve")];
	const arrivals = ben.incomingStreams[Symbol.asyncIterator]();
	const channel = await clock.until(ann.openChannel("ben"), 5_000);
	await restart(DIRECT_CAPABILITY);
	assert.equal(ann.channels()[0], channel);
	const direct = await clock.until(ann.openStream("ben", { path: "direct" }), 1_000);
	await clock.until(direct.send("still here"), 1_000);
	const far = (await clock.until(arrivals.next(), 1_000)).value as MessageStream;
	assert.equal(Buffer.from((await clock.until(far.receive(), 1_000)) ?? []).toString(), "still here");
	for (const failing of [() => eve.openStream("ben", { path: "direct" }), () => eve.openChannel("ben")])
		await assert.rejects(clock.until<unknown>(failing(), 1_000), { code: "DIRECT_UNAVAILABLE", message: /does not support direct channels/ });
	for (const resumable of [true, false]) {
		const stream = await clock.until(eve.openStream("ben", { resumable }), 1_000);
		assert.equal(stream.path, "proxied");
	}
	await restart();
	await clock.until(eve.openChannel("ben"), 10_000);
	await end(ann, ben, eve);
});

test("lost capability: without further connections of streams those that waited end with RESUME_UNKNOWN at their opener, and with RESUME_EXPIRED at the other end", async () => {
	const { clock, client, restart, end } = await scene();
	const [{ client: ann }, { client: ben }] = [await client("ann"), await client("ben")];
	const arriving = ben.incomingStreams[Symbol.asyncIterator]().next();
	const stream = await clock.until(ann.openStream("ben", { path: "proxied", resumable: { forMs: 40_000 } }), 1_000);
	const far = (await clock.until(arriving, 1_000)).value as MessageStream;
	await clock.until(stream.send("before"), 1_000);
	await clock.advance(100);
	await restart(RESUME_CAPABILITY);
	assert.equal((await clock.until(stream.closed, 100)).code, "RESUME_UNKNOWN");
	await assert.rejects(stream.send("after"), { code: "RESUME_UNKNOWN" });
	assert.equal((await clock.until(far.closed, 61_000)).code, "RESUME_EXPIRED");
	assert.equal(Buffer.from((await far.receive()) ?? []).toString(), "before");
	await assert.rejects(far.receive(), { code: "RESUME_EXPIRED" });
	const other = await clock.until(ann.openStream("ben", { path: "proxied", resumable: true }), 1_000);
	assert.equal(other.path, "proxied");
	await restart();
	await clock.until(ann.openStream("ben", { path: "proxied", resumable: true }), 1_000);
	await end(ann, ben);
});
