/**
 * What is known of a NAT, in words: those of RFC 4787, the familiar ones, and what follows for direct channels. Pure.
 *
 * @module
 */

import type { NatReport } from "../index.ts";

/** The familiar names; `firewall`: no NAT, but packets from unknown ports are kept out. */
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
			return filtering === "by-port"
				? `port-restricted cone NAT (endpoint-independent mapping, ${filters})`
				: `cone NAT (endpoint-independent mapping, ${filters})`;
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
export function directOutlook(nat: NatReport, { listen, holePunching, birthday }: Participation): string {
	if (!holePunching)
		return `Without hole punching, direct channels work ${listen ? "only with peers" : "only with peers called from here"} whose network lets packets in as they are.`;
	return `Direct channels work ${OUTLOOK[natKind(nat)](listen ? "" : " called from here", nat.portStep !== undefined, birthday)}`;
}

type Outlook = (called: string, predictable: boolean, birthday: boolean) => string;

const guessing = (birthday: boolean): string => (birthday ? "if they say --birthday too" : "if both sides say --birthday");

const everybody: Outlook = (called) => `with every peer${called} that UDP reaches.`;

const byPort: Outlook = (called, _, birthday) =>
	`with every peer${called} but those behind a symmetric NAT: with these if its ports are predictable, or ${guessing(birthday)}.`;

const OUTLOOK: Readonly<Record<NatKind, Outlook>> = {
	unknown: (called) => `with most peers${called}; with which ones is not known, as the Coordinator has no second port to look at the NAT with.`,
	none: everybody,
	cone: everybody,
	firewall: byPort,
	"port-restricted": byPort,
	symmetric: (called, predictable, birthday) =>
		predictable
			? `with peers${called} without a symmetric NAT of their own: ports here are predictable.`
			: `only with peers${called} whose network lets in every port of an address that they have sent to (no NAT, or full or restricted cone); with port-restricted ones ${guessing(birthday)}.`,
};

const FILTERING: Readonly<Record<NatReport["filtering"], string>> = {
	open: "filtering by address or not at all",
	"by-port": "address- and port-dependent filtering",
	unknown: "filtering not known",
};
