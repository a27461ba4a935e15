/**
 * The seam between Conec and what carries its bytes. Two implementations pass one compliance suite (in `testing/transport/`):
 * QUIC (`quic/`), and the memory network for tests, with bounded windows and virtual delay (in `testing/memory/`).
 *
 * Contract of every callback: called on the JS thread, in wire order, never from inside a call that this side makes.
 *
 * @module
 */

import type { ConecError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Identity } from "../tls/identity.ts";
import type { ProvenIdentity } from "../tls/proven-identity.ts";
import type { Trust } from "../tls/trust.ts";

/** An IP address (never IPv4-mapped) and a port. */
export interface SocketAddress {
	readonly address: string;
	readonly port: number;
}

/** One frame: `kind` (8 bits) and its payload. */
export interface Frame {
	readonly kind: number;
	readonly payload: Uint8Array;
}

/** Receives everything that happens on a stream. Each direction ends at most once. `lost` ends both and is the last call. */
export interface StreamHandler {
	/** A whole frame. `payload` belongs to the receiver. It counts against the stream's credit until {@link TransportStream.consumed}. */
	frame(kind: number, payload: Uint8Array): void;
	/** The peer's FIN: no frame follows. */
	end(): void;
	/** The peer gave up sending (RESET_STREAM). Undelivered frames may be gone. */
	reset(code: number): void;
	/** The peer wants no more from us (STOP_SENDING). What is queued is dropped. */
	stopped(code: number): void;
	/** Less than half of the high-water mark is queued, after it had been reached. */
	drained(): void;
	/** Our FIN and everything before it is acknowledged by the peer's transport. */
	finished(): void;
	/** The stream broke: connection lost (`COORDINATOR_LOST`/`PEER_LOST` is decided above: here `CONNECTION_LOST`), a frame too long (`MESSAGE_TOO_LONG`), or cut short (`STREAM_TRUNCATED`). */
	lost(error: ConecError): void;
}

/** One bidirectional stream. All methods are synchronous, cheap and safe after the end (then they do nothing). */
export interface TransportStream {
	/** Queues a copy of one frame and returns the bytes now queued, or -1 when this direction is over. Never refuses: the caller watches the number. */
	write(kind: number, payload: Uint8Array): number;
	/** Queues a copy of whole frames that bring their headers along, which must be right; returns what {@link TransportStream.write} would. */
	writeFrames(frames: Uint8Array): number;
	/** Bytes queued and not yet taken by the transport. */
	readonly queuedBytes: number;
	/** Sends FIN after what is queued. */
	finish(): void;
	/** Gives up sending; drops what is queued. */
	reset(code: number): void;
	/** Wants no more from the peer; frames that arrive are dropped. */
	stop(code: number): void;
	/** Returns credit for one received frame with a payload of that many bytes. */
	consumed(payloadBytes: number): void;
	readonly connection: TransportConnection;
}

/** A stream that the peer opened. Exactly one frame has been read; nothing more is read until one of the methods is called. */
export interface IncomingStream {
	readonly header: Frame;
	readonly connection: TransportConnection;
	/** Starts reading: what follows the header goes to `handler`. */
	accept(handler: StreamHandler, options?: StreamOptions): TransportStream;
	/** Resets and stops it. */
	refuse(code: number): void;
}

/** A stream that was opened only to be piped: its header is sent, nothing of it is read here. */
export interface HeldStream {
	readonly connection: TransportConnection;
	/** Gives it up before it is piped. */
	refuse(code: number): void;
}

/** Limits of one stream. */
export interface StreamOptions {
	/** Largest DATA payload. @default 1 MiB */
	readonly messageBytes?: number;
	/** Received bytes that may wait here before the peer is made to wait. @default 256 KiB */
	readonly creditBytes?: number;
	/** @default 256 KiB */
	readonly highWaterBytes?: number;
	/** Higher goes first. @default 0 */
	readonly priority?: number;
	/** A frame that is not complete so long after its first byte ends the stream: `lost` with `PEER_TIMEOUT`. Only where parts of frames can arrive. Such a stream takes no part in {@link Transport.writeFramesToMany}. @default none */
	readonly frameTimeoutMs?: number;
}

/** How a connection ended. */
export interface TransportCloseInfo {
	readonly by: "local" | "peer" | "error";
	/** Application close code, where one side closed. */
	readonly closeCode?: number;
	/** Untrusted text. */
	readonly reason: string;
	/** Set when `by` is "error". */
	readonly error?: ConecError;
}

/** How fast a side sends: what it takes for a sign that the network is full. */
export type Congestion = "cubic" | "bbr";

/** Figures of a connection. */
export interface TransportStats {
	readonly rttMs: number;
	readonly sentBytes: number;
	readonly receivedBytes: number;
	readonly lostPackets: number;
	readonly congestionWindowBytes: number;
	/** What this side's sending follows; of a transport without a network none. */
	readonly congestion?: string;
	readonly mtuBytes: number;
}

