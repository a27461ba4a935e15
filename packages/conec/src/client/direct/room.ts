/**
 * Whether a Client takes one more direct channel.
 *
 * @module
 */

import { FairPool } from "../../base/fair-pool.ts";

/** Peers to whom there is a channel, or one that is coming about, by id. The value is their key, where it is known. */
export type TakenChannels = ReadonlyMap<string, string | undefined>;

/** A peer with its key, for {@link TakenChannels}. */
export function keyOf({ id, fingerprint }: { readonly id: string; readonly fingerprint: string }): readonly [peer: string, fingerprint: string] {
	return [id, fingerprint];
}

/** Whether there is room for a channel that this side wants itself. `channels`: `limits.channels`. */
export function fitsOwn(peer: string, taken: TakenChannels, channels: number): boolean {
	return taken.has(peer) || taken.size < channels;
}

/**
 * Whether there is room for a channel that only the peer wants. An eighth of all places is left for what this side wants itself, and a
 * key that has many under different ids leaves some to others.
 */
export function fitsOther(peer: { readonly id: string; readonly fingerprint: string }, taken: TakenChannels, channels: number): boolean {
	if (taken.has(peer.id)) return true;
	const pool = new FairPool(channels - Math.floor(channels / OWN_PART), false);
	for (const key of taken.values()) pool.take([key]);
	return pool.takes([peer.fingerprint]);
}

const OWN_PART = 8;
