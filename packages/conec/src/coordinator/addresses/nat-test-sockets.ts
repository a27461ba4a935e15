/**
 * The two further sockets by which Clients learn what their NAT does. They are never used for QUIC.
 *
 * @module
 */

import { type ConecError, isConecError } from "../../errors.ts";
import type { CoordinatorLimits } from "../../limits.ts";
import type { Transport, TransportFactory } from "../../transport/transport.ts";

/** See the module. */
export interface NatTestSockets {
	/** The second port: says from where it sees who asks. */
	readonly echo: Transport;
	/** A third one, which only sends: a NAT that lets its packets in filters by address at most. Nobody may ever have sent to it, so its port is told to nobody. */
	readonly test: Transport;
}

/** Where they are bound. */
export interface NatTestOptions {
	/** IP address of the machine. */
	readonly host: string;
	/** UDP port of the second one; 0 is any. */
	readonly natTestPort: number;
	readonly limits: CoordinatorLimits;
}

/** Binds both, or says why that cannot be, which is no reason not to listen. Throws what is none of the network's doing. */
export function bindNatTestSockets(createTransport: TransportFactory, { host, natTestPort, limits }: NatTestOptions): NatTestSockets | ConecError {
	let echo: Transport | undefined;
	try {
		echo = createTransport({ host, port: natTestPort, limits, role: "coordinator", datagrams: true });
		return { echo, test: createTransport({ host, port: 0, limits, role: "coordinator" }) };
	} catch (error) {
		echo?.destroy();
		if (isConecError(error)) return error as ConecError;
		throw error;
	}
}
