/** A process stands still, and when it goes on, its machine has another address: a laptop that was asleep. */

import { nowMs, sleep } from "../actors/actions.ts";
import { eventually, type Peer, type World } from "../world.ts";

/** What the promise is. */
export const BACK_MS = 2_000;
const WATCHED_MS = 40_000;

/** How long after it goes on the Client at `a` is connected from its new address, as a stream through the Coordinator shows. Undefined: it is not. */
export async function awake(world: World, a: Peer, b: Peer, seconds: number): Promise<{ readonly backMs: number | undefined; readonly events: string }> {
	const actor = world.at("a");
	const before = nowMs();
	actor.freeze();
	await world.lab.readdr("a");
	await sleep(seconds * 1_000);
	actor.thaw();
	const awakeMs = nowMs();
	const opened = await eventually(WATCHED_MS, async () => {
		const stream = await a.openStream(b, "proxied");
		return stream.error === undefined ? nowMs() : undefined;
	});
	const events = (await a.events()).filter(({ atMs }) => atMs >= before).map(({ atMs, event }) => `${Math.round(atMs - awakeMs)} ms ${event.type}`);
	return { backMs: opened === undefined ? undefined : opened - awakeMs, events: events.join(", ") };
}
