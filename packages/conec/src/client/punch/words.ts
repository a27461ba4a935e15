/**
 * Why an attempt at hole punching failed, for people.
 *
 * @module
 */

import type { SocketAddress } from "../../transport/transport.ts";
import type { PunchPlan, PunchReport } from "./plan.ts";

/** What happened besides the probes. */
export interface PunchOutcome {
	/** Addresses that answered, but that QUIC could not connect to. */
	readonly dialled: readonly SocketAddress[];
	/** Whether a probe of the peer has come. */
	readonly heard: boolean;
}

/** One sentence that says what was tried. If the NATs explain the failure, it says so too. */
export function describeFailure(plan: PunchPlan, report: PunchReport, { dialled, heard }: PunchOutcome): string {
	if (plan.candidates.length === 0) return "the peer has no address that may be tried";
	if (dialled.length > 0) return `no QUIC connection came about with ${dialled.map(show).join(", ")}`;
	const natWords = describeNats(plan);
	const because = natWords === undefined ? "" : `; ${natWords}`;
	if (heard)
		return plan.role === "accept"
			? "the peer was heard, but it did not connect"
			: `the peer was heard, but no answer to a probe came within ${plan.deadlineMs} ms${because}`;
	if (!plan.punch) return `nobody came within ${plan.deadlineMs} ms, and this side does not punch holes${because}`;
	if (report.candidates.length === 0) return `the time of ${plan.deadlineMs} ms was over before it could begin`;
	const tried = report.candidates.map((path) => `${show(path)} (${path.probes} probes)`);
	if (report.predictedProbes > 0) tried.push(`predicted ports (${report.predictedProbes} probes)`);
	if (report.birthdayProbes > 0) tried.push(`random ports (${report.birthdayProbes} probes)`);
	return `no answer within ${plan.deadlineMs} ms from ${tried.join(", ")}${because}`;
}

/** IPv6 in brackets. */
function show({ address, port }: SocketAddress): string {
	return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

function describeNats({ ownNat, peerNat }: PunchPlan): string | undefined {
	const own = ownNat.mapping === "dependent";
	const peer = peerNat.mapping === "dependent";
	if (own && peer) return "both sides are behind NATs that use another port for every destination";
	if (own && peerNat.filtering === "by-port") return "this side's NAT uses another port for every destination, and the peer's lets in known ports only";
	if (peer && ownNat.filtering === "by-port") return "the peer's NAT uses another port for every destination, and this side's lets in known ports only";
	// The Coordinator has one address, so it cannot show this.
	const byAddress =
		(ownNat.mapping === "independent" && peerNat.filtering === "by-port") || (peerNat.mapping === "independent" && ownNat.filtering === "by-port");
	return byAddress ? "it cannot work if one of the NATs uses another port for each address, which is not known here" : undefined;
}
