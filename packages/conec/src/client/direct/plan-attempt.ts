/**
 * What a Client makes of its Coordinator's word to begin.
 *
 * @module
 */

import type { SocketAddress } from "../../transport/transport.ts";
import type { ChannelGo } from "../../wire/channel-messages.ts";
import { usableCandidates } from "../channel/index.ts";
import { NAT_UNKNOWN } from "../network/index.ts";
import type { PunchPlan } from "../punch/index.ts";
import type { DirectHost } from "./host.ts";
import { BIRTHDAY_TIMEOUT_MS } from "./wishes.ts";

/** See the module. `birthday`: this side's part, where this Client takes part in that method. */
export function planAttempt(
	go: ChannelGo,
	host: DirectHost,
	birthday: ChannelGo["birthday"],
): { readonly plan: PunchPlan; readonly deadlineMs: number; readonly coordinator: SocketAddress | undefined } {
	const { limits, network, holePunching } = host;
	const link = host.link();
	const coordinator = link?.connection.remoteAddress;
	const rttMs = link?.rttMs ?? 0;
	const deadlineMs = Math.min(go.deadlineMs, Math.max(limits.requestTimeoutMs, BIRTHDAY_TIMEOUT_MS));
	const waitMs = Math.min(go.waitMs, LONGEST_WAIT_MS);
	const candidates = usableCandidates(go.candidates, { own: network.place(link), birthday, limits });
	// What is known of this side's NAT is of the family of addresses by which it has reached the Coordinator.
	const seenAt = candidates.find(({ kind }) => kind === "reflexive");
	const comparable = seenAt === undefined || coordinator === undefined || isIpv6(seenAt) === isIpv6(coordinator);
	// What has not got through by then will not: packets for which there is no hope are not worth their grant.
	const punchMs = Math.round(Math.min(LONGEST_PUNCH_MS, Math.max(LEAST_PUNCH_MS, 12 * rttMs)));
	return {
		plan: {
			role: go.role,
			candidates,
			ownNat: comparable ? network.nat : NAT_UNKNOWN,
			peerNat: go.nat,
			punch: holePunching,
			peerPunch: go.punch,
			birthday,
			coordinatorRttMs: rttMs,
			waitMs,
			deadlineMs: birthday === undefined ? Math.min(deadlineMs, waitMs + punchMs) : deadlineMs,
		},
		deadlineMs,
		coordinator,
	};
}

function isIpv6({ address }: SocketAddress): boolean {
	return address.includes(":");
}

/** How long packets fly without the birthday method: twelve round trips to the Coordinator, within these bounds. */
const LEAST_PUNCH_MS = 1_500;
const LONGEST_PUNCH_MS = 4_000;

/** Longer than any Coordinator in its right mind makes both sides wait for each other. */
const LONGEST_WAIT_MS = 2_000;
