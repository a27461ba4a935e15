/** Attempts that hang: each wait of an attempt at the Coordinator, and of one at a further connection of a stream, never ends. Both are given up, and the next one follows. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { lasting as scene } from "../../testing/lasting.ts";
import type { Machine } from "../../testing/world.ts";
import type { MessageStream } from "../stream/message-stream.ts";
import { FRAME } from "../wire/frames.ts";

const text = (message: Uint8Array | null): string | undefined => (message === null ? undefined : new TextDecoder().decode(message));

for (const hanging of ["name", "route", "handshake", "welcome"] as const) {
	test(`coming back: an attempt in which the wait for the ${hanging} never ends is given up, and a later one succeeds`, async () => {
		const { world, clock, client, kill, end } = await scene();
		const machine = world.machine("ann");
		let hangs = 0;
		const hang = (): boolean => hangs > 0 && hangs-- > 0;
		const never = <T>(): Promise<T> => new Promise<T>(() => undefined);
		const { lookup, createTransport } = machine.runtime;
		const odd: Machine = {
			...machine,
			runtime: {
				...machine.runtime,
				lookup: (host) => (hanging === "name" && hang() ? never() : lookup(host)),
				route: () => (hanging === "route" && hang() ? never() : Promise.resolve(undefined)),
				createTransport: (options) => {
					const transport = createTransport(options);
					const { dial } = transport;
					return Object.assign(transport, {
						dial: async (how: Parameters<typeof dial>[0]) => {
							if (hanging === "handshake" && hang()) return await never<Awaited<ReturnType<typeof dial>>>();
							const connection = await dial.call(transport, how);
							// A Coordinator that takes everything and says nothing.
							if (hanging === "welcome" && hang())
								Object.assign(connection, { openStream: () => ({ write: () => 0, finish() {}, reset() {}, stop() {}, consumed() {} }) });
							return connection;
						},
					});
				},
			},
		};
		const ann = await client("ann", {}, odd);
		hangs = 2;
		kill();
		await clock.advance(15_500);
		await clock.until(world.listen(), 1_000);
		// Two attempts hang until their deadline of 10 s, with pauses of at most 2 s.
		await clock.advance(45_000);
		assert.equal(hangs, 0);
		assert.equal(ann.told.at(-1)?.type, "connected", ann.types());
		await end(ann.client);
	});
}

for (const hanging of ["the answer of the peer", "everything behind the answer"] as const) {
	test(`coming back: a further connection of a stream in which the wait for ${hanging} never ends is given up, and a later one carries it on`, async () => {
		const { world, clock, client, end } = await scene();
		const machine = world.machine("ann");
		let hangs = 0;
		const { createTransport } = machine.runtime;
		const odd: Machine = {
			...machine,
			runtime: {
				...machine.runtime,
				createTransport: (options) => {
					const transport = createTransport(options);
					const { dial } = transport;
					return Object.assign(transport, {
						dial: async (how: Parameters<typeof dial>[0]) => {
							const connection = await dial.call(transport, how);
							const { openStream } = connection;
							const open: typeof openStream = (header, handler, streamOptions) => {
								const isLeg = header.kind === FRAME.OPEN && Buffer.from(header.payload).includes('"generation"');
								if (!isLeg || hangs === 0) return openStream.call(connection, header, handler, streamOptions);
								hangs--;
								let heard = 0;
								const frame = handler.frame.bind(handler);
								handler.frame = (kind, payload) => {
									if (hanging === "everything behind the answer" && heard++ === 0) frame(kind, payload);
								};
								return openStream.call(connection, header, handler, streamOptions);
							};
							return Object.assign(connection, { openStream: open });
						},
					});
				},
			},
		};
		const [ann, ben] = [await client("ann", {}, odd), await client("ben", { listen: false })];
		const arriving = ben.client.incomingStreams[Symbol.asyncIterator]().next();
		const near = await clock.until(ann.client.openStream("ben", { path: "proxied", resumable: true }), 1_000);
		const far = (await clock.until(arriving, 1_000)).value as MessageStream;
		await clock.until(near.send("one"), 1_000);
		await clock.advance(1_000);
		hangs = 2;
		const { coordinatorMachine } = world;
		assert.ok(coordinatorMachine);
		world.cut(ann.machine, coordinatorMachine);
		await clock.advance(100);
		const sent = Promise.all([near.send("two"), far.send("three")]);
		// An attempt without an answer has 10 s, and the pauses are 2 s at most.
		if (hanging === "the answer of the peer") await clock.advance(26_000);
		else {
			// Nothing tells this side that a connection is dead on which nobody has anything to say but the peer: the application's own deadline does.
			await clock.advance(1_000);
			world.cut(ann.machine, coordinatorMachine);
			await clock.advance(1_000);
			world.cut(ann.machine, coordinatorMachine);
			await clock.advance(5_000);
		}
		assert.equal(hangs, 0);
		await clock.until(sent, 100);
		assert.deepEqual(
			[text(await far.receive()), text(await clock.until(far.receive(), 100)), text(await clock.until(near.receive(), 100))],
			["one", "two", "three"],
		);
		await end(ann.client, ben.client);
	});
}
