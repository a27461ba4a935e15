/**
 * What two networks let hope for.
 *
 * @module
 */

import { scopeOf } from "../../wire/address-scope.ts";
import type { NatReport } from "../../wire/channel-messages.ts";
import type { WireAddress } from "../../wire/fields.ts";
import { canonicalIp, parseIp, unmapIp } from "../../wire/ip-address.ts";

/** What is known of one of the two. */
export interface ProspectSide {
	/** Of the NAT in the family of addresses by which it has reached the Coordinator. */
	readonly nat: NatReport;
	/** Its validated address, if there is one. */
	readonly reflexive: WireAddress | undefined;
	/** What it says of its own socket. */
	readonly hosts: readonly WireAddress[];
}

/** Why a direct channel is out of reach, or `undefined` where it may succeed. `birthday`: that method is granted. */
export function hopelessReason([one, other]: readonly [ProspectSide, ProspectSide], birthday: boolean): string | undefined {
	// Most likely one network, where host candidates do.
	if (atOneSite(one.reflexive, other.reflexive)) return undefined;
	if (!shareFamily(one, other)) return "one has only IPv4, and the other only IPv6";
	// What is known of the NATs is of one family each; IPv6 has other ways, and nearly never a NAT.
	if (!inOneFamily(one.reflexive, other.reflexive) || (hasGlobalIpv6(one) && hasGlobalIpv6(other))) return undefined;
	// A port that its router has mapped lets everybody in, whatever the NAT does else.
	if (hasMappedPort(one) || hasMappedPort(other)) return undefined;
	const [a, b] = [one.nat, other.nat];
	if (a.mapping === "dependent" && b.mapping === "dependent") return "both are behind a symmetric NAT";
	const [hard, easy] = a.mapping === "dependent" ? [a, b] : [b, a];
	if (hard.mapping !== "dependent" || easy.filtering !== "by-port" || hard.portStep !== undefined || birthday) return undefined;
	return "one is behind a symmetric NAT, and the other lets in only ports that it has sent to";
}

/** Who does which part of the birthday method, or `undefined` where it is of no use: the first's part. */
export function birthdayPart([a, b]: readonly [NatReport, NatReport]): "hard" | "easy" | undefined {
	const [hardA, hardB] = [a.mapping === "dependent", b.mapping === "dependent"];
	if (hardA === hardB) return undefined;
	const [hard, easy] = hardA ? [a, b] : [b, a];
	if (easy.filtering !== "by-port" || hard.portStep !== undefined) return undefined;
	return hardA ? "hard" : "easy";
}

/** Whether both are seen at one IP address. */
export function atOneSite(a: WireAddress | undefined, b: WireAddress | undefined): boolean {
	return a !== undefined && b !== undefined && canonicalIp(a.address) === canonicalIp(b.address);
}

/** Whether both are seen at addresses of one family; what is said of their NATs can be compared only then. */
export function inOneFamily(a: WireAddress | undefined, b: WireAddress | undefined): boolean {
	return a === undefined || b === undefined || isIpv6(a) === isIpv6(b);
}

function addressesOf({ reflexive, hosts }: ProspectSide): readonly WireAddress[] {
	return reflexive === undefined ? hosts : [reflexive, ...hosts];
}

function shareFamily(a: ProspectSide, b: ProspectSide): boolean {
	const [ofA, ofB] = [addressesOf(a), addressesOf(b)];
	// Of whom no address is known, nothing is known.
	return ofA.length === 0 || ofB.length === 0 || ofB.some((address) => ofA.some((other) => isIpv6(other) === isIpv6(address)));
}

function hasGlobalIpv6(side: ProspectSide): boolean {
	return addressesOf(side).some((address) => {
		const bytes = bytesOf(address);
		return bytes?.length === 16 && scopeOf(bytes) === "public";
	});
}

/** Whether it is behind a symmetric NAT and names a public IPv4 address all the same: its router has said so. */
function hasMappedPort({ nat, hosts }: ProspectSide): boolean {
	return nat.mapping === "dependent" && hosts.some((host) => isPublicIpv4(bytesOf(host)));
}

function isPublicIpv4(bytes: Uint8Array | undefined): boolean {
	return bytes?.length === 4 && scopeOf(bytes) === "public";
}

function isIpv6(address: WireAddress): boolean {
	return bytesOf(address)?.length === 16;
}

function bytesOf({ address }: WireAddress): Uint8Array | undefined {
	const bytes = parseIp(address);
	return bytes === undefined ? undefined : unmapIp(bytes);
}
