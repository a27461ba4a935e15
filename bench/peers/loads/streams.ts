/**
 * Loads on a stream: sender, receiver, and what is between them.
 *
 * @module
 */

import type { Remote } from "../../remote.ts";
import { type Carried, checkCarried } from "../../roles/carried.ts";
import type { Latency } from "../../roles/figures.ts";
import type { Group } from "../catalogue.ts";
import type { Contender } from "../lineup.ts";
import type { Path, Use } from "../roles/stack.ts";
import type { Site } from "../site.ts";
import { type Cast, type Pids, type Task, withCpu } from "./sample.ts";

/** Three processes that know each other. */
export interface Network {
	readonly hub: Remote;
	readonly receiver: Remote;
	readonly sender: Remote;
	pids(): Pids;
	end(): Promise<void>;
}

/** Starts them. `paths`: the ways that streams will go. */
export async function startNetwork(contender: Contender, site: Site, paths: readonly Path[]): Promise<Network> {
	const [hub, receiver, sender] = (["hub", "receiver", "sender"] as const).map((part) => contender.start(site, part)) as [Remote, Remote, Remote];
	const end = async (): Promise<void> => {
		await Promise.all([sender, receiver, hub].map((process) => process.stop()));
	};
	try {
		const hubPlace = await hub.call("hub", { directory: site.folder }, SETUP_MS);
		const there = await receiver.call("receiver", { hub: hubPlace, paths }, SETUP_MS);
		await sender.call("sender", { hub: hubPlace, receiver: there }, SETUP_MS);
	} catch (error) {
		await end();
		throw error;
	}
	return { hub, receiver, sender, pids: () => ({ sender: sender.pid, hub: hub.pid, receiver: receiver.pid }), end };
}

/** How long a process may take to be ready, on a machine that is busy. */
export const SETUP_MS = 60_000;

/** Streams straight to the receiver, or through the hub. */
export async function streamsCast(contender: Contender, site: Site, path: Path & Group): Promise<Cast> {
	const network = await startNetwork(contender, site, [path]);
	const { sender } = network;
	const carry =
		(method: "bulk" | "json", size: number, unit: "messages" | "bytes", use: Use = "messages"): Task["work"] =>
		async (seconds) => {
			const units = ({ messages, bytes }: Carried): number => (unit === "bytes" ? bytes / 1e9 : messages / 1e6);
			const [carried, cpu] = await withCpu(network.pids(), () => sender.call<Carried & { cpuSeconds?: number }>(method, { path, size, seconds, use }), units);
			checkCarried(carried, size);
			return { values: { value: (unit === "bytes" ? carried.bytes / 1e6 : carried.messages) / carried.seconds }, ...cpu };
		};
	const roundTrips: Task["work"] = async (seconds) => {
		const { p50, p99 } = await sender.call<Latency>("rtt", { path, size: 64, seconds });
		return { values: { p50, p99 } };
	};
	const works: Record<string, Task["work"]> = {
		[`${path}-rtt`]: roundTrips,
		[`${path}-small`]: carry("bulk", 64, "messages"),
		[`${path}-bulk`]: carry("bulk", 65_536, "bytes"),
	};
	try {
		await sender.call("open", { path }, SETUP_MS);
		if (path === "direct" && contender.without?.includes("direct-json") !== true) {
			const use = contender.name === "conec" ? "values" : "messages";
			if (use === "values") await sender.call("open", { path, use }, SETUP_MS);
			works["direct-json"] = carry("json", 100, "messages", use);
		}
		if (path === "direct" && contender.name === "conec") {
			await sender.call("open", { path, use: "batches" }, SETUP_MS);
			works["direct-small-batches"] = carry("bulk", 64, "messages", "batches");
		}
	} catch (error) {
		await network.end();
		throw error;
	}
	return { tasks: Object.entries(works).map(([figure, work]) => ({ figure, contender: contender.name, work })), end: network.end };
}
