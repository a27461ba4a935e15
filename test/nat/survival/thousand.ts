/** A thousand Clients lose their Coordinator, which is killed and comes again: half of them behind one address, half with an address each. */

import type { Actor } from "../actor.ts";
import { nowMs, sleep } from "../actors/actions.ts";
import { Lab, type Owner, RTT_100 } from "../lab.ts";
import { LastingCoordinator, type Lateness } from "./coordinator.ts";

const DOWN_MS = 2_000;
/** Where the Clients with an address each are: no network of anybody (RFC 2544). */
const NETWORK = "198.18.0.0/22";
/** Direct channels between the two halves, with a message each 100 ms all the time. */
const TALKS = 20;

/** How they came back. Times in milliseconds after the port was bound. */
export interface Returned {
	readonly clients: number;
	/** The first one first. */
	readonly backMs: readonly number[];
	readonly lateness: Lateness;
	/** What attempts at coming back failed with, how often. */
	readonly failures: Readonly<Record<string, number>>;
	/** Codes of those that have ended. */
	readonly ended: readonly string[];
	/** How the connection to the Coordinator was lost. */
	readonly lost: Readonly<Record<string, number>>;
	readonly talks: readonly { readonly name: string; readonly messages: number; readonly error: unknown }[];
}

interface State {
	readonly connectedMs: readonly number[];
	readonly ended: readonly string[];
	readonly failures: Readonly<Record<string, number>>;
	readonly lost: Readonly<Record<string, number>>;
}

/** Twice `half` Clients; watched for so long, or until all are back. */
export async function returned(owner: Owner, half: number, watchedMs: number): Promise<Returned> {
	const lab = await Lab.up(owner, { a: "port", b: "none", wire: RTT_100 });
	const addresses = await manyAddresses(lab, half);
	const coordinator = await LastingCoordinator.up(owner, lab);
	const crowds = (await Promise.all([lab.actor("a", "many"), lab.actor("b", "many")])) as [Actor, Actor];
	// They come one after another, as people do; on a busy machine some wait for long.
	const options = { ...coordinator.where, waitForFirst: true };
	await Promise.all([
		crowds[0].call("enter", { prefix: "one", count: half, options }),
		crowds[1].call("enter", { prefix: "each", count: half, options, addresses }),
	]);
	await crowds[0].call("talk", { pairs: Array.from({ length: TALKS }, (_, i) => [`one-${i}`, `each-${i}`]) });
	await coordinator.prepare();
	await coordinator.kill();
	await sleep(DOWN_MS);
	const { boundMs } = await coordinator.start();
	for (;;) {
		const states = await Promise.all(crowds.map((crowd) => crowd.call<State>("state")));
		const back = states.flatMap(({ connectedMs }) => connectedMs.filter((ms) => ms >= boundMs));
		const late = nowMs() - boundMs >= watchedMs;
		if (back.length < 2 * half && !late) {
			await sleep(250);
			continue;
		}
		const lateness = await coordinator.lateness();
		return {
			...{ clients: 2 * half, lateness, talks: await crowds[0].call("quiet") },
			backMs: back.map((ms) => ms - boundMs).sort((one, other) => one - other),
			failures: sum(states.map(({ failures }) => failures)),
			lost: sum(states.map(({ lost }) => lost)),
			ended: states.flatMap(({ ended }) => ended),
		};
	}
}

/** For people. */
export function summary({ clients, backMs, lateness, failures, lost, ended, talks }: Returned): string {
	const at = (share: number): string => `${Math.round(backMs[Math.ceil(share * clients) - 1] ?? Number.NaN)} ms`;
	const { p50, p99, max } = lateness;
	return [
		`${backMs.length} of ${clients} are back; half after ${at(0.5)}, 95 % after ${at(0.95)}, all after ${at(1)}`,
		`event loop p50 ${Math.round(p50)}, p99 ${Math.round(p99)}, max ${Math.round(max)} ms`,
		`lost by ${JSON.stringify(lost)}, failures ${JSON.stringify(failures)}, ended ${JSON.stringify(ended)}`,
		`${talks.reduce((all, { messages }) => all + messages, 0)} messages on ${talks.length} direct channels`,
	].join("; ");
}

/** Routes a network to the machine in home B, which has as many addresses of it. */
async function manyAddresses(lab: Lab, count: number): Promise<string[]> {
	const addresses = Array.from({ length: count }, (_, i) => `198.18.${i >> 7}.${(i & 127) + 1}`);
	await lab.exec("inet", "ip", "route", "add", NETWORK, "via", "203.0.113.10");
	await lab.exec("rb", "ip", "route", "add", NETWORK, "via", "198.51.100.130");
	await lab.exec("b", "sh", "-c", addresses.map((address) => `ip addr add ${address}/32 dev lo`).join("; "));
	return addresses;
}

function sum(counts: readonly Readonly<Record<string, number>>[]): Record<string, number> {
	const all: Record<string, number> = {};
	for (const one of counts) for (const [code, times] of Object.entries(one)) all[code] = (all[code] ?? 0) + times;
	return all;
}
