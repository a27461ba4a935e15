/**
 * Clients of one Coordinator, more from step to step: idle, echoing in pairs, all in one broadcast.
 *
 * @module
 */

import { setTimeout as delay } from "node:timers/promises";
import type { Delivered } from "../../fan-out.ts";
import { ACK_EVERY } from "../../fan-out.ts";
import { type Remote, residentBytes } from "../../remote.ts";
import type { Round } from "../../roles/broadcasting.ts";
import type { Latency } from "../../roles/figures.ts";
import { curveOf, stepsOf } from "../catalogue.ts";
import { Network, type Site } from "../network.ts";
import type { Measured, Recorder } from "../recorder.ts";
import type { Echoed } from "../roles/echoes.ts";

const STEP_SECONDS = 60;
const CALL_MS = STEP_SECONDS * 1_000;
const MIB = 2 ** 20;
/** Clients that are there before the first step. */
const GUESTS = 20;

/** Takes each step with so many Clients connected. A crowd that has failed is made anew, and grows to the next step at once. */
async function growing(
	site: Site,
	recorder: Recorder,
	curves: readonly string[],
	quick: boolean,
	take: (crowd: Crowd, total: number) => Promise<boolean>,
): Promise<void> {
	let crowd: Crowd | undefined;
	for (const total of stepsOf(curveOf(curves[0] ?? ""), quick)) {
		const failed = (reason: string): void => {
			for (const curve of curves) recorder.fail({ curve, x: total, reason });
		};
		const ready = await recorder.within(
			STEP_SECONDS,
			async () => {
				crowd ??= await Crowd.start(site);
				await crowd.growTo(total);
				return crowd;
			},
			failed,
		);
		if (ready === undefined || !(await take(ready, total))) {
			await crowd?.end();
			crowd = undefined;
		}
	}
	await crowd?.end();
}

/** Clients that do nothing. */
export async function idle(site: Site, recorder: Recorder, quick: boolean): Promise<void> {
	const seconds = quick ? 1 : 5;
	await growing(site, recorder, ["idle"], quick, (crowd, total) =>
		recorder.step("idle", total, STEP_SECONDS, async () => {
			const bytes = await settledBytes(crowd.network);
			// A keep-alive interval.
			const [, { busy, coordinator, idle: idleCores }] = await crowd.network.during(() => delay(seconds * 1_000));
			return {
				values: {
					perClient: (bytes - crowd.emptyBytes) / total / 1_024,
					coordinator: bytes / MIB,
					cpuPerMinute: (coordinator / seconds) * 60,
					connects: crowd.connects,
				},
				busy,
				idle: idleCores,
			};
		}),
	);
}

/** Pairs of Clients that echo through the Coordinator. */
export async function echo(site: Site, recorder: Recorder, quick: boolean): Promise<void> {
	const seconds = quick ? 0.5 : 2;
	const perSecond = 1_000;
	await growing(site, recorder, ["echo-paced", "echo-fast"], quick, async ({ network }, total) => {
		const { sender, coordinator } = network;
		const measured = async (method: string): Promise<Measured> => {
			const [{ count, p50, p99, seconds: took }, usage] = await network.during(() => sender.call<Echoed>(method, { seconds, perSecond }));
			return {
				values: {
					perSecond: count / took,
					p50: p50 / 1_000,
					p99: p99 / 1_000,
					cores: usage.cores,
					perMillion: usage.seconds / (count / 1e6),
					coordinator: residentBytes(coordinator.pid) / MIB,
				},
				busy: usage.busy,
				idle: usage.idle,
			};
		};
		const paced = await recorder.step("echo-paced", total, STEP_SECONDS, async () => {
			await sender.call("open-echoes", { path: "proxied", to: "receiver" }, CALL_MS);
			await sender.call("echo-fast", { seconds: seconds / 3 });
			return measured("echo-paced");
		});
		if (!paced) {
			recorder.fail({ curve: "echo-fast", x: total, reason: "the streams of the step before it are in an unknown state" });
			return false;
		}
		return recorder.step("echo-fast", total, STEP_SECONDS, async () => {
			const result = await measured("echo-fast");
			await sender.call("close-echoes");
			return result;
		});
	});
}

