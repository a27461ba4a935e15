/** A resumable stream with path `auto`: how long opening takes, and how long its reader waits when it goes from one path to the other under load. */

import assert from "node:assert/strict";
import { nowMs, sleep } from "../actors/actions.ts";
import type { Owner } from "../lab.ts";
import type { NatKind } from "../nat-kind.ts";
import { eventually, type Peer, World } from "../world.ts";
import { Flow } from "./flow.ts";

/** There and back between the two Clients, on either path: see `RTT_100`. */
export const ROUND_TRIP_MS = { direct: 100, proxied: 200 } as const;
/** What may come on top of a round trip. */
export const MORE_MS = 10;

const KINDS: readonly (readonly [NatKind, NatKind])[] = [
	["port", "port"],
	["eim", "sym"],
	["sym", "sym"],
	["full", "fw"],
];
const OPENINGS = 5;
/** Between two openings, so that some meet an attempt at a direct path that is under way. */
const APART_MS = 150;

/** Opens some streams with a new pair behind each of these kinds of NATs. Gives how long each took, in milliseconds. */
export async function openings(world: World): Promise<{ readonly kinds: string; readonly ms: readonly number[] }[]> {
	const all: { kinds: string; ms: number[] }[] = [];
	for (const kinds of KINDS) {
		const [a, b] = await world.pair(kinds);
		const ms: number[] = [];
		for (let i = 0; i < OPENINGS; i++) {
			const opened = await a.openResumable(b);
			assert.equal(opened.error, undefined, JSON.stringify(opened.error));
			ms.push(opened.ms);
			await sleep(APART_MS);
		}
		all.push({ kinds: kinds.join(" to "), ms });
	}
	return all;
}

/** A message so often each way. Longer ones would show the slow start of the new connection beside the move: 16 KiB every 10 ms waited for 350 ms on a direct path of 100 ms. */
const LOAD = { messageBytes: 1_000, everyMs: 5, silenceMs: 15 };
const SETTLED_MS = 700;

/** A move, and the longest pause of either reader at that time. */
export interface Moved {
	readonly to: "direct" | "proxied";
	readonly pauseMs: number;
}

/** Goes to the direct path and back so often. Fails if a message is lost, doubled, or written a second time. */
export async function movesUnderLoad(owner: Owner, times: number): Promise<Moved[]> {
	const world = await World.up(owner, {});
	const [a, b] = await world.pair(["port", "port"]);
	const replays = async (): Promise<number> => {
		const counts = await Promise.all([world.at("a").call<number>("replays"), world.at("b").call<number>("replays")]);
		return counts[0] + counts[1];
	};
	const flows = await Promise.all([Flow.begin(a, b, "auto", LOAD), Flow.begin(b, a, "auto", LOAD)]);
	const moved: Moved[] = [];
	const arrive = async (to: "direct" | "proxied", sinceMs: number): Promise<void> => {
		const there = await eventually(30_000, async () => (await Promise.all(flows.map((flow) => flow.path()))).every((path) => path === to));
		assert.ok(there, `the streams do not go to the ${to} path`);
		await sleep(SETTLED_MS);
		moved.push({ to, pauseMs: Math.max(...(await Promise.all(flows.map((flow) => flow.longestMs(sinceMs))))) });
	};
	let sinceMs = nowMs();
	await arrive("direct", sinceMs);
	for (let i = 0; i < times; i++) {
		const closing: readonly [Peer, Peer] = i % 2 === 0 ? [a, b] : [b, a];
		sinceMs = nowMs();
		await closing[0].closeChannel(closing[1]);
		await arrive("proxied", sinceMs);
		sinceMs = nowMs();
		assert.equal((await a.openChannel(b)).error, undefined);
		await arrive("direct", sinceMs);
	}
	for (const flow of flows) await flow.end();
	assert.equal(await replays(), 0, "something was sent twice");
	return moved;
}
