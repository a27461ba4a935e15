/**
 * Streams that stand still beside one that does not, and ends with answers that nobody reads. Each has a network of its own.
 *
 * @module
 */

import type { Context } from "../context.ts";
import { watchGrowth } from "../remote.ts";
import type { Answered, Latency, Received } from "../roles/figures.ts";
import { median } from "../stats.ts";
import { type NetworkLimits, startNetwork } from "./conec.ts";
import { over } from "./far.ts";
import { type Path, stop } from "./short-streams.ts";

/** 64 of a pair in every version. Windows and budgets stay as they are. */
const PAIRS: NetworkLimits = { coordinator: { streamsPerPair: 1_024, streamsPerConnection: 1_024 }, client: { streamsPerConnection: 1_024 } };

/** How long a measurement beside stalled streams may take before it counts as stalled itself. */
const DEADLINE_MS = 30_000;

/**
 * 128 streams of one Client are full and unread, 64 of them to one peer: the rate of another stream of the same connection and its questions to the
 * Coordinator, each divided by what it was before.
 */
export function stalled128(context: Context): Promise<{ rate: number; questions: number }> {
	return context.once("128 stalled streams", async () => {
		const network = await startNetwork(context, PAIRS);
		const { sender, receiver, connection } = network;
		try {
			for (const id of ["carol", "dave"]) await receiver.call("connect", { ...connection, limits: PAIRS.client, id });
			const seconds = context.quick ? 0.4 : 2;
			const measure = async (): Promise<{ rate: number; question: number }> => {
				const load = sender.call<Received>("bulk", { from: "sender", to: "carol", size: 65_536, seconds }, DEADLINE_MS);
				const { bytes, seconds: took } = await load;
				const { p50 } = await sender.call<Latency>("questions", { from: "sender", count: 200 }, DEADLINE_MS);
				return { rate: bytes / took, question: p50 };
			};
			const free: Awaited<ReturnType<typeof measure>>[] = [];
			const beside: typeof free = [];
			const fill = (to: string) => sender.call("fill", { from: "sender", to, count: 64, size: 65_536, quietMs: 1_000 }, DEADLINE_MS);
			const stall = () => Promise.all([fill("receiver"), fill("dave")]);
			await measure();
			// What is unread brings V8's first full collection, and a receiver is slower after it. So that comes before the first figure.
			await stall();
			await sender.call("release");
			for (let round = 0; round < (context.quick ? 1 : 3); round++) {
				free.push(await measure());
				await stall();
				beside.push(await measure());
				await sender.call("release");
			}
			const share = (pick: (figures: (typeof free)[number]) => number): number => median(beside.map(pick)) / median(free.map(pick));
			return { rate: share(({ rate }) => rate), questions: share(({ question }) => question) };
		} finally {
			await stop(network);
		}
	});
}

/** 1 Mbit/s. */
const SLOW = { delayMs: 20, bytesPerSecond: 125_000, queueBytes: 25_000 };

/**
 * Two peers send each other as before while 256 streams fill the way to a Client behind 1 Mbit/s: their rate divided by what it was, and the largest
 * growth of the Coordinator.
 */
export function slowClient(context: Context): Promise<{ rate: number; growth: number }> {
	return context.once("slow client", async () => {
		const network = await startNetwork(context, PAIRS);
		const { coordinator, sender, connection } = network;
		const slow = context.start("client");
		try {
			await slow.call("connect", { ...connection, ...(await over(context, connection, SLOW)), limits: PAIRS.client, id: "slow" });
			const seconds = context.quick ? 0.4 : 2;
			const measure = async (): Promise<number> => {
				const load = { from: "sender", to: "receiver", size: 65_536, seconds };
				const { bytes, seconds: took } = await sender.call<Received>("bulk", load, DEADLINE_MS);
				return bytes / took;
			};
			const free: number[] = [];
			const beside: number[] = [];
			let grown = 0;
			await measure();
			for (let round = 0; round < (context.quick ? 1 : 3); round++) {
				free.push(await measure());
				// A new one each time, as its end is the end of its streams. A reset comes after what was sent, and here that takes 20 s.
				const other = context.start("client");
				try {
					const id = `other-${round}`;
					await other.call("connect", { ...connection, limits: PAIRS.client, id });
					const growth = await watchGrowth([coordinator]);
					await other.call("pour", { from: id, to: "slow", count: 256 }, DEADLINE_MS);
					beside.push(await measure());
					grown = Math.max(grown, growth());
				} finally {
					await other.stop();
				}
			}
			return { rate: median(beside) / median(free), growth: grown };
		} finally {
			await Promise.all([slow.stop(), stop(network)]);
		}
	});
}

/** Milliseconds until `close` resolves while 64 MiB of answers are on their way to somebody who does not read. */
export function closeUnread(context: Context, path: Path): Promise<number> {
	return alone(context, (sender) => sender.call<number>("close-unread", { from: "sender", to: "receiver", path }, DEADLINE_MS));
}

/** Milliseconds from the first read until `close` resolves, with a peer that sends everything back; and what was sent before it took no more. */
export function closeUnreadEcho(context: Context, path: Path): Promise<Answered> {
	return alone(context, (sender) => sender.call<Answered>("close-unread-echo", { from: "sender", to: "receiver", path }, DEADLINE_MS));
}

async function alone<T>(context: Context, task: (sender: Awaited<ReturnType<typeof startNetwork>>["sender"]) => Promise<T>): Promise<T> {
	const network = await startNetwork(context);
	try {
		return await task(network.sender);
	} finally {
		await stop(network);
	}
}
