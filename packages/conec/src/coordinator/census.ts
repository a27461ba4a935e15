/**
 * What a Coordinator keeps, in figures.
 *
 * @module
 */

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
