/**
 * What a Coordinator keeps, in figures.
 *
 * @module
 */

import type { CoordinatorRooms } from "./rooms.ts";

/** How much a Coordinator keeps. All of it is 0 when no Client has been connected for two minutes. */
export interface CoordinatorCensus {
	readonly clients: number;
	/** The Coordinator's own streams. */
	readonly streams: number;
	/** Streams from Client to Client, those that wait for their turn included. */
	readonly proxied: number;
	readonly broadcasts: number;
	/** Attempts, reports, and budgets of addresses. */
	readonly channels: number;
	readonly watches: number;
	/** Handlers of protocols that have not ended. */
	readonly handlers: number;
	/** Streams that wait for a place at its application. */
	readonly waiting: number;
}

/** Counts it. */
export function censusOfRooms({ registry, streams, proxied, broadcasts, introductions, presence, reception }: CoordinatorRooms): CoordinatorCensus {
	return {
		clients: registry.size,
		streams: streams.size,
		proxied: proxied.size,
		broadcasts: broadcasts.size,
		channels: introductions.size,
		watches: presence.watches,
		handlers: reception.running,
		waiting: reception.waiting,
	};
}
