/**
 * One sender and a hundred members, each with a connection of its own.
 *
 * @module
 */

import type { Delivered } from "../../fan-out.ts";
import type { Remote } from "../../remote.ts";
import type { Contender } from "../lineup.ts";
import type { Site } from "../site.ts";
import { type Cast, type Task, withCpu } from "./sample.ts";
import { SETUP_MS } from "./streams.ts";

const MEMBERS = 100;
const SIZE = 100;
/** As in `bench/fan-out.ts`: half of what is kept for a member. */
const WINDOW = 4_096;

export async function fanOutCast(contender: Contender, site: Site): Promise<Cast> {
	const [hub, members, publisher] = (["hub", "receiver", "sender"] as const).map((part) => contender.start(site, part)) as [Remote, Remote, Remote];
	const end = async (): Promise<void> => {
		await Promise.all([publisher, members, hub].map((process) => process.stop()));
	};
	try {
		const place = await hub.call("hub", { directory: site.folder }, SETUP_MS);
		// Where nothing is in the middle the members dial the publisher.
		const there = contender.holder === "receiver" ? await publisher.call("receiver", { hub: place, paths: ["direct"] }, SETUP_MS) : {};
		const argument = { where: { hub: place, receiver: there }, name: "everyone", count: MEMBERS };
		await members.call("members", argument, SETUP_MS);
		await publisher.call("publisher", argument, SETUP_MS);
	} catch (error) {
		await end();
		throw error;
	}
	const work: Task["work"] = async (seconds) => {
		const round = await members.call<{ port: number }>("begin");
		const publish = async (): Promise<Delivered & { sent: number; cpuSeconds?: number }> => {
			const sent = await publisher.call<number>("publish", { ...round, size: SIZE, seconds, window: contender.window ?? WINDOW });
			return { sent, ...(await members.call<Delivered>("delivered", { sent })) };
		};
		const pids = { sender: publisher.pid, hub: hub.pid, receiver: members.pid };
		const [{ sent, deliveries, seconds: took, reported, unreported }, cpu] = await withCpu(pids, publish, ({ deliveries }) => deliveries / 1e6);
		if (deliveries !== sent * MEMBERS || reported !== 0 || unreported !== 0)
			throw new Error(`${sent} messages were sent to ${MEMBERS} members; ${deliveries} came, ${unreported} were not the next, ${reported} were reported lost`);
		return { values: { value: deliveries / took }, ...cpu };
	};
	return { tasks: [{ figure: "fan-out-100", contender: contender.name, work }], end };
}
