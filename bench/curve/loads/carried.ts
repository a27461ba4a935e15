/**
 * One stream between two Clients, and what it carries: messages of any size, as fast as they go and one at a time.
 *
 * @module
 */

import { watchGrowth } from "../../remote.ts";
import { type Carried, checkCarried } from "../../roles/carried.ts";
import type { Latency } from "../../roles/figures.ts";
import type { Path } from "../catalogue.ts";
import type { Network } from "../network.ts";
import type { Bound } from "../outcome.ts";
import type { Measured } from "../recorder.ts";

/** How long each part takes. */
export interface Durations {
	readonly warmUp: number;
	readonly seconds: number;
	readonly roundTrips: number;
}

/** How long a step may take in all: what is under way at the end has to arrive, too. */
export function deadlineOf({ warmUp, seconds, roundTrips }: Durations): number {
	return warmUp + seconds + roundTrips + 25;
}

/** Opens the stream that the others use, and lets its window grow. */
export async function openCarried({ sender }: Network, path: Path, warmUp: number): Promise<void> {
	await sender.call("open-carried", { path, to: "receiver-0" });
	await sender.call("bulk", { size: 65_536, seconds: warmUp });
}

/** Messages of that size. `bound`: of MB/s. */
export async function carry(network: Network, size: number, { warmUp, seconds, roundTrips }: Durations, bound?: Bound): Promise<Measured> {
	const { sender } = network;
	await sender.call("bulk", { size, seconds: warmUp });
	const growth = await watchGrowth(network.processes);
	const [carried, { busy, seconds: cpu, cores, idle }] = await network.during(() => sender.call<Carried>("bulk", { size, seconds }));
	const grown = growth();
	checkCarried(carried, size);
	const latency = roundTrips === 0 ? undefined : await sender.call<Latency>("rtt", { size, seconds: roundTrips });
	return {
		values: {
			rate: carried.bytes / carried.seconds / 1e6,
			perSecond: carried.messages / carried.seconds,
			...(bound === undefined ? {} : { bound: bound.value }),
			...(latency === undefined ? {} : { p50: latency.p50 / 1_000, p99: latency.p99 / 1_000 }),
			cores,
			perGigabyte: cpu / (carried.bytes / 1e9),
			growth: grown / 2 ** 20,
		},
		busy,
		idle,
		...(bound === undefined ? {} : { bound }),
	};
}
