/** The path between two homes is dead while they first need it, and whole again soon after. */

import { nowMs, sleep } from "./actors/actions.ts";
import type { Try } from "./report/results.ts";
import type { Opened, Peer, World } from "./world.ts";

const DEAD_MS = 3_000;
/** Streams that an application opens anyway. */
const EVERY_MS = 2_000;
/** No use in looking for longer. */
const WATCHED_MS = 60_000;

/** From the end of the trouble to the first direct stream with path `auto`, of so many pairs at once; in every second pair the other side opens the later streams. */
export async function afterTrouble(world: World, pairs: number): Promise<(Try & { readonly pair: readonly [Peer, Peer] })[]> {
	await world.renew(["port", "port"]);
	const all: (readonly [Peer, Peer])[] = [];
	for (let i = 0; i < pairs; i++) all.push(await Promise.all([world.connect("a"), world.connect("b")]));
	await Promise.all(all.flat().map((peer) => peer.nat()));
	await world.lab.cut("a-b");
	const first = Promise.all(all.map(async ([a, b]) => await a.visit(b)));
	await sleep(DEAD_MS);
	await world.lab.heal("a-b");
	const healedMs = nowMs();
	const before = await first;
	return await Promise.all(
		all.map(async (pair, i) => {
			const [from, to] = i % 2 === 0 ? pair : [pair[1], pair[0]];
			const opened = before[i] as Opened;
			if (opened.path !== "proxied") return { pair, ok: false, ms: opened.ms, note: `while the path was dead: ${JSON.stringify(opened)}` };
			await sleep((i * EVERY_MS) / pairs);
			let last: Opened | undefined;
			while (nowMs() - healedMs < WATCHED_MS) {
				last = await from.visit(to);
				if (last.path === "direct") return { pair, ok: true, ms: nowMs() - healedMs };
				await sleep(EVERY_MS);
			}
			return { pair, ok: false, ms: nowMs() - healedMs, note: `the last stream was ${last?.path ?? JSON.stringify(last?.error)}` };
		}),
	);
}
