/**
 * The limits that the curve needs (docs/limits.md): 5,000 Clients and 10,000 streams of one pair are allowed, and nothing else is changed.
 *
 * @module
 */

import type { ClientLimits, CoordinatorLimits } from "conec";

/** Connecting and opening so many takes its time on two cores. */
const PATIENCE = { requestTimeoutMs: 40_000 };
const MANY_STREAMS = { streamsPerConnection: 16_384, incomingStreams: 16_384 };

/** 5,000 Clients and 5,000 members are below the defaults, 10,000 each; they are said here so that they stay allowed. */
export const COORDINATOR: Partial<CoordinatorLimits> = {
	...PATIENCE,
	...MANY_STREAMS,
	streamsPerPair: 16_384,
	clients: 10_000,
	broadcastMembers: 10_000,
	// The default is a quarter of the machine's memory. What sessions cost may be half of it.
	heldBytes: 4 * 2 ** 30,
};

export const CLIENT: Partial<ClientLimits> = { ...PATIENCE, ...MANY_STREAMS };

/** With many full streams: 10,000 send queues of the default 512 KiB would be 5 GB. */
export const FULL_STREAMS: Partial<ClientLimits> = { ...CLIENT, sendHighWaterBytes: 16_384 };

/** The greatest window of a stream (`streamWindowBytes`), of which one goes in a round trip of its two ends. */
export const STREAM_WINDOW = 2_097_152;
/** The window of QUIC for a stream (`quicStreamWindowBytes`), of which one goes in a round trip of each connection. */
export const QUIC_STREAM_WINDOW = 524_288;