/** One authenticated connection. */
export interface TransportConnection {
	/** What the other side has proven to be, when the connection was made. It never changes. */
	readonly peer: ProvenIdentity;
	/**
	 * Where the peer is now. It may move, and the accepting side shows the new address from the first packet on, before
	 * anything has proven that the peer can be reached there; without proof it shows the old one again later.
	 */
	readonly remoteAddress: SocketAddress;
	/** Where the handshake was with, wherever the peer seems to be now: there it has been reached. Only at the accepting end. */
	readonly acceptedFrom?: SocketAddress | undefined;
	/** ALPN protocol that both agreed on. */
	readonly alpnProtocol: string;
	/** Streams opened by the peer. Set once, right after the connection is handed over; until then streams wait. */
	onStream: (stream: IncomingStream) => void;
	/** Opens a stream whose first frame is `header`; waits silently when the peer's stream limit is reached. */
	openStream(header: Frame, handler: StreamHandler, options?: StreamOptions): TransportStream;
	/** Opens a stream to be given to {@link Transport.pipe}. */
	openHeldStream(header: Frame): HeldStream;
	/** The accepting side has decided to keep the peer: lifts the limits of undecided connections (one stream, small window, short deadline). */
	confirm(): void;
	/** Ends the connection at once; data not yet delivered may be lost, so finish streams first. */
	close(code: number, reason: string): void;
	/** Never rejects. */
	readonly closed: Promise<TransportCloseInfo>;
	stats(): TransportStats;
}

/** How a pipe ended. */
export interface PipeResult {
	readonly forwardBytes: number;
	readonly backwardBytes: number;
	readonly end: "finished" | "reset" | "lost";
}

/** What one connection has of its own. */
export interface ConnectionTuning {
	/** Interval of keep-alive packets of this side; 0 is off. @default the transport's */
	readonly keepAliveIntervalMs?: number;
}

/** What a dialled connection needs. Trust and identity were given when the transport was made or are given here, parsed already. */
export interface DialOptions extends ConnectionTuning {
	readonly address: string;
	readonly port: number;
	readonly serverName: string;
	readonly trust: Trust;
	/** Shown when the other side asks for a certificate. */
	readonly identity?: Identity;
	readonly alpnProtocol: string;
	readonly handshakeTimeoutMs: number;
	readonly signal?: AbortSignal;
}

/** What a transport shows and asks for when it is dialled. */
export interface AcceptOptions extends ConnectionTuning {
	readonly identity: Identity;
	readonly clientTrust: Trust;
	readonly alpnProtocols: readonly string[];
	readonly retry: "never" | "under-load" | "always";
	/** Close code for connections that are not confirmed in time. */
	readonly undecidedCode: number;
	readonly keyLog: boolean;
	/** Connections that the transport may have, dialled ones included. Undecided ones come on top. Further ones are refused. */
	readonly connections: number;
	readonly onConnection: (connection: TransportConnection) => void;
}

/** The limits that a transport keeps. */
export type TransportLimits = Pick<
	Limits,
	| "undecidedConnections"
	| "undecidedPerSource"
	| "connectsPerSecondPerSource"
	| "retryThreshold"
	| "handshakeTimeoutMs"
	| "helloTimeoutMs"
	| "headerTimeoutMs"
	| "idleTimeoutMs"
	| "keepAliveIntervalMs"
	| "streamsPerConnection"
	| "streamWindowBytes"
>;

/** One local socket: dials and is dialled. */
export interface Transport {
	readonly address: SocketAddress;
	/** Starts to accept connections; again: replaces identity and trust for new connections without dropping any. */
	accept(options: AcceptOptions): void;
	/** Lets no new connection in: nobody answers who dials, as if nobody were there. Live and undecided ones stay. {@link Transport.accept} starts anew. */
	stopAccepting(): void;
	/**
	 * Called with each datagram that is no QUIC packet (first byte without bit 0x40, RFC 9443). Anybody can send one, with
	 * any source address. `data` belongs to the receiver, `from` is unmapped. Few wait for a busy process; more are dropped.
	 */
	onDatagram: ((data: Uint8Array, from: SocketAddress) => void) | undefined;
	/**
	 * Sends one datagram beside the connections. True: the system took it, which is no promise that it arrives. False: no
	 * room, no such address family or route here, too long, or the transport is closed.
	 *
	 * Throws `OPTION_INVALID` for what would be a mistake anywhere: no data, a first byte with bit 0x40, or an address that is no IP address.
	 */
	sendDatagram(data: Uint8Array, to: SocketAddress): boolean;
	/** Rejects with a coded {@link ConecError}; with `signal.reason` on abort. */
	dial(options: DialOptions): Promise<TransportConnection>;
	/**
	 * Splices two streams natively in both directions: FIN, reset, stop and backpressure pass through. A lost leg
	 * resets and stops the other with `lostCode`, never FIN. Resolves when both directions are over; `onEnd` is called
	 * then in order with other events, so before any stream that the same peer has opened after it.
	 *
	 * Both must be streams of this very transport, and nobody may have accepted, piped or refused them. Otherwise it rejects with a
	 * `TypeError` of the code `OPTION_INVALID`. Both are refused with `lostCode` then, so that none stays open with nobody to serve
	 * it, and `onEnd` is not called. A stream that was accepted or piped before goes on as it was.
	 */
	pipe(from: IncomingStream, to: HeldStream, lostCode: number, onEnd?: () => void): Promise<PipeResult>;
	/**
	 * {@link TransportStream.writeFrames} to many streams in one go, with the bytes in memory once if they are many.
	 *
	 * Each must be a stream of this very transport without {@link StreamOptions.frameTimeoutMs}. Otherwise it throws a `TypeError` of the
	 * code `OPTION_INVALID`, and nothing is written to any of them. They stay the caller's.
	 */
	writeFramesToMany(streams: readonly TransportStream[], frames: Uint8Array): ArrayLike<number>;
	/**
	 * Closes every connection with the code and releases the socket; at most `drainMs` for the close to reach the peers.
	 * Resolves when the port is free again, or already when the closes have been sent: then the rest goes on behind and keeps nothing alive.
	 */
	close(code: number, reason: string, drainMs: number, until?: "sent" | "released"): Promise<void>;
	/** Immediate. */
	destroy(): void;
}
