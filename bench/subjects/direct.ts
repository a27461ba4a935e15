/**
 * Direct channels on loopback: two Clients and the Coordinator that introduces them, three processes.
 *
 * @module
 */

import type { Latency, Received } from "../roles/figures.ts";
import { type NetworkLimits, network, startNetwork } from "./conec.ts";
import { latency, megabytes, type Subject } from "./subject.ts";

const DIRECT = { from: "sender", to: "receiver", path: "direct" };

/** Client to Client, 64 KiB messages. */
export const directBulk: Subject = async (context, seconds) =>
	megabytes(await (await network(context)).sender.call<Received>("bulk", { ...DIRECT, size: 65_536, seconds }));

/** Client to Client and back, one 64 B message at a time. */
export const directRtt: Subject = async (context, seconds) =>
	latency(await (await network(context)).sender.call<Latency>("rtt", { ...DIRECT, size: 64, seconds }));

const MANY_PACKETS = { punchPacketsPerMinute: 1_000_000, punchReflexivePerMinute: 1_000_000 };
/** For more channels than a minute allows by default. */
export const MANY_ATTEMPTS: NetworkLimits = { client: MANY_PACKETS, coordinator: { ...MANY_PACKETS, attemptsPerMinute: 100_000 } };

/** `openChannel` until the channel is open, on a network of its own: the channel of the other figures stays. */
export const directOpen: Subject = async (context, seconds) => {
	const { sender } = await context.once("direct opens", () => startNetwork(context, MANY_ATTEMPTS));
	return latency(await sender.call<Latency>("channels", { from: "sender", to: "receiver", count: Math.max(5, Math.round(seconds * 10)) }));
};
