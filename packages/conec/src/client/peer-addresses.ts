/**
 * Where a Client sends to when its Coordinator says so: never just anywhere. A Coordinator that is wrong, or worse, makes no
 * Client send to a group, to a machine's own services or to the Coordinator itself, nor more than the Client's own limits.
 *
 * @module
 */

import { mayBeBroadcast, scopeOf } from "../entity/address-scope.ts";
import type { Limits } from "../options.ts";
import type { SocketAddress } from "../transport/transport.ts";
import type { ChannelCandidate } from "../wire/channel-messages.ts";
import { formatIp, parseIp, unmapIp } from "../wire/ip-address.ts";
import { BIRTHDAY_PROBES, BIRTHDAY_ROUNDS, BIRTHDAY_SOCKETS } from "./holepunch-birthday.ts";

/** The address in its one spelling, or `undefined` where nothing is sent to. `coordinator`: where this Client reaches its Coordinator; a loopback address is good only beside one on this machine. */
export function usableAddress({ address, port }: SocketAddress, coordinator: SocketAddress | undefined): SocketAddress | undefined {
	const bytes = parseIp(address);
	if (bytes === undefined) return undefined;
	const ip = unmapIp(bytes);
	const usable = { address: formatIp(ip), port };
	const scope = scopeOf(ip);
	if (scope === "never" || (scope === "loopback" && !isLoopback(coordinator))) return undefined;
	return usable.address === coordinator?.address && port === coordinator.port ? undefined : usable;
}

/** The candidates of `channel-go` that are tried, each with as many packets as this Client lets itself send. */
export function usableCandidates(
	candidates: readonly ChannelCandidate[],
	{
		coordinator,
		birthday,
		limits,
	}: { readonly coordinator: SocketAddress | undefined; readonly birthday: "hard" | "easy" | undefined; readonly limits: Limits },
): ChannelCandidate[] {
	const more = birthday === undefined ? 0 : birthday === "hard" ? BIRTHDAY_ROUNDS * BIRTHDAY_SOCKETS : BIRTHDAY_PROBES;
	return candidates.flatMap((candidate) => {
		const { kind } = candidate;
		const at = usableAddress(candidate, coordinator);
		if (at === undefined || (kind === "host" && mayBeBroadcast(parseIp(at.address) ?? new Uint8Array()))) return [];
		return [{ ...at, kind, packets: Math.min(candidate.packets, limits.punchPacketsPerAttempt + (kind === "reflexive" ? more : 0)) }];
	});
}

/** Whether packets to it stay on this machine. */
export function isLoopback(at: SocketAddress | undefined): boolean {
	const bytes = parseIp(at?.address ?? "");
	return bytes !== undefined && scopeOf(unmapIp(bytes)) === "loopback";
}
