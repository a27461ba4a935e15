/**
 * The key of the peer at the other end of a stream.
 *
 * @module
 */

import type { Client, MessageStream } from "../../../index.ts";

/** The key that the peer has proved: to this Client on a direct path, else to the Coordinator. `undefined`: it has gone. Never rejects. */
export async function keyOf(client: Client, stream: MessageStream, signal: AbortSignal): Promise<string | undefined> {
	const { peer } = stream;
	const channel = stream.path === "direct" ? client.channels().find((one) => one.peer === peer) : undefined;
	if (channel !== undefined) return channel.fingerprint;
	const members = await client.peers({ signal }).catch(() => []);
	return members.find(({ id }) => id === peer)?.fingerprint;
}
