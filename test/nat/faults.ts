/** A change of addresses or mappings in the middle of a transfer, and what has to come of it. */

import { nowMs, sleep } from "./actors/actions.ts";
import type { TransferState } from "./actors/transfers.ts";
import type { NatKind } from "./nat-kind.ts";
import { DETECTION_MS, GO_ON_MS } from "./report/results.ts";
import { eventually, type Peer, story, type World } from "./world.ts";

export const MIB: number = 1_048_576;
export const TRANSFER_BYTES: number = 64 * MIB;
/** The fault happens when this much has arrived. */
const FAULT_AT_BYTES = 8 * MIB;
const TRANSFER_TIMEOUT_MS = 60_000;

/** One fault on one side of a channel. */
export interface Fault {
	readonly name: string;
	/** For a test's name. */
	readonly promise: string;
	/** Who dials, who accepts. */
	readonly kinds: readonly [NatKind, NatKind];
	readonly side: "dialling" | "accepting";
	/** The accepting side keeps its address as the other sees it: nothing needs to end. */
	readonly survivable: boolean;
	readonly strike: (world: World) => Promise<unknown>;
}

const GOES_ON = `loses nothing and goes on within ${GO_ON_MS} ms`;
const ANEW = `ends with a code, or goes on, and there is a channel within ${GO_ON_MS} ms of the discovery`;

export const FAULTS: readonly Fault[] = [
	{ name: "roam of the dialling side", promise: GOES_ON, kinds: ["port", "port"], side: "dialling", survivable: true, strike: ({ lab }) => lab.roam("A") },
	{ name: "flush of the dialling side", promise: GOES_ON, kinds: ["sym", "full"], side: "dialling", survivable: true, strike: ({ lab }) => lab.flush("A") },
	{ name: "readdr of the dialling side", promise: GOES_ON, kinds: ["port", "port"], side: "dialling", survivable: true, strike: ({ lab }) => lab.readdr("a") },
	{ name: "roam of the accepting side", promise: ANEW, kinds: ["port", "port"], side: "accepting", survivable: false, strike: ({ lab }) => lab.roam("B") },
	{ name: "flush of the accepting side", promise: ANEW, kinds: ["port", "port"], side: "accepting", survivable: true, strike: ({ lab }) => lab.flush("B") },
	{
		...{ name: "flush of the accepting side, whose NAT then gives another port", promise: ANEW, kinds: ["port", "eim"] },
		...{ side: "accepting", survivable: false, strike: ({ lab }) => lab.flush("B") },
	},
	{ name: "readdr of the accepting side", promise: ANEW, kinds: ["port", "port"], side: "accepting", survivable: false, strike: ({ lab }) => lab.readdr("b") },
];

/** How one try went. Times in milliseconds. */
export interface FaultOutcome {
	/** What is wrong with it. */
	readonly problem?: string;
	/** What took too long, where all else is as promised: 5 of 100 may. */
	readonly late?: string;
	/** Longest pause of the transfer from the fault on, where the transfer went on. */
	readonly pauseMs?: number;
	/** From the fault to the end of the dead channel, at the side that dialled, where it ended. */
	readonly detectionMs?: number;
	/** From there to the next one. */
	readonly againMs?: number;
	readonly story: string;
}

/** Does it once, with a new pair. */
export async function faultOutcome(world: World, fault: Fault): Promise<FaultOutcome> {
	const [a, b] = await world.pair(fault.kinds);
	const channel = await a.openChannel(b);
	if (channel.error !== undefined) return { problem: `no channel: ${channel.error.message}`, story: await story(a, b) };
	const name = `fault ${a.id}`;
	await a.send(b, "direct", name, TRANSFER_BYTES);
	const begun = await eventually(TRANSFER_TIMEOUT_MS, async () => ((await b.received(name))?.bytes ?? 0) >= FAULT_AT_BYTES);
	if (begun === undefined) return { problem: "the transfer is too slow to be disturbed", story: await story(a, b) };
	const faultMs = nowMs();
	await fault.strike(world);
	const account = await Promise.race([a.result(name), sleep(TRANSFER_TIMEOUT_MS).then(() => undefined)]);
	const outcome = account === undefined ? { problem: "the transfer neither ends nor fails" } : await judge(a, b, fault, faultMs, account);
	return { ...outcome, story: `${JSON.stringify(account)}${await story(a, b)}` };
}

async function judge(a: Peer, b: Peer, fault: Fault, faultMs: number, account: TransferState): Promise<Omit<FaultOutcome, "story">> {
	const { error } = account;
	if (error === undefined) {
		const pauseMs = Math.max(0, ...account.silences.filter(({ toMs }) => toMs > faultMs).map(({ fromMs, toMs }) => toMs - Math.max(fromMs, faultMs)));
		if (!fault.survivable) return { problem: "the transfer went on, which cannot be: its peer is elsewhere", pauseMs };
		const words = `a pause of ${Math.round(pauseMs)} ms`;
		if (fault.side === "accepting") return pauseMs <= DETECTION_MS ? { pauseMs } : { problem: words, pauseMs };
		return pauseMs <= GO_ON_MS ? { pauseMs } : { late: words, pauseMs };
	}
	if (error.code === undefined) return { problem: `not by a code of ours: ${error.message}` };
	if (fault.side === "dialling") return { problem: `the transfer ended: ${error.code} ${error.message}` };
	const lives = await eventually(GO_ON_MS + DETECTION_MS, async () => {
		const known = await a.lives();
		return known.length >= 2 && known;
	});
	const [first, second] = lives ?? (await a.lives());
	if (first?.toMs === undefined) return { problem: `the stream ended with ${error.code}, and the channel has not` };
	const detectionMs = first.toMs - faultMs;
	if (detectionMs > DETECTION_MS) return { problem: `found dead after ${Math.round(detectionMs)} ms`, detectionMs };
	if (second === undefined) return { problem: "no channel came again", detectionMs };
	const againMs = second.fromMs - first.toMs;
	const late = againMs > GO_ON_MS ? { late: `the next channel came ${Math.round(againMs)} ms after the discovery` } : {};
	const stream = await a.openStream(b, "direct");
	if (stream.path !== "direct") return { problem: `the next channel does not work: ${JSON.stringify(stream)}`, detectionMs, againMs };
	return { ...late, detectionMs, againMs };
}
