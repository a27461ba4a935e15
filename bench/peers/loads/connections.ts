/**
 * Connections that come and go, and those that stay and do nothing.
 *
 * @module
 */

import { setTimeout as delay } from "node:timers/promises";
import { residentBytes } from "../../remote.ts";
import type { Contender } from "../lineup.ts";
import type { Connects } from "../roles/stack.ts";
import type { Site } from "../site.ts";
import { type Cast, type Task, withCpu } from "./sample.ts";
import { SETUP_MS, startNetwork } from "./streams.ts";

/** New connections, each closed before the next. Their number is what fits into a round, as far as the warm-up can tell. */
export async function connectCast(contender: Contender, site: Site): Promise<Cast> {
	const network = await startNetwork(contender, site, ["direct"]);
	let perSecond = 20;
	const work: Task["work"] = async (seconds, round) => {
		const count = Math.max(10, Math.round(perSecond * seconds));
		const connects = (): Promise<Connects & { cpuSeconds?: number }> => network.sender.call("connects", { count, tag: `visitor${round}` });
		const [{ p50, p99, seconds: took }, cpu] = await withCpu(network.pids(), connects, () => count / 1_000);
		perSecond = count / took;
		return { values: { p50, p99, perSecond }, ...cpu };
	};
	return { tasks: [{ figure: "connect", contender: contender.name, work }], end: network.end };
}

const IDLE = 300;
/** What the first connections allocate once is not the memory of a connection. */
const BEFORE = 100;
/** Until what handshakes have left is freed. */
const SETTLE_MS = 1_000;

/** Memory of the process that holds idle connections, for each of them. It does not depend on speed, so several may be measured at once. */
export function idleClient(contender: Contender, site: Site): Task {
	const work: Task["work"] = async () => {
		const network = await startNetwork(contender, site, ["direct"]);
		try {
			const holder = network[contender.holder];
			const resident = async (): Promise<number> => {
				await delay(SETTLE_MS);
				await holder.call("collect");
				return residentBytes(holder.pid);
			};
			await network.sender.call("idle", { count: BEFORE, tag: "before" }, SETUP_MS);
			const before = await resident();
			await network.sender.call("idle", { count: IDLE, tag: "idle" }, SETUP_MS * 2);
			return { values: { value: ((await resident()) - before) / IDLE / 1_024 } };
		} finally {
			await network.end();
		}
	};
	return { figure: "idle-client", contender: contender.name, work };
}
