/**
 * Many streams of one pair of Clients: idle, then all of them full.
 *
 * @module
 */

import { setTimeout as delay } from "node:timers/promises";
import { type Remote, residentBytes, watchGrowth } from "../../remote.ts";
import { curveOf, PATHS, type Path, stepsOf } from "../catalogue.ts";
import { FULL_STREAMS } from "../limits.ts";
import { Network, type Site } from "../network.ts";
import type { Measured, Recorder } from "../recorder.ts";
import type { FlowMark, FlowTotals } from "../roles/flows.ts";

const SIZE = 4_096;
const STEP_SECONDS = 60;

/** All of its curves. Each step has a network of its own, so that none inherits the memory of another. */
export async function streams(site: Site, recorder: Recorder, quick: boolean): Promise<void> {
	for (const path of PATHS) {
		const curve = curveOf(`streams-${path}`);
		for (const count of stepsOf(curve, quick)) {
			let network: Network | undefined;
			await recorder.step(curve.name, count, STEP_SECONDS, async () => {
				network = await Network.start(site, { limits: FULL_STREAMS });
				await network.connectPair();
				return fill(network, path, count, quick ? 0.4 : 2);
			});
			await network?.end();
		}
	}
}

async function fill(network: Network, path: Path, count: number, seconds: number): Promise<Measured> {
	const { sender, receiver, coordinator } = network;
	// The channel, and what is compiled with the first stream.
	await sender.call("open-carried", { path, to: "receiver-0" });
	await sender.call("bulk", { size: SIZE, seconds: 0.2 });
	const before = await memory(network.processes);
	const startedMs = performance.now();
	await sender.call("open-flows", { path, to: "receiver-0", count });
	const opens = count / ((performance.now() - startedMs) / 1_000);
	const idle = await memory(network.processes);
	const growth = await watchGrowth(network.processes);
	// All are full before the first mark.
	const settle = Math.min(1, seconds) + count / 5_000;
	const flowing = sender.call<readonly number[]>("flow", { size: SIZE, seconds: seconds + settle });
	flowing.catch(() => undefined); // its turn comes below
	await delay(settle * 1_000);
	const [marks, { busy, cores, seconds: cpu, idle: idleCores }] = await network.during(async () => {
		const first = await receiver.call<FlowMark>("flow-mark");
		await delay(seconds * 1_000);
		return { first, last: await receiver.call<FlowMark>("flow-mark") };
	});
	const sent = await flowing;
	const totals = await receiver.call<FlowTotals>("flow-totals", { count, timeoutMs: 20_000 });
	const grown = growth();
	check(sent, totals);
	const shares = marks.last.bytes.map((bytes, index) => bytes - (marks.first.bytes[index] ?? 0));
	const bytes = shares.reduce((sum, share) => sum + share, 0);
	const more = (process: Remote): number => ((idle.get(process) ?? 0) - (before.get(process) ?? 0)) / 2 ** 20;
	return {
		values: {
			rate: bytes / ((marks.last.atMs - marks.first.atMs) / 1_000) / 1e6,
			fairness: shares.length < count ? 0 : Math.min(...shares) / Math.max(...shares),
			cores,
			perGigabyte: cpu / (bytes / 1e9),
			opens,
			sender: more(sender),
			receiver: more(receiver),
			coordinator: more(coordinator),
			growth: grown / 2 ** 20,
		},
		busy,
		idle: idleCores,
	};
}

async function memory(processes: readonly Remote[]): Promise<Map<Remote, number>> {
	await delay(500);
	await Promise.all(processes.map((process) => process.call("collect")));
	return new Map(processes.map((process) => [process, residentBytes(process.pid)]));
}

/** Every message of every stream has come, once and in order. */
function check(sent: readonly number[], { messages, wrong }: FlowTotals): void {
	const missing = sent.filter((count, index) => messages[index] !== count).length;
	if (missing > 0 || wrong > 0)
		throw new Error(`${missing} of ${sent.length} streams had another number of messages than were sent, and ${wrong} messages were not the next`);
}
