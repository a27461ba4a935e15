/**
 * Operations of a `Client` that this benchmark measures and that the built `conec` may not have yet. One that it has not fails
 * its figure with a TypeError.
 *
 * @module
 */

import type { Client } from "conec";

type BroadcastEvent = { readonly type: "message"; readonly data: Uint8Array } | { readonly type: "gap"; readonly lost: number } | { readonly type: "members" };

interface BroadcastStream extends AsyncIterable<BroadcastEvent> {
	send(message: Uint8Array): Promise<void>;
	trySend(message: Uint8Array): boolean;
	close(): Promise<void>;
}

/** A Client that broadcasts. */
export interface Broadcaster {
	joinBroadcast(name: string, options: { mode: "send" | "receive" }): Promise<BroadcastStream>;
	countBroadcast(name: string): Promise<{ senders: number; receivers: number }>;
}

/** The same Client, with what it should be able to do. */
export function asBroadcaster(client: Client): Broadcaster {
	return client as unknown as Broadcaster;
}
