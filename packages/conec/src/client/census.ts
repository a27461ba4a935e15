/**
 * How much a Client keeps; for tests.
 *
 * @module
 */

import type { ClientRooms } from "./rooms.ts";

/** How much a Client keeps. At rest, all of it is 0. */
export interface ClientCensus {
	/** Streams through the Coordinator, broadcasts among them. */
	readonly streams: number;
	/** Channels, wishes, attempts, peers with resumable streams, and peers that are remembered for a minute after their last stream. The memory of paths does not count. */
	readonly direct: number;
	/** Watches of the peers. */
	readonly presence: number;
	/** Questions to the Coordinator that wait for an answer. */
	readonly requests: number;
	/** Handlers of protocols that have not ended. */
	readonly handlers: number;
	/** Streams of others that wait for a place. */
	readonly waiting: number;
	/** Streams that survive the loss of their connection. */
	readonly survivors: number;
}

/** Counts it. */
export function censusOfRooms({ uplink, direct, paths, presence, broadcasts, streams }: ClientRooms): ClientCensus {
	const { link, waiting } = uplink;
	return {
		streams: link.streams.size,
		direct: direct.size + paths.size,
		presence: presence.size,
		requests: link.requests.size + waiting + broadcasts.away,
		...streams.census,
	};
}
