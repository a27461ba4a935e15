/**
 * What `conec netcheck` finds out over one IP version: whether the Coordinator is reached, how far it is, and the NAT between.
 *
 * @module
 */

import { isIP } from "node:net";
import type { Client, OwnNat, SocketAddress } from "../../../index.ts";
import { PROTOCOLS } from "../../connecting/index.ts";
import type { Family } from "../../machine/index.ts";
import type { Clock, Machine } from "../../surroundings/index.ts";

/** What was found. */
export type FamilyLook =
	| {
			readonly family: Family;
			readonly reached: true;
			/** This machine as the Coordinator sees it. */
			readonly observed: SocketAddress;
			readonly roundTripMs: number;
			readonly nat: OwnNat;
	  }
	/** `reason`: in words. `tried`: packets were sent; else there was nowhere to send them, or no way. */
	| { readonly family: Family; readonly reached: false; readonly reason: string; readonly tried: boolean };

/** Looks at the network through a connected Client, for a second or so. Rejects when the Client ends. */
export async function lookThrough(client: Client, clock: Clock): Promise<FamilyLook & { readonly reached: true }> {
	const [observed, roundTripMs, nat] = await Promise.all([observedAddress(client), roundTripToCoordinator(client, clock), client.nat()]);
	return { family: isIP(observed.address) === 6 ? 6 : 4, reached: true, observed, roundTripMs, nat };
}

/** Addresses of a Coordinator given as `host`, `host:port` or `[v6]:port`, of one IP version, as `ip:port`. Empty also where the name is not known. */
export async function coordinatorAddresses(coordinator: string, family: Family, machine: Pick<Machine, "lookup">): Promise<string[]> {
	const match = /^\[([^\]]+)\](:\d+)?$/.exec(coordinator) ?? (isIP(coordinator) === 6 ? [coordinator, coordinator, ""] : /^([^:]+)(:\d+)?$/.exec(coordinator));
	const [host = "", port = ""] = match?.slice(1) ?? [];
	const found = await machine.lookup(host).catch(() => []);
	return found.filter((one) => one.family === family).map(({ address }) => (family === 6 ? `[${address}]${port}` : `${address}${port}`));
}

async function observedAddress(client: Client): Promise<SocketAddress> {
	for await (const status of client.status()) if (status.type === "connected") return status.observedAddress;
	await client.closed;
	throw new TypeError("the Client has ended");
}

/** A stream to oneself goes to the Coordinator and back twice for one message there and back. This Client answers its own pings. */
async function roundTripToCoordinator(client: Client, clock: Clock): Promise<number> {
	const stream = await client.openStream(client.id, { protocol: PROTOCOLS.ping, path: "proxied" });
	let leastMs = Number.POSITIVE_INFINITY;
	for (let count = 0; count < MESSAGES; count += 1) {
		const sentAtMs = clock.nowMs();
		await stream.send(new Uint8Array(8));
		await stream.receive();
		leastMs = Math.min(leastMs, clock.nowMs() - sentAtMs);
	}
	await stream.close();
	return leastMs / 2;
}

const MESSAGES = 5;
