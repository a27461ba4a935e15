/**
 * Opens and closes direct channels: `channels.ts COUNT`, a half at a time. Prints the least that they have left behind,
 * then closes everything and has to end by itself. Needs --expose-gc.
 */

import { Client, Coordinator, type MessageStream } from "../../../packages/conec/src/index.ts";
import { leastLeftBehind } from "./left-behind.ts";

const [count = 500] = process.argv.slice(2).map(Number);
/** A Coordinator lets nobody ask as often as this does. */
const limits = { attemptsPerMinute: 1_000_000 };

const coordinator = await Coordinator.listen({ host: "127.0.0.1", port: 0, limits });
const where = { coordinator: `localhost:${coordinator.address.port}`, address: `127.0.0.1:${coordinator.address.port}`, pin: coordinator.fingerprint };
const connect = (id: string): Promise<Client> => Client.connect({ reconnect: false, id, localAddress: "127.0.0.1", ...where });
const [alice, bob] = await Promise.all([connect("alice"), connect("bob")]);
const incoming = bob.incomingStreams[Symbol.asyncIterator]();

/** Who accepts has a channel a moment before who dials, who may have given it up by then: there is perhaps another one than was asked for. */
async function noChannels(): Promise<void> {
	for (const client of [alice, bob]) {
		for (let live = client.channels(); live.length > 0; live = client.channels()) await Promise.all(live.map((channel) => channel.close()));
	}
}

async function channels(times: number): Promise<void> {
	for (let i = 0; i < times; i++) {
		// By turns opened by each side, by both at once, and ended in every way.
		const both = i % 3 === 2 ? bob.openChannel("alice") : undefined;
		const [from, to] = i % 3 === 1 ? [bob, alice] : [alice, bob];
		const [channel] = await Promise.all([from.openChannel(to.id), both]);
		const [near, far] = await Promise.all([alice.openStream("bob", { path: "direct" }), incoming.next().then(({ value }) => value as MessageStream)]);
		await near.send("there");
		if ((await far.receive())?.length !== 5) throw new RangeError("not what was sent");
		if (i % 2 === 0) await Promise.all([near.close(), far.close()]);
		await channel.close();
		await noChannels();
		await Promise.all([near.closed, far.closed]);
		// And an attempt that is given up.
		if (i % 10 === 0) {
			const abort = new AbortController();
			const given = alice.openChannel("bob", { signal: abort.signal }).then(
				(late) => late.close(),
				() => undefined,
			);
			await new Promise((resolve) => setTimeout(resolve, i % 4));
			abort.abort();
			await given;
			await noChannels();
		}
	}
}

await channels(count / 5);
console.log(JSON.stringify(await leastLeftBehind(coordinator, () => channels(count / 2))));
// One more of each kind is left open: closing a Client ends it.
await alice.openChannel("bob");
await alice.close();
await bob.close();
await coordinator.close();
console.log("closed");
