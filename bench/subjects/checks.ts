/**
 * What is measured once, not in rounds: memory of stalled readers, isolation of streams, leaks, crowds, and the idle Coordinator.
 * Each has a network of its own.
 *
 * @module
 */

import { setTimeout as delay } from "node:timers/promises";
import type { Context } from "../context.ts";
import { openDescriptors, type Remote, watchGrowth } from "../remote.ts";
import type { Crowd, Mode, Received } from "../roles/figures.ts";
import { median } from "../stats.ts";
import { type Network, startHub, startNetwork } from "./conec.ts";

const ROUTE = { from: "sender", to: "receiver" };

/** Share of its time that the Coordinator's event loop is busy while it pipes 64 KiB messages for 10 s. */
export function coordinatorUtilization(context: Context): Promise<number> {
	return context.once("coordinator utilization", () =>
		withNetwork(context, async ({ coordinator, sender }) => {
			const seconds = context.quick ? 1 : 10;
			const load = sender.call<Received>("bulk", { ...ROUTE, size: 65_536, seconds: seconds + 1 });
			await delay(500);
			await coordinator.call("utilizationStart");
			await delay(seconds * 1_000);
			const utilization = await coordinator.call<number>("utilization");
			await load;
			return utilization;
		}),
	);
}

/** What a reader that stops costs: bytes that `send` took, and the largest growth of any of the three processes. */
export function pausedReader(context: Context): Promise<{ bytes: number; growth: number }> {
	return context.once("paused reader", () =>
		withNetwork(context, async ({ coordinator, sender, receiver }) => {
			const growth = await watchGrowth([coordinator, sender, receiver]);
			const taken = await sender.call<number[]>("fill", { ...ROUTE, count: 1, size: 65_536, quietMs: context.quick ? 500 : 3_000 });
			const grown = growth();
			await sender.call("release");
			return { bytes: taken[0] ?? Number.NaN, growth: grown };
		}),
	);
}

/**
 * What a reader that stops behind `nonBlocking` costs: the sender's rate as a share of that with a reader that runs, and the
 * largest growth of the receiver, here the Coordinator, which has run before.
 */
export function stoppedNonBlocking(context: Context): Promise<{ rate: number; growth: number }> {
	return context.once("stopped nonBlocking", () =>
		withNetwork(context, async ({ coordinator, sender }) => {
			const measure = async (mode: Mode): Promise<number> => {
				const load = { from: "sender", to: null, mode, size: 1_024, seconds: context.quick ? 0.4 : 2 };
				const { messages, seconds } = await sender.call<Received>("bulk", load);
				return messages / seconds;
			};
			const running: number[] = [];
			const stopped: number[] = [];
			let grown = 0;
			await measure("lossy-sink");
			for (let round = 0; round < (context.quick ? 1 : 3); round++) {
				running.push(await measure("lossy-sink"));
				const growth = await watchGrowth([coordinator]);
				stopped.push(await measure("stopped-sink"));
				grown = Math.max(grown, growth());
			}
			return { rate: median(stopped) / median(running), growth: grown };
		}),
	);
}

/** Seconds until 1,000 Clients that start at once in one process are connected, and for the half of them. Fails if one is not. */
export async function connect1000(context: Context): Promise<{ seconds: number; p50: number }> {
	const count = 1_000;
	const { coordinator, connection } = await startHub(context);
	const client = context.start("client");
	try {
		// Long enough to see how long it takes, if that is too long.
		const limits = { requestTimeoutMs: 60_000 };
		const crowd = await client.call<Crowd>("crowd", { ...connection, id: "guest", limits, count }, 90_000);
		const known = await coordinator.call<number>("clientCount");
		if (crowd.connected !== count || known !== count) {
			throw new Error(
				`${crowd.connected} of ${count} Clients connected, the Coordinator knows ${known}${crowd.failure === undefined ? "" : `; ${crowd.failure}`}`,
			);
		}
		return { seconds: crowd.seconds, p50: crowd.p50Seconds };
	} finally {
		await Promise.all([client.stop(), coordinator.stop()]);
	}
}

