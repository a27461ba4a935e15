/** A Client's address changes while it does nothing; some seconds later somebody wants to speak with it, or it with somebody. */

import { nowMs, sleep } from "./actors/actions.ts";
import type { NatKind } from "./nat-kind.ts";
import type { Try } from "./report/results.ts";
import type { Peer, World } from "./world.ts";

/** It is called this long after it has moved: its next keep-alive has told the Coordinator's machine, and nothing else has. */
const CALLED_AFTER_MS = 9_000;

/** A change on the side of B. */
export interface Move {
	readonly name: string;
	readonly kinds: readonly [NatKind, NatKind];
	readonly strike: (world: World) => Promise<unknown>;
}

export const MOVES: readonly Move[] = [
	{ name: "its NAT gives it another port", kinds: ["port", "eim"], strike: ({ lab }) => lab.flush("B") },
	{ name: "its router gets another address", kinds: ["port", "port"], strike: ({ lab }) => lab.roam("B") },
	{ name: "it gets another address in its network", kinds: ["port", "port"], strike: ({ lab }) => lab.readdr("b") },
	{ name: "both move", kinds: ["eim", "eim"], strike: ({ lab }) => Promise.all([lab.flush("A"), lab.roam("B")]) },
];

/** Who speaks first, and how. Each is another pair of Clients. */
export const CALLS = ["a peer calls it, stream", "a peer calls it, channel", "it calls a peer, stream", "it calls a peer, channel"] as const;
export type Call = (typeof CALLS)[number];

/** All the {@link CALLS} after one move, one after the other. A stream has path `auto`, and has to be direct at the first try. */
export async function afterMove(world: World, move: Move): Promise<ReadonlyMap<Call, Try & { readonly pair: readonly [Peer, Peer] }>> {
	await world.renew(move.kinds);
	const pairs: (readonly [Peer, Peer])[] = [];
	for (const _ of CALLS) pairs.push(await Promise.all([world.connect("a"), world.connect("b")]));
	await Promise.all(pairs.flat().map((peer) => peer.nat())); // what a Client does after connecting is over
	await move.strike(world);
	const movedMs = nowMs();
	const tries = new Map<Call, Try & { readonly pair: readonly [Peer, Peer] }>();
	for (const [i, call] of CALLS.entries()) {
		const pair = pairs[i] as readonly [Peer, Peer];
		const [from, to] = call.startsWith("a peer") ? pair : [pair[1], pair[0]];
		await sleep(Math.max(0, movedMs + CALLED_AFTER_MS - nowMs()));
		tries.set(call, { pair, ...(call.endsWith("stream") ? await stream(from, to) : await channel(from, to)) });
	}
	return tries;
}

async function stream(from: Peer, to: Peer): Promise<Try> {
	const { ms, path, error } = await from.openStream(to);
	if (path === "direct") return { ok: true, ms };
	return { ok: false, ms, note: error === undefined ? `the path is ${path}` : `${error.code}: ${error.message}` };
}

async function channel(from: Peer, to: Peer): Promise<Try> {
	const { ms, error } = await from.openChannel(to);
	return error === undefined ? { ok: true, ms } : { ok: false, ms, note: `${error.code}: ${error.message}` };
}
