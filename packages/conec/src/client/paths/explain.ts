/**
 * How a peer is reached, and why so, put together from what is known at this Client.
 *
 * @module
 */

import type { PathReport } from "../../session/path-report.ts";
import type { NatReport } from "../../wire/channel-messages.ts";
import type { DirectChannel } from "../channel/index.ts";
import type { PastAttempt } from "../direct/index.ts";

/** What there is to go by. */
export interface PathFacts {
	readonly id: string;
	readonly peer: string;
	/** Whether streams can go through the Coordinator; if not, why, in words. */
	readonly proxied: true | string;
	/** Whether the Coordinator arranges direct channels. */
	readonly arranged: boolean;
	readonly channel: DirectChannel | undefined;
	readonly last: PastAttempt | undefined;
	/** Why "auto" does not try, where it does not. */
	readonly hopeless: string | undefined;
	/** An attempt is under way. */
	readonly trying: boolean;
	readonly ownNat: NatReport;
	/** The Coordinator's second port has been asked, to the end and in vain. */
	readonly silentPort: boolean;
}

/** See the module. */
export function explainPath(facts: PathFacts): PathReport {
	const { id, peer, channel, last, ownNat } = facts;
	const known = { peers: [id, peer] as const, candidates: last?.candidates ?? [], nat: { own: ownNat, ...(last === undefined ? {} : { peer: last.peerNat }) } };
	if (channel !== undefined) {
		const { rttMs, remoteAddress, since } = channel.stats();
		return { ...known, path: "direct", reason: channel.dialled ? "this side dialled" : "the peer dialled", address: remoteAddress, rttMs, since };
	}
	if (facts.proxied !== true) return { ...known, path: "none", reason: facts.proxied };
	return { ...known, path: "proxied", reason: whyNotDirect(facts) };
}

function whyNotDirect({ id, peer, arranged, last, hopeless, trying, silentPort }: PathFacts): string {
	if (id === peer) return "streams to oneself go through the Coordinator";
	if (!arranged) return "the Coordinator arranges no direct channels";
	if (trying) return "a direct channel is being tried";
	const failed = hopeless ?? (last?.outcome === "failed" ? last.reason : undefined);
	if (failed === undefined) return last === undefined ? "no direct channel has been tried" : "the direct channel has ended";
	return silentPort ? `${failed}; the Coordinator's second UDP port does not answer either, so this network may let out only some ports` : failed;
}
