/**
 * What `conec netcheck` finds out over one IP version: whether the Coordinator is reached, how far it is, and the NAT between.
 *
 * @module
 */

import { lookup } from "node:dns/promises";
import { isIP } from "node:net";
import type { Client, MessageStream, OwnNat, SocketAddress } from "../../../index.ts";
import { answerOther, answerOthers } from "../../connecting/index.ts";
import type { Family } from "../../machine/index.ts";

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
export async function lookThrough(client: Client): Promise<FamilyLook & { readonly reached: true }> {
	const [observed, roundTripMs, nat] = await Promise.all([observedAddress(client), roundTripToCoordinator(client), client.nat()]);
	return { family: isIP(observed.address) === 6 ? 6 : 4, reached: true, observed, roundTripMs, nat };
}

/** Addresses of a Coordinator given as `host`, `host:port` or `[v6]:port`, of one IP version, as `ip:port`. Empty also where the name is not known. */
export async function coordinatorAddresses(coordinator: string, family: Family): Promise<string[]> {
	const match = /^\[([^\]]+)\](:\d+)?$/.exec(coordinator) ?? (isIP(coordinator) === 6 ? [coordinator, coordinator, ""] : /^([^:]+)(:\d+)?$/.exec(coordinator));
	const [host = "", port = ""] = match?.slice(1) ?? [];
	const found = await lookup(host, { all: true }).catch(() => []);
	return found.filter((one) => one.family === family).map(({ address }) => (family === 6 ? `[${address}]${port}` : `${address}${port}`));
}

async function observedAddress(client: Client): Promise<SocketAddress> {
	for await (const status of client.status()) if (status.type === "connected") return status.observedAddress;
	await client.closed;
	throw new TypeError("the Client has ended");
}

/** A stream to oneself goes to the Coordinator and back twice for one message there and back. */
async function roundTripToCoordinator(client: Client): Promise<number> {
	const [stream] = await Promise.all([client.openStream(client.id, { path: "proxied" }), echoOwn(client)]);
	answerOthers(client);
	let leastMs = Number.POSITIVE_INFINITY;
	for (let count = 0; count < MESSAGES; count += 1) {
		const sentAtMs = performance.now();
		await stream.send(new Uint8Array(8));
		await stream.receive();
		leastMs = Math.min(leastMs, performance.now() - sentAtMs);
	}
	await stream.close();
	return leastMs / 2;
}

/** Takes the stream that comes from this Client itself and sends back what comes. */
async function echoOwn(client: Client): Promise<void> {
	for await (const stream of client.incomingStreams) {
		if (stream.peer !== client.id) {
			answerOther(stream);
			continue;
		}
		void echo(stream).catch(() => undefined);
		return;
	}
}

async function echo(stream: MessageStream): Promise<void> {
	for await (const message of stream) await stream.send(message);
	await stream.close();
}

const MESSAGES = 5;
