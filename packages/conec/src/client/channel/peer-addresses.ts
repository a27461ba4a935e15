/**
 * Where a Client sends to when its Coordinator says so: never just anywhere. A Coordinator or a peer that is wrong, or worse,
 * makes no Client send to a group, to its own machine or to the Coordinator itself, nor more than the Client's own limits.
 *
 * @module
 */

import type { ClientLimits } from "../../limits.ts";
import type { SocketAddress } from "../../transport/transport.ts";
import { mayBeBroadcast, scopeOf } from "../../wire/address-scope.ts";
import type { ChannelCandidate } from "../../wire/channel-messages.ts";
import { canonicalIp, formatIp, parseIp, unmapIp } from "../../wire/ip-address.ts";
import type { OwnPlace } from "../network/index.ts";
import { BIRTHDAY_PROBES, BIRTHDAY_ROUNDS, BIRTHDAY_SOCKETS } from "../punch/index.ts";

/** The address of a peer in its one spelling, or `undefined` where nothing is sent to. `named`: everything that is said of where that peer is. */
export function usableAddress(at: SocketAddress, own: OwnPlace, named: readonly NamedAddress[]): SocketAddress | undefined {
	const bytes = parseIp(at.address);
	if (bytes === undefined) return undefined;
	const ip = unmapIp(bytes);
	const usable = { address: formatIp(ip), port: at.port };
	if (scopeOf(ip) === "never" || own.broadcasts.has(usable.address)) return undefined;
	if (scopeOf(ip) === "loopback" && !isLoopback(own.coordinator)) return undefined;
	if (isSame(usable, own.coordinator) || isSame(usable, own.observed) || isOwnSocket(usable, own)) return undefined;
	return isOfMachine(usable.address, own) && !isOnThisMachine(named, own) ? undefined : usable;
}

/** The candidates of `channel-go` that are tried, each with as many packets as this Client lets itself send. */
export function usableCandidates(
	candidates: readonly ChannelCandidate[],
	{ own, birthday, limits }: { readonly own: OwnPlace; readonly birthday: "hard" | "easy" | undefined; readonly limits: ClientLimits },
): ChannelCandidate[] {
	const more = birthday === undefined ? 0 : birthday === "hard" ? BIRTHDAY_ROUNDS * BIRTHDAY_SOCKETS : BIRTHDAY_PROBES;
	return candidates.flatMap((candidate) => {
		const { kind } = candidate;
		const at = usableAddress(candidate, own, candidates);
		if (at === undefined || (kind === "host" && mayBeBroadcast(parseIp(at.address) ?? new Uint8Array()))) return [];
		return [{ ...at, kind, packets: Math.min(candidate.packets, limits.punchPacketsPerAttempt + (kind === "reflexive" ? more : 0)) }];
	});
}

/** Whether packets to it stay on this machine. */
export function isLoopback(at: SocketAddress | undefined): boolean {
	const bytes = parseIp(at?.address ?? "");
	return bytes !== undefined && scopeOf(unmapIp(bytes)) === "loopback";
}

/** An address that the peer names as its own (`host`), or at which the Coordinator sees it (`reflexive`). */
export type NamedAddress = Pick<ChannelCandidate, "address" | "kind">;

/**
 * Whether everything speaks for a peer on this very machine. It names no address that this machine has not, which one beside
 * it on the same network does; and the Coordinator sees both at one address, or the peer at a public one of this machine.
 * A Coordinator on this machine sees its neighbours there at any address of the machine, or at loopback, which it tells nobody
 * who came by another.
 */
function isOnThisMachine(named: readonly NamedAddress[], own: OwnPlace): boolean {
	const addresses = named.map(({ address, kind }) => ({ address: canonicalIp(address) ?? address, kind }));
	if (!addresses.every(({ address, kind }) => kind === "reflexive" || isOfMachine(address, own))) return false;
	const seen = addresses.find(({ kind }) => kind === "reflexive")?.address;
	const withCoordinator = own.coordinator !== undefined && isOfMachine(own.coordinator.address, own);
	if (seen === undefined) return withCoordinator;
	if (seen === own.observed?.address) return true;
	return isOfMachine(seen, own) && (withCoordinator || scopeOf(parseIp(seen) ?? new Uint8Array(4)) === "public");
}

function isOfMachine(address: string, { machine }: OwnPlace): boolean {
	return machine.has(address) || isLoopback({ address, port: 0 });
}

function isOwnSocket({ address, port }: SocketAddress, own: OwnPlace): boolean {
	const { socket } = own;
	if (port !== socket.port) return false;
	return socket.address === "::" || socket.address === "0.0.0.0" ? isOfMachine(address, own) : address === socket.address;
}

function isSame(a: SocketAddress, b: SocketAddress | undefined): boolean {
	return a.address === b?.address && a.port === b.port;
}
