/** Thirty Clients in five homes want to speak with each other, all of them at once. */

import { nowMs, sleep } from "./actors/actions.ts";
import type { Machine, Owner } from "./lab.ts";
import type { NatKind } from "./nat-kind.ts";
import { CROWD_MS, type Crowd, expectationOf } from "./report/results.ts";
import { type Peer, World } from "./world.ts";

const KINDS: readonly NatKind[] = ["port", "eim", "full", "reject", "sym"];
const PLACES: readonly Machine[] = ["a", "a2", "b", "b2", "c", "c2", "d", "d2", "e", "e2"];
/** In one process each, as two cores are to suffice. */
const CLIENTS_PER_MACHINE = 3;
/** A stream that is not direct, or a channel that failed, is followed by another one this much later. */
const EVERY_MS = 2_000;

/** Of those that did not get there, so many say why. */
const DETAILS = 6;

/** `stream`: with path `auto`. `channel`: `openChannel`. Over when every pair that can be direct is, or after {@link CROWD_MS}. */
export async function crowd(owner: Owner, how: "stream" | "channel"): Promise<Crowd> {
	const [a, b, ...more] = KINDS as [NatKind, NatKind, ...NatKind[]];
	const world = await World.up(owner, { a, b, more, machines: 2 }, PLACES);
	const clients: { readonly peer: Peer; readonly home: number }[] = [];
	for (let i = 0; i < CLIENTS_PER_MACHINE; i++) {
		const connected = await Promise.all(PLACES.map(async (place) => ({ peer: await world.connect(place), home: "abcde".indexOf(place.charAt(0)) })));
		clients.push(...connected);
	}
	await Promise.all(clients.map(({ peer }) => peer.nat()));
	const pairs = clients.flatMap((one, i) => clients.slice(i + 1).map((other) => ({ one, other })));
	const able = pairs.filter(
		({ one, other }) => one.home === other.home || expectationOf(KINDS[one.home] as NatKind, KINDS[other.home] as NatKind) === "direct",
	);
	const startedMs = nowMs();
	const direct: number[] = [];
	const left: string[] = [];
	let unexpected = 0;
	let missing = able.length;
	await Promise.all(
		pairs.map(async (pair, i) => {
			// Every Client asks about half of the others.
			const [one, other] = i % 2 === 0 ? [pair.one, pair.other] : [pair.other, pair.one];
			const [from, to] = [one.peer, other.peer];
			const expected = able.includes(pair);
			let last = "";
			while (nowMs() - startedMs < CROWD_MS && missing > 0) {
				const { error, path } = how === "stream" ? await from.visit(to) : { path: "direct", ...(await from.openChannel(to)) };
				if (error === undefined && path === "direct") {
					if (!expected) unexpected++;
					else {
						direct.push(nowMs() - startedMs);
						missing--;
					}
					return;
				}
				last = error === undefined ? `${path}` : `${error.code}: ${error.message}`;
				await sleep(EVERY_MS);
			}
			if (expected) left.push(`${KINDS[one.home]} to ${KINDS[other.home]}, ${last}: ${await reasons(from, to)}`);
		}),
	);
	const note = left.slice(0, DETAILS).join("; ");
	return { name: how, pairs: pairs.length, able: able.length, direct, unexpected, ...(note === "" ? {} : { note }) };
}

/** What both sides know. */
async function reasons(from: Peer, to: Peer): Promise<string> {
	const [one, other] = await Promise.all([from.explain(to), to.explain(from)]);
	return `${reasonOf(one)} / ${reasonOf(other)}`;
}

const reasonOf = (explained: unknown): string => String((explained as { reason?: unknown }).reason);
