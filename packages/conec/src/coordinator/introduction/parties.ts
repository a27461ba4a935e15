/**
 * What the Clients that take part in direct channels have said of themselves, and how far that is to be believed by now: they move, and their
 * own networks come and go without a word.
 *
 * @module
 */

import type { ChannelOffer, NatReport } from "../../wire/channel-messages.ts";
import type { Located, ReflectorSession, Whereabouts } from "../addresses/index.ts";
import type { Reservation } from "./introduce.ts";
import { hopelessReason, type ProspectSide } from "./nat-prospects.ts";

/** One of them. */
export interface Party {
	/** The newest that it has said, at its present address, and when. */
	said: { readonly offer: ChannelOffer; readonly atMs: number } | undefined;
	/** What it is known by at the second port. */
	reflected: ReflectorSession | undefined;
}

/** What one has said for an attempt, and how often it had moved then. */
export interface Statement {
	readonly offer: ChannelOffer;
	moves: number;
}

/** What a request wants, and what has been said and done about it. */
export interface Arrangement {
	readonly auto: boolean;
	/** What the requester says. */
	readonly asked: Statement;
	/** What the target says, once it has said yes. */
	consent: Statement | undefined;
	/** From the budget, until it is used. */
	reserved: Reservation;
}

/** What a Client would say now, as far as can be known without asking it. */
export function lately({ said }: Party, nowMs: number): ChannelOffer | undefined {
	return said !== undefined && nowMs < said.atMs + SAID_MS ? said.offer : undefined;
}

/** The offer as it is to be understood now: what was said of a NAT that its Client is not behind any more is worth nothing. */
export function upToDate<S extends Located>({ offer, moves }: Statement, session: S, whereabouts: Whereabouts<S>): ChannelOffer {
	return moves === whereabouts.moves(session) ? offer : { ...offer, nat: NAT_UNKNOWN };
}

/** Whether one of the two has moved since both were told to begin, or perhaps has. */
export function movedMeanwhile<S extends Located>(
	{ requester, target }: { readonly requester: S; readonly target: S },
	{ asked, consent }: Arrangement,
	whereabouts: Whereabouts<S>,
): boolean {
	if (whereabouts.moves(requester) !== asked.moves || whereabouts.moves(target) !== consent?.moves) return true;
	return whereabouts.unproven(requester) || whereabouts.unproven(target);
}

/** Why a direct channel between two is out of reach, or `undefined`. */
export function hopelessBetween<S extends Located>(
	sides: readonly [readonly [S, ChannelOffer], readonly [S, ChannelOffer]],
	whereabouts: Whereabouts<S>,
	birthday: boolean,
): string | undefined {
	const [a, b] = sides.map(([session, { nat, hosts }]): ProspectSide => ({ nat, hosts, reflexive: whereabouts.of(session) }));
	return a === undefined || b === undefined ? undefined : hopelessReason([a, b], birthday);
}

/** How long what a Client said of its networks is believed without asking. */
const SAID_MS = 600_000;

const NAT_UNKNOWN: NatReport = { mapping: "unknown", filtering: "unknown" };