/** Rates with 64 streams stalled, as a share of the rates without: a bulk stream, and opening streams over the connection. */
export function stalledStreams(context: Context): Promise<{ bulk: number; opens: number }> {
	return context.once("stalled streams", () =>
		withNetwork(context, async ({ sender, receiver, connection }) => {
			for (const id of ["carol", "dave", "erin", "frank"]) {
				await receiver.call("connect", { ...connection, id });
			}
			const toCarol = { from: "sender", to: "carol" };
			const seconds = context.quick ? 0.4 : 2;
			const measure = async (): Promise<{ rate: number; opensPerSecond: number }> => {
				const { bytes, seconds: took } = await sender.call<Received>("bulk", { ...toCarol, size: 65_536, seconds });
				const opens = context.quick ? 200 : 2_000;
				const startedMs = performance.now();
				await sender.call("streams", { ...toCarol, count: opens, concurrency: CONCURRENT_OPENS });
				return { rate: bytes / took, opensPerSecond: (opens / (performance.now() - startedMs)) * 1_000 };
			};
			const free: Awaited<ReturnType<typeof measure>>[] = [];
			const stalled: typeof free = [];
			await measure();
			for (let round = 0; round < (context.quick ? 1 : 3); round++) {
				free.push(await measure());
				await Promise.all(
					["receiver", "dave", "erin", "frank"].map((to) => sender.call("fill", { from: "sender", to, count: 16, size: 65_536, quietMs: 500 })),
				);
				stalled.push(await measure());
				await sender.call("release");
			}
			const share = (pick: (figures: (typeof free)[number]) => number): number => median(stalled.map(pick)) / median(free.map(pick));
			return { bulk: share((figures) => figures.rate), opens: share((figures) => figures.opensPerSecond) };
		}),
	);
}

/** What stays behind after many streams and many Clients came and went: the worst of the processes. */
export interface Churn {
	readonly heap: number;
	readonly rss: number;
	readonly descriptors: number;
	readonly handles: number;
	readonly clients: number;
}

/**
 * 10,000 streams, then 1,000 connects and disconnects; what a second run of them adds, and (`cold`) what both have added
 * since the processes were idle: that is mostly V8's young generation and the allocator, which grow once.
 */
export function churn(context: Context): Promise<{ again: Churn; cold: Churn }> {
	return context.once("churn", () =>
		withNetwork(context, async ({ coordinator, sender, receiver, connection }) => {
			const processes = [coordinator, sender, receiver];
			const scale = context.quick ? 0.02 : 1;
			const load = async (): Promise<void> => {
				await sender.call("streams", { ...ROUTE, count: 10_000 * scale, concurrency: CONCURRENT_OPENS }, 120_000);
				await sender.call("connects", { ...connection, id: "visitor", count: 1_000 * scale, concurrency: 4 }, 120_000);
			};
			const look = async (): Promise<State> => ({
				processes: await Promise.all(processes.map(footprint)),
				clients: await coordinator.call<number>("clientCount"),
			});
			const start = await look();
			await load();
			const once = await look();
			await load();
			const twice = await look();
			return { again: growth(once, twice), cold: growth(start, twice) };
		}),
	);
}

/** A finished stream counts against the 16 of a pair until its last packet is acknowledged, up to 25 ms later. */
const CONCURRENT_OPENS = 4;

interface State {
	readonly processes: readonly Footprint[];
	readonly clients: number;
}

function growth(before: State, after: State): Churn {
	const worst = (pick: (figures: Footprint) => number): number =>
		Math.max(...after.processes.map((figures, index) => pick(figures) - pick(before.processes[index] as Footprint)));
	return {
		heap: worst((figures) => figures.heapUsed + figures.external),
		rss: worst((figures) => figures.rss),
		descriptors: worst((figures) => figures.descriptors),
		handles: worst((figures) => figures.handles),
		clients: after.clients - before.clients,
	};
}

interface Footprint {
	readonly heapUsed: number;
	readonly external: number;
	readonly rss: number;
	readonly handles: number;
	readonly descriptors: number;
}

/** After the protocol's own grace times have passed and garbage is collected. */
async function footprint(remote: Remote): Promise<Footprint> {
	await delay(2_000);
	const figures = await remote.call<Omit<Footprint, "descriptors">>("collect");
	return { ...figures, descriptors: openDescriptors(remote.pid) };
}

async function withNetwork<T>(context: Context, task: (network: Network) => Promise<T>): Promise<T> {
	const network = await startNetwork(context);
	try {
		return await task(network);
	} finally {
		await Promise.all([network.sender.stop(), network.receiver.stop(), network.coordinator.stop()]);
	}
}