/** All Clients in one broadcast, and one more that sends. */
export async function broadcast(site: Site, recorder: Recorder, quick: boolean): Promise<void> {
	const seconds = quick ? 0.5 : 2;
	await growing(site, recorder, ["broadcast-paced", "broadcast-fast"], quick, async (crowd, total) => {
		const { network } = crowd;
		const parts = [network.sender, network.receiver];
		const name = `curve-${total}`;
		let joins = Number.NaN;
		/** A round in which each member has each message, or which has failed. */
		const round = async (method: "publish" | "pace", argument: Record<string, number>, timed: boolean): Promise<[Latency[], Measured]> => {
			const ports = await Promise.all(parts.map((part) => part.call<Round>("begin", { timed })));
			const [port, ...alsoPorts] = ports.map((one) => one.port);
			const [delivered, usage] = await network.during(async () => {
				const sent = await crowd.publisher.call<number>(method, { port, alsoPorts, size: 100, seconds, ...argument }, CALL_MS);
				const all = await Promise.all(parts.map((part) => part.call<Delivered>("delivered", { sent })));
				return complete(all, sent * total);
			});
			const latencies = timed ? await Promise.all(parts.map((part) => part.call<Latency>("latencies"))) : [];
			const values = {
				perSecond: delivered.deliveries / delivered.seconds,
				cores: usage.cores,
				perMillion: usage.seconds / (delivered.deliveries / 1e6),
				coordinator: residentBytes(network.coordinator.pid) / MIB,
				joins,
			};
			return [latencies, { values, busy: usage.busy, idle: usage.idle }];
		};
		const paced = await recorder.step("broadcast-paced", total, STEP_SECONDS, async () => {
			const startedMs = performance.now();
			await Promise.all(parts.map((part) => part.call("members", { where: name, name, count: total / 2 }, CALL_MS)));
			joins = total / ((performance.now() - startedMs) / 1_000);
			await crowd.publisher.call("publisher", { where: name, name });
			await round("publish", { seconds: 0.1, window: ACK_EVERY }, false);
			const [latencies, { values, ...rest }] = await round("pace", { perSecond: 32 }, true);
			return { values: { ...values, p50: worst(latencies, "p50"), p99: worst(latencies, "p99") }, ...rest };
		});
		if (!paced) {
			recorder.fail({ curve: "broadcast-fast", x: total, reason: "the members of the step before it are in an unknown state" });
			return false;
		}
		return recorder.step("broadcast-fast", total, STEP_SECONDS, async () => {
			const [, measured] = await round("publish", { window: windowOf(total) }, false);
			await Promise.all(parts.map((part) => part.call("leave", undefined, CALL_MS)));
			return measured;
		});
	});
}

/** Messages that may be under way to the slowest member: fewer with many members, so that a round ends soon. */
export function windowOf(members: number): number {
	const messages = Math.min(4_096, Math.floor(400_000 / members));
	return Math.max(ACK_EVERY, messages - (messages % ACK_EVERY));
}

/** Of two halves of the members, that of which the figure is worse; from microseconds to milliseconds. */
function worst(latencies: readonly Latency[], key: "p50" | "p99"): number {
	return Math.max(...latencies.map((latency) => latency[key])) / 1_000;
}

function complete(all: readonly Delivered[], wanted: number): { deliveries: number; seconds: number } {
	const deliveries = all.reduce((sum, one) => sum + one.deliveries, 0);
	const wrong = all.reduce((sum, one) => sum + one.reported + one.unreported, 0);
	if (deliveries !== wanted || wrong > 0) throw new Error(`${deliveries} of ${wanted} deliveries came, and ${wrong} messages were missing or came again`);
	return { deliveries, seconds: Math.max(...all.map(({ seconds }) => seconds)) };
}

/** Half of the Clients in each of two processes. */
class Crowd {
	readonly network: Network;
	/** Resident set of the Coordinator with a few Clients, which have paid what is paid once. */
	readonly emptyBytes: number;
	/** Connects a second, while it grew last. */
	connects: number = Number.NaN;
	/** The process of the few, whose first Client sends to the broadcast. */
	readonly publisher: Remote;

	static async start(site: Site): Promise<Crowd> {
		const network = await Network.start(site);
		const guests = await network.guests(GUESTS);
		return new Crowd(network, guests, await settledBytes(network));
	}

	private constructor(network: Network, publisher: Remote, emptyBytes: number) {
		this.network = network;
		this.publisher = publisher;
		this.emptyBytes = emptyBytes;
	}

	async growTo(total: number): Promise<void> {
		this.connects = await this.network.growTo(total, CALL_MS);
		const known = await this.network.coordinator.call<number>("clientCount");
		if (known !== total + GUESTS) throw new Error(`the Coordinator knows ${known} of ${total + GUESTS} Clients`);
	}

	end(): Promise<void> {
		return this.network.end();
	}
}

/** The Coordinator's resident set, when it has settled. */
async function settledBytes({ coordinator }: Network): Promise<number> {
	await delay(1_000);
	await coordinator.call("collect");
	return residentBytes(coordinator.pid);
}
