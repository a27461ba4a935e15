/**
 * What tests see of a memory network.
 *
 * @module
 */

import type { Clock } from "#conec/base/clock";
import type { Random } from "#conec/base/random";
import type { SocketAddress, Transport, TransportLimits } from "#conec/transport/transport";

/** How a memory network behaves. */
export interface MemoryNetworkOptions {
	/** @default the machine's */
	readonly clock?: Clock;
	/** Bytes of one direction of one stream that are on their way or unread. @default limits.quicStreamWindowBytes of the receiver's transport */
	readonly windowBytes?: number;
	/** One way. 0: the next turn of the event loop. @default 0 */
	readonly delayMs?: number;
	/** What comes on top of `delayMs`, for each thing that is sent: at random, up to this. Nothing on a connection overtakes anything. @default 0 */
	readonly jitterMs?: number;
	/** For `jitterMs`. @default the machine's */
	readonly random?: Random;
}

/** What a memory transport is made with. */
export interface MemoryTransportOptions {
	/** Only shown: a port means the same transport on every address. @default "127.0.0.1" */
	readonly host?: string;
	/** 0 picks one. @default 0 */
	readonly port?: number;
	/** @default DEFAULT_LIMITS */
	readonly limits?: TransportLimits;
}

/** Transports that reach each other. */
export interface MemoryNetwork {
	/** Throws `ADDRESS_IN_USE`. */
	createTransport(options?: MemoryTransportOptions): MemoryTransport;
	/** Another way to a transport, for breaking only what goes that way. */
	createRoute(target: MemoryTransport): MemoryRoute;
	/** Connections that are open, each counted at both its ends. */
	readonly openConnections: number;
	/** Asked about each packet before it leaves; false loses it, without a word to anybody. For watching, too. A dial asks each time that it sends its first packet again. */
	onPacket: ((packet: MemoryPacket) => boolean) | undefined;
	/** Streams that are not over, each counted at both its ends. */
	readonly liveStreams: number;
	/**
	 * Nothing passes between two transports: datagrams and dials are lost, and what is on connections waits. Connections go on
	 * when the partition is over, unless an idle limit has ended them by then.
	 *
	 * @returns ends the partition
	 */
	separate(one: MemoryTransport, other: MemoryTransport): () => void;
	/** Breaks the connections between two transports: nothing on its way arrives, both ends get `CONNECTION_LOST`. */
	cut(one: MemoryTransport, other: MemoryTransport): void;
}

/** What a test can watch and lose. Packets of connections that are up are not shown: see {@link MemoryRoute.cut} and {@link MemoryTransport.lose}. */
export type MemoryPacket =
	| { readonly type: "datagram"; readonly from: SocketAddress; readonly to: SocketAddress; readonly data: Uint8Array }
	| { readonly type: "dial"; readonly from: SocketAddress; readonly to: SocketAddress };

/** A port that leads to a transport. */
export interface MemoryRoute {
	readonly port: number;
	/** Breaks all connections that were dialled this way. */
	cut(): void;
	/** The port leads nowhere any more; connections stay. */
	close(): void;
}

/** A {@link Transport} with what tests need beside. */
export interface MemoryTransport extends Transport {
	/** How often it was asked to give memory back. */
	readonly releasedMemory: number;
	/** Breaks all its connections, as if its machine were gone: nothing on its way arrives, both ends get `CONNECTION_LOST`. */
	lose(): void;
	/** As if its process were killed: it is closed, without a word to anybody. The other ends notice after their idle limits. */
	vanish(): void;
	/**
	 * Takes another port, as behind a NAT that has forgotten the old one; 0 picks it. Who was dialled sees the new address one
	 * way later and goes on. Who dialled does not follow, as in QUIC: nothing passes any more on the connections that this
	 * transport accepted, and both ends notice after their idle limits. Throws `ADDRESS_IN_USE`.
	 */
	move(port?: number): void;
}
