/**
 * Where an entity gets its socket from: QUIC, or memory in tests.
 *
 * @module
 */

import type { Congestion, Transport, TransportLimits } from "../transport/transport.ts";

/** What a transport is made with. */
export interface TransportFactoryOptions {
	/** Local IP address; "::" is dual stack. */
	readonly host: string;
	/** 0 picks one. */
	readonly port: number;
	readonly limits: TransportLimits;
	readonly role: "coordinator" | "client";
	readonly keepAliveIntervalMs?: number;
	readonly keyLog?: boolean;
	/** Congestion control of its connections. @default "cubic" */
	readonly congestion?: Congestion;
	readonly statelessResetKey?: Uint8Array;
	/** Deliver datagrams that are no QUIC packets. @default role is "client" */
	readonly datagrams?: boolean;
}

/** Makes a transport; throws `QUIC_UNAVAILABLE`, `ADDRESS_IN_USE`, `ADDRESS_UNAVAILABLE`. */
export type TransportFactory = (options: TransportFactoryOptions) => Transport;
