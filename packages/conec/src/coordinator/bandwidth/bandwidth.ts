/**
 * Shares what the Coordinator passes on among those who send it.
 *
 * @module
 */

import type { CoordinatorLimits } from "../../limits.ts";
import type { TransportConnection } from "../../transport/transport.ts";
import type { Whom } from "../defence/index.ts";
import { type Taking, TakingLine } from "./taking.ts";

/** A Client that sends. */
export interface Sender {
	readonly id: string;
	readonly fingerprint: string;
	readonly connection: TransportConnection;
}

/** See the module. One key is one sender, however many ids it has. */
export class Bandwidth {
	readonly #bytesPerSecond: number;
	readonly #slowed: (whom: Whom) => void;
	/** By key: its live connections. */
	readonly #senders: Map<string, Set<TransportConnection>> = new Map();
	/** Of those that have a bound. */
	readonly #lines: WeakMap<TransportConnection, TakingLine> = new WeakMap();

	/** `slowed`: a Client sends more than it may, and is read later. Called once a second for each connection, at most. */
	constructor(limits: Pick<CoordinatorLimits, "proxiedBytesPerSecond">, slowed: (whom: Whom) => void) {
		this.#bytesPerSecond = limits.proxiedBytesPerSecond;
		this.#slowed = slowed;
	}

	/** A Client is welcomed. It is remembered until its connection has ended. */
	join({ id, fingerprint, connection }: Sender): void {
		const bytesPerSecond = this.#bytesPerSecond;
		const own = this.#senders.get(fingerprint) ?? new Set();
		this.#senders.set(fingerprint, own);
		const [sharedWith] = own;
		own.add(connection);
		const line = bytesPerSecond === 0 ? undefined : new TakingLine(connection);
		if (line !== undefined) this.#lines.set(connection, line);
		connection.share({
			sharedWith,
			bytesPerSecond,
			burstBytes: Math.max(bytesPerSecond, LEAST_BURST_BYTES),
			...(line === undefined ? {} : { onSlowed: () => this.#slowed({ id, fingerprint, address: connection.remoteAddress.address }), onTurn: () => line.go() }),
		});
		void connection.closed.then(() => {
			own.delete(connection);
			if (own.size === 0 && this.#senders.get(fingerprint) === own) this.#senders.delete(fingerprint);
		});
	}

	/** For messages on a stream of that connection that no pipe takes. `take` is called for each when its time has come, in order. `undefined`: there is no bound. */
	taking(connection: TransportConnection, take: (payloadBytes: number) => void): Taking | undefined {
		return this.#lines.get(connection)?.add(take);
	}

	/** Keys with a live connection. */
	get size(): number {
		return this.#senders.size;
	}
}

/** A quarter of the longest message by default may always go at once. */
const LEAST_BURST_BYTES = 256 * 1024;
