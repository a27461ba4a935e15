/**
 * What is known of a NAT, in words: those of RFC 4787, the familiar ones, and what follows for direct channels. Pure.
 *
 * @module
 */

import type { NatReport, OwnNat } from "../../index.ts";

/**
 * The familiar names, as far as one address of the Coordinator can tell: "cone" and "port-restricted" may also be a NAT that
 * has another port for each address (address-dependent mapping). `firewall`: no NAT, but packets from unknown ports are kept out.
 */
export type NatKind = "unknown" | "none" | "firewall" | "cone" | "port-restricted" | "symmetric";

/** Which of the familiar kinds it is. */
export function natKind({ mapping, filtering }: NatReport): NatKind {
	switch (mapping) {
		case "none":
			return filtering === "by-port" ? "firewall" : "none";
		case "independent":
			return filtering === "by-port" ? "port-restricted" : "cone";
		case "dependent":
			return "symmetric";
		default:
			return "unknown";
	}
}

/** The kind and how it maps and filters, for a line of its own. */
export function natWords(nat: NatReport): string {
	const { mapping, filtering, portStep } = nat;
	const filters = FILTERING[filtering];
	switch (mapping) {
		case "none":
			return filtering === "by-port" ? `no NAT, but a firewall (${filters})` : `no NAT (${filters})`;
		case "independent":
			return `${filtering === "by-port" ? "port-restricted" : "cone"} or address-dependent NAT (the Coordinator's one address cannot show which; ${filters})`;
		case "dependent": {
			const ports = portStep === undefined ? "ports not predictable" : `predictable: ports go up by ${portStep}`;
			return `symmetric NAT (address- and port-dependent mapping, ${ports}; ${filters})`;
		}
		default:
			return "not known";
	}
}

/** How a Client takes part in direct channels. */
export interface Participation {
	readonly listen: boolean;
	readonly holePunching: boolean;
	readonly birthday: boolean;
}

/** With whom direct channels work from behind such a NAT, in one sentence. */
export function directOutlook(nat: OwnNat, { listen, holePunching, birthday }: Participation): string {
	const called = listen ? "" : " called from here";
	if (!holePunching) {
		// A peer that does punch gets through to a machine that lets it in.
		return natKind(nat) === "none"
			? `Without hole punching, direct channels work with peers${called} whose network lets packets in as they are; should no firewall here keep out addresses that were never sent to, also with peers${called} that do punch holes.`
			: `Without hole punching, direct channels work only with peers${called} whose network lets packets in as they are.`;
	}
	if (nat.secondPort === "silent") return SILENT;
	return `Direct channels work ${OUTLOOK[natKind(nat)](called, nat.portStep !== undefined, birthday)}`;
}

const SILENT =
	"Direct channels may not work at all from here: the Coordinator's second UDP port does not answer, so either this network lets UDP out only to some ports, or the Coordinator's firewall keeps that one closed.";

type Outlook = (called: string, predictable: boolean, birthday: boolean) => string;

const guessing = (birthday: boolean): string => (birthday ? "if they say --birthday too" : "if both sides say --birthday");

/** What holds for a NAT that has another port for each address, and is not known to. */
const IF_BY_ADDRESS =
	"should this NAT have another port for each address, only with those whose network lets in every port of an address that they have sent to";

const butByAddress = (called: string, birthday: boolean): string =>
	`with every peer${called} but those behind a symmetric or address-dependent NAT: with a symmetric one if its ports are predictable, or ${guessing(birthday)}`;

const OUTLOOK: Readonly<Record<NatKind, Outlook>> = {
	unknown: (called) => `with most peers${called}; with which ones is not known, as the Coordinator has no second port to look at the NAT with.`,
	none: (called) => `with every peer${called} that UDP reaches.`,
	cone: (called) => `with every peer${called} that UDP reaches; ${IF_BY_ADDRESS}.`,
	firewall: (called, _, birthday) => `${butByAddress(called, birthday)}.`,
	"port-restricted": (called, _, birthday) => `${butByAddress(called, birthday)}; ${IF_BY_ADDRESS}.`,
	symmetric: (called, predictable, birthday) =>
		predictable
			? `with peers${called} without a symmetric or address-dependent NAT of their own: ports here are predictable.`
			: `only with peers${called} whose network lets in every port of an address that they have sent to (no NAT, or full or restricted cone); with port-restricted ones ${guessing(birthday)}.`,
};

const FILTERING: Readonly<Record<NatReport["filtering"], string>> = {
	open: "filtering by address or not at all",
	"by-port": "address- and port-dependent filtering",
	unknown: "filtering not known",
};
