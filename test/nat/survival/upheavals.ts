/** The network of one side changes or fails, again and again, under streams of every path and direction. */

import { nowMs, sleep } from "../actors/actions.ts";
import type { Owner } from "../lab.ts";
import { eventually, World } from "../world.ts";
import { Flow } from "./flow.ts";

/** One of them, on the side of A. */
export interface Upheaval {
	readonly name: string;
	/** Resolves when the network is there again. */
	readonly strike: (world: World) => Promise<unknown>;
}

/** How long a stream was silent after the network was there again. Undefined: it has not gone on. */
export interface Silent {
	readonly upheaval: string;
	readonly flow: string;
	readonly ms: number | undefined;
}

const cut = (seconds: number): Upheaval => ({
	name: `cut for ${seconds} s`,
	strike: async ({ lab }) => {
		await lab.cut("a");
		await sleep(seconds * 1_000);
		await lab.heal("a");
	},
});

export const UPHEAVALS: readonly Upheaval[] = [
	{ name: "router gets another address", strike: ({ lab }) => lab.roam("A") },
	{ name: "mappings are forgotten", strike: ({ lab }) => lab.flush("A") },
	{ name: "machine gets another address", strike: ({ lab }) => lab.readdr("a") },
	cut(5),
];
export const LONG_CUTS: readonly Upheaval[] = [cut(20), cut(50)];

/** What the promise is. */
export const ON_AGAIN_MS = 3_000;
const WATCHED_MS = 40_000;
const MESSAGES = { messageBytes: 1_000, everyMs: 20 };
const CALM_MS = 1_500;

/**
 * Six streams that survive: strictly direct, strictly proxied, and whatever is best; each opened and fed by A's side, and by the other. A's NAT gives
 * another port after a flush, and B's keeps it. So A moves once as the side that dialled, and once as the one that accepted.
 */
export async function upheavals(owner: Owner, list: readonly Upheaval[], onStruck?: (silent: readonly Silent[]) => void): Promise<Silent[]> {
	const world = await World.up(owner, { a: "eim", b: "port" });
	const flows: Flow[] = [];
	for (const path of ["direct", "proxied", "auto"] as const) {
		for (const places of [["a", "b"] as const, ["b", "a"] as const]) {
			const [from, to] = await Promise.all([
				world.connect(places[0], { id: `${path}-${places[0]}1` }),
				world.connect(places[1], { id: `${path}-${places[1]}2` }),
			]);
			const flow = await Flow.begin(from, to, path, MESSAGES);
			flows.push(flow);
			if (path === "auto") await eventually(10_000, async () => (await flow.path()) === "direct");
		}
	}
	const all: Silent[] = [];
	for (const { name, strike } of list) {
		await sleep(CALM_MS);
		await strike(world);
		const thereMs = nowMs();
		const silent = await Promise.all(flows.map(async (flow) => ({ upheaval: name, flow: flow.name, ms: await flow.onAgainMs(thereMs, WATCHED_MS) })));
		onStruck?.(silent);
		all.push(...silent);
	}
	for (const flow of flows) await flow.end();
	return all;
}
