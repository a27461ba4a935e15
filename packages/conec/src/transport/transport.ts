/**
 * The seam between Conec and what carries its bytes. Two implementations pass one compliance suite (in `testing/transport/`):
 * QUIC (`quic/`), and the memory network for tests, with bounded windows and virtual delay (in `testing/memory/`).
 *
 * Every callback is called on the JS thread, in the order of the wire, and never from inside a call that this side makes.
 *
 * @module
 */

import type { ConecError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { Identity } from "../tls/identity.ts";
import type { ProvenIdentity } from "../tls/proven-identity.ts";
import type { Trust } from "../tls/trust.ts";

/** An IP address and a port. */
export interface SocketAddress {
	/** An IPv4 or IPv6 address, never an IPv4-mapped one. */
	readonly address: string;
	/** 0 to 65_535. */
	readonly port: number;
}

/** One frame: `kind` (8 bits) and its payload. */
export interface Frame {
	readonly kind: number;
	readonly payload: Uint8Array;
}

/** Memory that holds short frames. Both views begin at its first byte. */
export interface FrameMemory {
	readonly buffer: ArrayBuffer;
	readonly bytes: Uint8Array;
}

/** Gets everything that happens on a stream. Each direction ends at most once. `lost` ends both, and is the last call. */
export interface StreamHandler {
	/** A whole frame. `payload` belongs to the receiver. It counts against the stream's credit until {@link TransportStream.consumed}. */
	frame(kind: number, payload: Uint8Array): void;
	/**
	 * Optional, for who reads a frame where it lies: a transport may tell short frames so, and not by `frame`. The payload is `length` bytes from `at`
	 * on. Nobody writes there again, and whoever keeps a view of it keeps that memory.
	 */
	readonly frameAt?: ((kind: number, memory: FrameMemory, at: number, length: number) => void) | undefined;
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
	/**
	 * The stream broke: the connection is lost (`CONNECTION_LOST`), a frame is too long (`MESSAGE_TOO_LONG`), or a frame is cut short
	 * (`STREAM_TRUNCATED`). The floors above turn `CONNECTION_LOST` into `COORDINATOR_LOST` or `PEER_LOST`.
	 */
	lost(error: ConecError): void;
}

/** One bidirectional stream. All methods are synchronous, cheap and safe after the end (then they do nothing). */
export interface TransportStream {
	/** Queues a copy of one frame. Returns the bytes now queued, or -1 if this direction is over. It never refuses a frame: the caller watches the number. */
	write(kind: number, payload: Uint8Array): number;
	/**
	 * Does what {@link TransportStream.write} does, ahead of the frames that wait. The frame follows the one of which the network has a
	 * part, and urgent ones that were written before. FIN comes behind all of them. A header of a stream stays the first frame. Keep
	 * such frames few and small. On a stream with {@link StreamOptions.frameTimeoutMs} it is `write`.
	 *
	 * `aside`: nobody waits for this very frame, as for an acknowledgement in the middle of a flow. The transport then need not send it in
	 * this turn of the event loop.
	 */
	writeUrgent(kind: number, payload: Uint8Array, aside?: boolean): number;
	/** Queues a copy of whole frames with their headers, which must be right. Returns what {@link TransportStream.write} would. */
	writeFrames(frames: Uint8Array): number;
	/** Bytes queued and not yet taken by the transport. */
	readonly queuedBytes: number;
	/** Sends FIN after what is queued. */
	finish(): void;
	/** Gives up sending. What is queued is dropped. */
	reset(code: number): void;
	/** Gives up reading. Frames that arrive are dropped. */
	stop(code: number): void;
	/** Returns the credit for one received frame with a payload of this many bytes. */
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

/** A stream that is opened only to be piped. Nothing of it is read here. */
export interface HeldStream {
	readonly connection: TransportConnection;
	/** Opens a stream that was to be opened later, piped or not. At the peer's stream limit it waits. Does nothing if it is open, or was given up. */
	open(): void;
	/** Gives the stream up before it is piped. */
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
	/**
	 * Higher goes first among the streams of a connection that have something to send, at the opener and at the acceptor alike. Equal ones take
	 * turns. Above 0, the stream does not wait for what other streams have sent either. A transport whose streams do not share a line need
	 * not look at it. @default 0
	 */
	readonly priority?: number;
	/** Time from the first byte of a frame to its last. A slower frame ends the stream: `lost` with `PEER_TIMEOUT`. Only where parts of frames can arrive. Such a stream takes no part in {@link Transport.writeFramesToMany}. @default none */
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

/** The congestion control of a side: how it decides how fast it sends. */
export type Congestion = "cubic" | "bbr";

/** Figures of a connection. */
export interface TransportStats {
	readonly rttMs: number;
	readonly sentBytes: number;
	readonly receivedBytes: number;
	readonly lostPackets: number;
	readonly congestionWindowBytes: number;
	/** The congestion control of this side. A transport without a network has none. */
	readonly congestion?: string;
	readonly mtuBytes: number;
	/** Time since the last packet of the other side came. It costs nothing to ask. */
	readonly silentMs: number;
	/** Packets, or what a transport has in their place, that were sent. */
	readonly sentPackets: number;
	/** The same that were received. */
	readonly receivedPackets: number;
}

/** One authenticated connection. */
export interface TransportConnection {
	/** What the other side proved when the connection was made. It never changes. */
	readonly peer: ProvenIdentity;
	/**
	 * The peer's address now. A peer may move. The accepting side then shows the new address from the first packet on, before
	 * anything has proved that the peer can be reached there. If no proof comes, it shows the old one again later.
	 */
	readonly remoteAddress: SocketAddress;
	/** The peer's address during the handshake. The peer has proved that it can be reached there. Only at the accepting end. */
	readonly acceptedFrom?: SocketAddress | undefined;
	/** ALPN protocol that both agreed on. */
	readonly alpnProtocol: string;
	/** What this side takes on the connection while nobody reads it, once it is confirmed. The other side can send no more. */
	readonly connectionWindowBytes: number;
	/** Called with each stream that the peer opens. Set it once, right after the connection is handed over. Until then, streams wait. */
	onStream: (stream: IncomingStream) => void;
	/** Opens a stream whose first frame is `header`. At the peer's stream limit, the stream waits without a word. */
	openStream(header: Frame, handler: StreamHandler, options?: StreamOptions): TransportStream;
	/** Opens a stream to be given to {@link Transport.pipe}. With `later`, nothing is sent before {@link HeldStream.open}. `priority` is that of {@link StreamOptions}. */
	openHeldStream(header: Frame, later?: boolean, priority?: number): HeldStream;
	/**
	 * From now on, while there is no room on this connection for all that is to be sent on it, those who send take turns: pipes by the
	 * connection that they read from, whatever their number, and any other stream for itself. And pipes read no more from this connection than
	 * the bound says: they wait, and so the peer does. The first call counts. A transport whose streams do not share a line has no turns.
	 */
	share(sharing: Sharing): void;
	/**
	 * Whether bytes may be taken from this connection by other means than a pipe, within the bound of {@link share}. If not,
	 * {@link Sharing.onTurn} is called when they may. After true, call {@link took}.
	 */
	mayTake(): boolean;
	/** So many bytes were taken, in the turn that {@link mayTake} has given. 0 gives the turn back. */
	took(bytes: number): void;
	/** The accepting side keeps the peer. This lifts the limits of undecided connections: one stream, a small window, a short deadline. */
	confirm(): void;
	/**
	 * While it holds them, {@link onStream} is not told of further streams of the peer, but for a few that were on their way to it. They wait within
	 * the limits of the connection. At first it does not.
	 */
	holdStreams(hold: boolean): void;
	/**
	 * Resolves when all that was done before on this connection and its streams is on its way, so that nothing done later overtakes
	 * it, and all that had come from the peer is delivered here; or when the connection is over. Never rejects.
	 */
	settled(): Promise<void>;
	/** Ends the connection at once. Data that is not delivered may be lost, so finish streams first and wait for {@link settled}. */
	close(code: number, reason: string): void;
	/** Resolves after the handlers of all streams were told what the peer said before, and which are lost. Never rejects. */
	readonly closed: Promise<TransportCloseInfo>;
	stats(): TransportStats;
}

/** How a connection is shared by several senders; see {@link TransportConnection.share}. */
export interface Sharing {
	/** A connection of the same sender that was shared before. Then both have the bound of that one, together. */
	readonly sharedWith?: TransportConnection | undefined;
	/** How many bytes a second are taken from it; 0 is no bound. */
	readonly bytesPerSecond: number;
	/** How many bytes may be taken at once after a pause. */
	readonly burstBytes: number;
	/** Called when the bound has made it wait, once a second at most. */
	readonly onSlowed?: (() => void) | undefined;
	/** Called when {@link TransportConnection.mayTake} would say yes, after it has said no. */
	readonly onTurn?: (() => void) | undefined;
}

/** How a pipe ended. */
export interface PipeResult {
	readonly forwardBytes: number;
	readonly backwardBytes: number;
	readonly end: "finished" | "reset" | "lost";
}

/** Settings of one connection. */
export interface ConnectionTuning {
	/** Interval of keep-alive packets of this side; 0 is off. @default the transport's */
	readonly keepAliveIntervalMs?: number;
	/** The idle limit that this side announces: silence after which the connection is lost. The shorter one of both sides counts. @default `limits.idleTimeoutMs` */
	readonly idleTimeoutMs?: number;
}

/** What dialling needs. Identity and trust are already parsed. */
export interface DialOptions extends ConnectionTuning {
	readonly address: string;
	readonly port: number;
	readonly serverName: string;
	readonly trust: Trust;
	/** What this side shows when it is asked for a certificate. */
	readonly identity?: Identity;
	readonly alpnProtocol: string;
	readonly handshakeTimeoutMs: number;
	readonly signal?: AbortSignal;
	/**
	 * If it is there, the dial ends when the network says that nobody will answer, before anybody has. It is then called, and the dial rejects
	 * with `COORDINATOR_UNREACHABLE`. A transport that hears nothing of the network never calls it.
	 */
	readonly onRefused?: (why: DialRefusal) => void;
}

/** What the network says of a dial: nothing takes packets on that port, a firewall refuses them, or there is no way or no machine. */
export type DialRefusal = "port" | "prohibited" | "unreachable";

/** What a transport shows when it is dialled, what it asks for, and how much it takes in. */
export interface AcceptOptions extends ConnectionTuning {
	readonly identity: Identity;
	readonly clientTrust: Trust;
	readonly alpnProtocols: readonly string[];
	readonly retry: "never" | "under-load" | "always";
	/** The code with which connections are closed that are not confirmed in time. A first frame that is too long, cut short or reset closes them at once, with `PROTOCOL_ERROR`. */
	readonly undecidedCode: number;
	readonly keyLog: boolean;
	/** How many connections the transport may have, dialled ones included. Undecided ones come on top. Further ones are refused. */
	readonly connections: number;
	readonly onConnection: (connection: TransportConnection) => void;
}

/** The limits that a transport keeps. */
export type TransportLimits = Pick<
	Limits,
	| "undecidedConnections"
	| "undecidedPerSource"
	| "connectsPerSecondPerSource"
	| "returningPerSecondPerSource"
	| "retryThreshold"
	| "handshakeTimeoutMs"
	| "helloTimeoutMs"
	| "headerTimeoutMs"
	| "idleTimeoutMs"
	| "keepAliveIntervalMs"
	| "streamsPerConnection"
	| "quicStreamWindowBytes"
	| "connectionWindowBytes"
	| "socketTurnBytes"
>;

/** What a transport is made with. */
export interface TransportOptions {
	/** Local IP address; "::" is dual stack, or IPv4 alone where there is no IPv6. */
	readonly host: string;
	/** 0 picks one. */
	readonly port: number;
	readonly limits: TransportLimits;
	readonly role: "coordinator" | "client";
	/** @default `limits.keepAliveIntervalMs` */
	readonly keepAliveIntervalMs?: number;
	/** Write TLS secrets of dialled connections to the file that SSLKEYLOGFILE names. @default false */
	readonly keyLog?: boolean;
	/** Congestion control of its connections. @default "cubic" */
	readonly congestion?: Congestion;
	/** A transport with the key of one before it tells the peers of that one at once that their connections are over. @default none */
	readonly statelessResetKey?: Uint8Array;
	/** It gives address tokens to those who connect, and takes those of a transport with the same key before it. @default it gives none */
	readonly addressTokenKey?: Uint8Array;
	/** Deliver datagrams that are no QUIC packets to {@link Transport.onDatagram}. Otherwise they are dropped without waking this process. Sending needs nothing. @default role is "client" */
	readonly datagrams?: boolean;
}

/** Makes a transport: QUIC, or memory in tests. Throws `QUIC_UNAVAILABLE`, `ADDRESS_IN_USE`, `ADDRESS_UNAVAILABLE`. */
export type TransportFactory = (options: TransportOptions) => Transport;

/** What a transport holds in memory for the other side of a connection. The figures may be a little too high. */
export interface ConnectionHeld {
	/** Bytes that are sent and not acknowledged, and those that wait to be sent in the transport itself. */
	readonly unsentBytes: number;
	/** Bytes that have come on streams which wait for room where they are piped to. */
	readonly unreadBytes: number;
	/** It rises while the other side acknowledges something of what is sent. It may begin anew when the other side has moved. */
	readonly acknowledgedBytes: number;
}

/** One local socket, which dials and accepts. */
export interface Transport {
	readonly address: SocketAddress;
	/** Starts to accept connections. A second call replaces identity and trust for new connections. Live connections stay. */
	accept(options: AcceptOptions): void;
	/** Accepts no new connections. Diallers get no answer, as if nobody were there. Live and undecided connections stay. {@link Transport.accept} starts again. */
	stopAccepting(): void;
	/**
	 * Called with each datagram that is not a QUIC packet (first byte without bit 0x40, RFC 9443). Anybody can send one, with
	 * any source address. `data` belongs to the receiver. `from` is never IPv4-mapped. While the process is busy, a few wait and the others are dropped.
	 */
	onDatagram: ((data: Uint8Array, from: SocketAddress) => void) | undefined;
	/**
	 * Sends one datagram beside the connections. True: the system took it. That does not promise that it arrives. False: there is no
	 * room, no such address family or route here, it is too long, or the transport is closed.
	 *
	 * Throws `OPTION_INVALID` for what is a mistake everywhere: no data, a first byte with bit 0x40, or something that is not an IP address.
	 */
	sendDatagram(data: Uint8Array, to: SocketAddress): boolean;
	/**
	 * Resolves when what has come by now is delivered, or half a second later. Never rejects. A timer that judges a peer's silence asks this
	 * first: while the process is busy, timers run ahead of what waits.
	 */
	caughtUp(): Promise<void>;
	/** Rejects with a coded {@link ConecError}; with `signal.reason` on abort. */
	dial(options: DialOptions): Promise<TransportConnection>;
	/**
	 * Joins two streams natively in both directions. FIN, reset, stop and backpressure pass through. If one stream is lost, the other is
	 * reset and stopped with `lostCode`; it never gets a FIN. Resolves when both directions are over. `onEnd` is called
	 * then, in order with other events: before any stream that the same peer opened later. `onOpen` is called before that, when `to` is
	 * open: the peer's stream limit has let it pass. While `to` waits, the pipe ends if the peer resets and stops `from`.
	 * `priority` is that of what goes back on `from`; what goes on `to` has the one that `to` was opened with.
	 *
	 * Both must be streams of this transport that nobody has accepted, piped or refused. Otherwise it rejects with a `TypeError` of the
	 * code `OPTION_INVALID`, refuses both with `lostCode`, so that none stays open unserved, and does not call `onEnd`. A stream
	 * that was accepted or piped before goes on as it was.
	 */
	pipe(from: IncomingStream, to: HeldStream, lostCode: number, onEnd?: () => void, onOpen?: () => void, priority?: number): Promise<PipeResult>;
	/**
	 * Does {@link TransportStream.writeFrames} on many streams in one call. Many bytes are kept in memory only once.
	 *
	 * Each must be a stream of this transport without {@link StreamOptions.frameTimeoutMs}. Otherwise it throws a `TypeError` of the
	 * code `OPTION_INVALID`, and writes nothing to any of them. The streams stay the caller's.
	 */
	writeFramesToMany(streams: readonly TransportStream[], frames: Uint8Array): ArrayLike<number>;
	/** What is held for the other side of each connection. Those for which it is less than `leastBytes` are left out. Cheap enough for once a second. */
	held(leastBytes: number): ReadonlyMap<TransportConnection, ConnectionHeld>;
	/** Gives memory of the process that is free back to the system, where the system needs to be asked. It goes on in another thread. */
	releaseMemory(): void;
	/**
	 * Closes every connection with the code, waits at most `drainMs` until the peers know, and releases the socket.
	 * With "released", the default, the port is free when it resolves. With "sent" it resolves as soon as the closes have left; the socket is
	 * released later and does not keep the process alive.
	 */
	close(code: number, reason: string, drainMs: number, until?: "sent" | "released"): Promise<void>;
	/** Closes the transport at once. It does not wait for the peers. */
	destroy(): void;
}
