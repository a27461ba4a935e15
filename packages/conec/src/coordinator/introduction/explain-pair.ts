/**
 * How two connected Clients reach each other, as far as they have said.
 *
 * @module
 */

import type { PathReport } from "../../session/path-report.ts";
import type { NatReport } from "../../wire/channel-messages.ts";
import type { PairFacts } from "./path-reports.ts";

/** One of the two. */
export interface ExplainedSide {
	readonly id: string;
	/** It takes part in direct channels. */
	readonly takesPart: boolean;
	/** What it has said of its NAT. */
	readonly nat: NatReport | undefined;
}

/** See the module; `own` first. `connected`: both say that they have a channel, also one from before they came here. */
export function explainPair(own: ExplainedSide, peer: ExplainedSide, facts: PairFacts | undefined, connected: boolean): PathReport {
	const nat = { ...(own.nat === undefined ? {} : { own: own.nat }), ...(peer.nat === undefined ? {} : { peer: peer.nat }) };
	const common = { peers: [own.id, peer.id] as const, candidates: facts?.candidates ?? [], nat };
	if (facts?.live !== undefined) {
		const { address, rttMs, requester } = facts.live;
		return {
			...common,
			path: "direct",
			reason: facts.reason,
			...(address === undefined || requester !== own.id ? {} : { address }),
			...(rttMs === undefined ? {} : { rttMs }),
			since: facts.since,
		};
	}
	if (connected) return { ...common, path: "direct", reason: "both have a direct channel from before" };
	const without = own.takesPart ? (peer.takesPart ? undefined : peer) : own;
	const why = without === undefined ? "nobody has asked for a direct channel" : `"${without.id}" does not take part in direct channels`;
	return { ...common, path: "proxied", reason: facts?.reason ?? why, ...(facts === undefined ? {} : { since: facts.since }) };
}
