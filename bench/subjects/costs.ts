/**
 * What things cost while they do nothing: streams, Clients, direct channels. Resident bytes, after collections, the share of each.
 *
 * @module
 */

import { setTimeout as delay } from "node:timers/promises";
import type { Context } from "../context.ts";
import { type Remote, residentBytes } from "../remote.ts";
import { type NetworkLimits, startHub, startNetwork } from "./conec.ts";
import { MANY_ATTEMPTS } from "./direct.ts";
import { type Path, stop } from "./short-streams.ts";

/** More streams than a default may allow: their price is asked for, not their number. */
const MANY_STREAMS: NetworkLimits = {
	client: { ...MANY_ATTEMPTS.client, incomingStreams: 16_384, streamsPerConnection: 16_384 },
	coordinator: { ...MANY_ATTEMPTS.coordinator, incomingStreams: 16_384, streamsPerConnection: 16_384, streamsPerPair: 16_384 },
};

/** What idle streams cost at the side that opened, at the side that accepted, and at the Coordinator: bytes a stream. */
export function idleStreams(context: Context, path: Path): Promise<{ opener: number; acceptor: number; coordinator: number }> {
	return context.once(`idle streams ${path}`, async () => {
		const network = await startNetwork(context, MANY_STREAMS);
		try {
			const open = (count: number): Promise<unknown> => network.sender.call("keep-idle", { from: "sender", to: "receiver", path, count }, 120_000);
			const count = context.quick ? 500 : 4_000;
			// What is paid once is paid.
			await open(count / 4);
			const [opener = Number.NaN, acceptor = Number.NaN, coordinator = Number.NaN] = await costs(
				[network.sender, network.receiver, network.coordinator],
				() => open(count),
				count,
			);
			return { opener, acceptor, coordinator };
		} finally {
			await stop(network);
		}
	});
}

/** What a Client that is connected and idle costs the Coordinator. */
export function idleClients(context: Context): Promise<number> {
	return context.once("idle clients", async () => {
		const { coordinator, connection } = await startHub(context);
		const clients = context.start("client");
		try {
			const count = context.quick ? 100 : 800;
			const limits = { requestTimeoutMs: 60_000 };
			const connect = (id: string, howMany: number): Promise<unknown> => clients.call("crowd", { ...connection, id, limits, count: howMany }, 120_000);
			await connect("first", count / 4);
			const [bytes = Number.NaN] = await costs([coordinator], () => connect("guest", count), count);
			const known = await coordinator.call<number>("clientCount");
			if (known !== count + count / 4) throw new Error(`the Coordinator knows ${known} of ${count + count / 4} Clients`);
			return bytes;
		} finally {
			await Promise.all([clients.stop(), coordinator.stop()]);
		}
	});
}

/** What 64 idle direct channels cost the Client that has them, and the Coordinator. */
export function directChannels(context: Context): Promise<{ client: number; coordinator: number }> {
	return context.once("64 direct channels", async () => {
		const { coordinator, connection } = await startHub(context, { ...MANY_ATTEMPTS.coordinator, channels: 128 });
		const client = context.start("client");
		const peers = context.start("client");
		try {
			const limits = { ...MANY_ATTEMPTS.client, channels: 128 };
			const names = Array.from({ length: 64 + 16 }, (_, index) => `peer-${index}`);
			await client.call("connect", { ...connection, limits, id: "hub" });
			for (const id of names) await peers.call("connect", { ...connection, limits, id });
			const open = (to: readonly string[]): Promise<unknown> => client.call("keep-channels", { from: "hub", to }, 120_000);
			// What is paid once is paid.
			await open(names.slice(64));
			const [own = Number.NaN, theirs = Number.NaN] = await costs([client, coordinator], () => open(names.slice(0, 64)), 1);
			return { client: own, coordinator: theirs };
		} finally {
			await Promise.all([client.stop(), peers.stop(), coordinator.stop()]);
		}
	});
}

/** What each process has more after `make` than before, a piece. */
async function costs(processes: readonly Remote[], make: () => Promise<unknown>, pieces: number): Promise<number[]> {
	const look = async (): Promise<number[]> => {
		await delay(2_000);
		for (const remote of processes) await remote.call("collect");
		return processes.map((remote) => residentBytes(remote.pid));
	};
	const before = await look();
	await make();
	const after = await look();
	return after.map((bytes, index) => (bytes - (before[index] ?? Number.NaN)) / pieces);
}
