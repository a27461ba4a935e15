/**
 * What applications do in a walk with streams that survive the loss of their connection. Each returns whether it could be done.
 *
 * @module
 */

import { moveStream } from "../../src/session/resumption/index.ts";
import type { FramedStream } from "../../src/stream/framed-stream.ts";
import { OPEN_MS, peerOf, withClient } from "./acts.ts";
import type { Weighted } from "./chooser.ts";
import type { StreamEnd } from "./end-record.ts";
import type { Walk } from "./walk.ts";

const PATHS = ["auto", "direct", "proxied"] as const;

/** See the module. */
export const LEG_ACTS: readonly Weighted<Walk>[] = [
	{
		name: "open a stream that survives",
		weight: 6,
		run: (walk) =>
			withClient(walk, (actor, client) => {
				const to = walk.choose.chance(0.1) ? null : peerOf(walk, actor);
				const path = walk.choose.pick(PATHS);
				if (path === "direct" && to === actor.id) return false;
				const facts = (metadata: number) => ({ metadata, early: walk.choose.chance(0.15), resumable: { forMs: walk.choose.pick([500, 5_000, 20_000]) } });
				const open = (metadata: number) => (to === null ? client.openCoordinatorStream(facts(metadata)) : client.openStream(to, { ...facts(metadata), path }));
				walk.open(actor, to, `open-surviving-${path}`, OPEN_MS, open, { only: to === null || path === "auto" ? undefined : path });
				return true;
			}),
	},
	{
		name: "move a stream to another path",
		weight: 6,
		run: (walk) =>
			withSurvivor(walk, (end) => {
				const moved = moveStream((end.stream as FramedStream).keeper, walk.choose.pick(["direct", "proxied"] as const), walk.choose.chance(0.3));
				if (moved) walk.sights.add(`a move of a stream that was ${end.stream.path}`);
				return moved;
			}),
	},
	{
		name: "the channel goes under a stream that survives",
		weight: 2,
		run: (walk) =>
			withSurvivor(walk, (end) => {
				const { party, stream } = end;
				if (stream.path !== "direct" || stream.peer === null) return false;
				const [near, far] = [walk.actors.get(party.id ?? ""), walk.actors.get(stream.peer)];
				const channel = near?.client?.channels().find(({ peer }) => peer === stream.peer);
				if (near === undefined || far === undefined || channel === undefined) return false;
				walk.world.note(`${near.name} loses its channel to ${far.name}`);
				if (walk.choose.chance(0.5)) walk.world.cut(near.machine, far.machine);
				else walk.ask(near, `close-channel to ${channel.peer}`, 3_000, channel.close()).catch(() => undefined);
				return true;
			}),
	},
	{
		name: "send on a stream that survives",
		weight: 8,
		run: (walk) =>
			withSurvivor(walk, (end) => {
				if (end.closing !== undefined) return false;
				for (let count = walk.choose.integer(1, 20); count > 0; count--) end.send(walk.choose.pick([0, 20, 1_500, 9_000]));
				return true;
			}),
	},
];

/** Does it with an end of some stream that survives and is not over. */
function withSurvivor(walk: Walk, act: (end: StreamEnd) => boolean): boolean {
	const parties = [...walk.actors.values()].filter((party) => !party.killed && !party.left);
	const end = walk.choose.any(parties.flatMap((party) => party.liveEnds()).filter(({ stream }) => stream.resumable));
	return end !== undefined && act(end);
}
