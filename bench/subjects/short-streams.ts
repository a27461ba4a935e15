/**
 * Streams that live for one message each way: how many a second, many at once, and what they leave.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { residentBytes } from "../remote.ts";
import type { Crowded, Rate } from "../roles/figures.ts";
import { type Network, type NetworkLimits, startNetwork } from "./conec.ts";
import type { Subject } from "./subject.ts";

/** The path that the streams take. */
export type Path = "direct" | "proxied";

/** Limits that allow 256 at once in every version. What a version allows by itself is measured by {@link thousandAtOnce}. */
const MANY_STREAMS: NetworkLimits = {
	client: { incomingStreams: 4_096, streamsPerConnection: 4_096 },
	coordinator: { incomingStreams: 4_096, streamsPerConnection: 4_096, streamsPerPair: 4_096 },
};

const route = (path: Path) => ({ from: "sender", to: "receiver", path });

/** Streams a second, so many at a time. */
export function shortStreams(path: Path, concurrency: number): Subject {
	return async (context, seconds) => {
		const { sender } = await context.once("short streams", () => startNetwork(context, MANY_STREAMS));
		const { count, seconds: took } = await sender.call<Rate>("short-streams", { ...route(path), seconds, concurrency });
		return { value: count / took };
	};
}

/**
 * 1,000 streams opened at once to one peer, each with one message there and back, with the limits that are there by default: seconds, and
 * those that fifty batches of twenty take. Fails if one of them fails.
 */
export function thousandAtOnce(context: Context, path: Path): Promise<{ atOnce: number; inBatches: number }> {
	return context.once(`1,000 at once ${path}`, async () => {
		const network = await startNetwork(context);
		try {
			const all = async (count: number, batches: number): Promise<number> => {
				const crowd = await network.sender.call<Crowded>("at-once", { ...route(path), count, batches }, 60_000);
				if (crowd.failure !== undefined)
					throw new Error(`${crowd.done} of 1,000 streams done (${batches} batches of ${count}); the first that failed: ${crowd.failure}`);
				return crowd.seconds;
			};
			await all(20, 10);
			return { inBatches: await all(20, 50), atOnce: await all(1_000, 1) };
		} finally {
			await stop(network);
		}
	});
}

/** What 100,000 proxied streams leave, after 20,000 others: the worst of the three processes. */
export function leftByShortStreams(context: Context): Promise<{ rss: number; heap: number }> {
	return context.once("left by short streams", async () => {
		const network = await startNetwork(context);
		try {
			const processes = [network.coordinator, network.sender, network.receiver];
			const count = context.quick ? 1_000 : 100_000;
			const load = (streams: number): Promise<unknown> => network.sender.call("streams", { ...route("proxied"), count: streams, concurrency: 4 }, 240_000);
			const look = () =>
				Promise.all(
					processes.map(async (remote) => {
						// What is on its way back to where it came from.
						await new Promise((resolve) => setTimeout(resolve, 2_000));
						const { heapUsed, external } = await remote.call<{ heapUsed: number; external: number }>("collect");
						return { heap: heapUsed + external, rss: residentBytes(remote.pid) };
					}),
				);
			await load(count / 5);
			const before = await look();
			await load(count);
			const after = await look();
			const grown = (pick: (figures: { heap: number; rss: number }) => number): number =>
				Math.max(...after.map((figures, index) => pick(figures) - pick(before[index] as { heap: number; rss: number })));
			return { rss: grown(({ rss }) => rss), heap: grown(({ heap }) => heap) };
		} finally {
			await stop(network);
		}
	});
}

/** Ends the processes of a network. */
export async function stop({ sender, receiver, coordinator }: Network): Promise<void> {
	await Promise.all([sender.stop(), receiver.stop(), coordinator.stop()]);
}
