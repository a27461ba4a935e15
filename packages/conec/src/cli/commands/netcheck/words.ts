/**
 * What `conec netcheck` says, in lines for people. Pure.
 *
 * @module
 */

import { addressScope, type Family } from "../../machine/index.ts";
import { printable } from "../../text/index.ts";
import { directOutlook, endpoint, formatMs, natWords, type Participation } from "../../words/index.ts";
import type { FamilyLook } from "./network-look.ts";

/** All that was found. */
export interface Netcheck {
	readonly coordinator: string;
	/** Addresses of this machine. */
	readonly own: Readonly<Record<Family, readonly string[]>>;
	/** The way that Clients take here comes first. */
	readonly looks: readonly FamilyLook[];
}

/** With whom direct channels work from here, in a sentence or two: what the first way says, and what the other IP version adds. */
export function outlookOf(check: Netcheck, participation: Participation): string {
	const first = check.looks[0];
	if (first?.reached !== true) return "Direct channels need a Coordinator that is reached, and UDP.";
	if (addressScope(first.observed.address) === "machine")
		return "Direct channels work with Clients on this machine; run the Coordinator elsewhere to see what is between.";
	const other = participation.holePunching ? otherFamily(check, first, participation.listen ? "" : " called from here") : undefined;
	return `${directOutlook(first.nat, participation)}${other === undefined ? "" : ` ${other}`}`;
}

/** The Coordinator sees a Client at one address, so of the other IP version only what the machine itself has counts. */
function otherFamily({ own, looks }: Netcheck, first: FamilyLook & { readonly reached: true }, called: string): string | undefined {
	const isPublic = (family: Family): boolean => own[family].some((address) => addressScope(address) === "public");
	if (first.family === 6)
		return isPublic(4) ? undefined : "Peers without IPv6 are reached directly only in the same network, as the Coordinator sees this Client over IPv6.";
	const look = looks.find(({ family }) => family === 6);
	if (!isPublic(6) || look === undefined) return undefined;
	const works = look.reached && look.nat.mapping === "none" && look.nat.secondPort !== "silent";
	// A network that lets out only some ports does so with both.
	const mayWork = !look.reached && !look.tried && first.nat.secondPort !== "silent";
	return works || mayWork ? `Over IPv6 they ${works ? "work" : "may work"} with every peer${called} that has it too, whatever the NATs of IPv4.` : undefined;
}

/** The whole report, a line each. */
export function netcheckLines(check: Netcheck, participation: Participation): string[] {
	const { coordinator, own, looks } = check;
	const first = looks[0];
	const reached = looks.filter((look) => look.reached).map(({ family }) => `IPv${family}`);
	const tried = looks.some((look) => look.reached || look.tried);
	const lines = [
		`Coordinator  ${printable(coordinator)}${reached.length === 0 ? " is not reached" : `, reached over ${reached.join(" and ")}`}`,
		`UDP          ${reached.length > 0 ? "gets through" : tried ? "is blocked, or nothing listens there: no packet came back" : "is not tried: there is no way to the Coordinator from this machine"}`,
	];
	for (const look of looks) {
		lines.push(`IPv${look.family}         own ${own[look.family].join(", ") || "none"}`);
		if (look.reached) {
			lines.push(`             seen as ${endpoint(look.observed)}; round trip ${formatMs(look.roundTripMs)}`);
			lines.push(`             ${natLine(look)}`);
			if (look.nat.secondPort === "silent") lines.push("             the Coordinator's second UDP port does not answer");
		} else lines.push(`             not reached: ${printable(look.reason, 300)}`);
	}
	lines.push("", outlookOf(check, participation));
	if (first?.reached === true && addressScope(first.observed.address) === "private")
		lines.push("The Coordinator is in the same private network: what is between that and the Internet does not show.");
	return lines;
}

function natLine({ observed, nat }: FamilyLook & { readonly reached: true }): string {
	if (addressScope(observed.address) === "machine") return "NAT: nothing to see, the Coordinator is on this machine";
	return nat.mapping === "none" ? natWords(nat) : `NAT: ${natWords(nat)}`;
}
