/** One long transfer over a stream that survives, whose paths are killed and restored again and again. */

import assert from "node:assert/strict";
import { nowMs, sleep } from "../actors/actions.ts";
import type { Owner } from "../lab.ts";
import { eventually, type Peer, World } from "../world.ts";
import { LastingCoordinator } from "./coordinator.ts";
import { Flow } from "./flow.ts";

/** What the promise is, from the moment at which a path is there again. */
export const STALL_MS = 1_000;
const DOWN_MS = 2_000;
const WATCHED_MS = 40_000;
const MESSAGE_BYTES = 65_536;

/** How one of them went. */
export interface Killed {
	readonly what: string;
	/** Where the stream was when it was struck. */
	readonly path: "direct" | "proxied";
	/** From the moment at which its path is there again. Undefined: it has not gone on. */
	readonly stallMs: number | undefined;
}

interface Scene {
	readonly world: World;
	readonly coordinator: LastingCoordinator;
}

/** Resolves with the moment at which a path is there again. */
type Kill = readonly [what: string, strike: (scene: Scene) => Promise<number>];

const KILLS: readonly Kill[] = [
	[
		"all of one side's network",
		async ({ world: { lab } }) => {
			await lab.cut("a");
			await sleep(DOWN_MS);
			await lab.heal("a");
			return nowMs();
		},
	],
	[
		"the Coordinator, and the direct path with it",
		async ({ world: { lab }, coordinator }) => {
			await coordinator.prepare();
			await Promise.all([lab.cut("a-b"), coordinator.kill()]);
			await sleep(DOWN_MS);
			const { boundMs } = await coordinator.start();
			await lab.heal("a-b");
			return boundMs;
		},
	],
	["the direct path; the Coordinator's network comes back first", (scene) => cutBoth(scene, ["co", "a-b"])],
	["the Coordinator's network; the direct path comes back first", (scene) => cutBoth(scene, ["a-b", "co"])],
];

/** Cuts the direct path and the Coordinator's network, and heals them in this order. There is a path with the first. */
async function cutBoth({ world: { lab } }: Scene, [first, second]: readonly ["co", "a-b"] | readonly ["a-b", "co"]): Promise<number> {
	await Promise.all([lab.cut(first), lab.cut(second)]);
	await sleep(DOWN_MS);
	await lab.heal(first);
	const thereMs = nowMs();
	await lab.heal(second);
	return thereMs;
}

/** So many bytes with path `auto`, 64 KiB so often, so that there is something left to send at each kill; and so many kills, evenly over the bytes. The Client that opens is behind a NAT that gives other ports. Fails unless every byte arrives in its place. */
export async function killed(
	owner: Owner,
	bytes: number,
	everyMs: number,
	kills: number,
	onKilled: (killed: Killed) => void,
): Promise<{ readonly all: Killed[]; readonly seconds: number }> {
	const world = await World.up(owner, { a: "eim", b: "port", wire: { delayMs: 5, seed: 3 } });
	const coordinator = await LastingCoordinator.up(owner, world.lab, 1_730);
	const connect = async (place: "a" | "b"): Promise<Peer> => await world.connect(place, coordinator.where);
	const [a, b] = await Promise.all([connect("a"), connect("b")]);
	const startedMs = nowMs();
	const flow = await Flow.begin(a, b, "auto", { bytes, messageBytes: MESSAGE_BYTES, everyMs });
	const all: Killed[] = [];
	for (let i = 0; i < kills; i++) {
		const due = ((i + 0.5) * bytes) / kills;
		assert.ok(
			await eventually(600_000, async () => (await flow.received()).bytes >= due),
			`${flow.name} is too slow: ${JSON.stringify(await flow.received())}`,
		);
		// It is on the direct path as often as not: after failures it comes back to it later and later.
		if (i % 2 === 0) await eventually(6_000, async () => (await flow.path()) === "direct");
		const [what, strike] = KILLS[i % KILLS.length] as Kill;
		const path = await flow.path();
		const thereMs = await strike({ world, coordinator });
		const one = { what, path, stallMs: await flow.onAgainMs(thereMs, WATCHED_MS) };
		onKilled(one);
		all.push(one);
	}
	const { bytes: arrived } = await flow.end(600_000);
	assert.equal(arrived, bytes);
	return { all, seconds: (nowMs() - startedMs) / 1_000 };
}
