/**
 * The values that cross the public boundary of `@conec/quic`: addresses, trust, limits, and what is reported back.
 *
 * @module
 */

import type { CONGESTION } from "./constants.ts";

/** An IP address (never a host name, never IPv4-mapped) and a UDP port. */
export interface SocketAddress {
	readonly address: string;
	readonly port: number;
}

/** A certificate chain, leaf first, with the private key of the leaf. */
export interface Identity {
	/** DER certificates, leaf first. */
	readonly certificates: readonly Uint8Array[];
	/** DER private key: PKCS#8, SEC1 or PKCS#1. */
	readonly privateKey: Uint8Array;
}

/**
 * What makes the other side's certificate acceptable. Every condition that is given must hold.
 *
 * With none, a server accepts any key whose possession the peer proves, and a client trusts nobody.
 */
export interface Trust {
	/** DER certificates of the authorities that must have issued the chain. Dates, usage and (for a client) the server name are checked. */
	readonly roots?: readonly Uint8Array[];
	/** SHA-256 of an acceptable SubjectPublicKeyInfo. With these alone, names and dates are not checked: the key is. */
	readonly pinnedKeys?: readonly Uint8Array[];
	/** SHA-256 of an acceptable whole DER certificate. Same rule as for keys. */
	readonly pinnedCertificates?: readonly Uint8Array[];
}

/** Tuning of QUIC connections. Windows bound what a peer can make this process hold. */
export interface TransportOptions {
	/** Silence after which a connection is lost. @default 15_000 */
	readonly idleTimeoutMs?: number;
	/** Interval of keep-alive packets; 0 is off. @default 5_000 */
	readonly keepAliveIntervalMs?: number;
	/** Bidirectional streams that the peer may have open at once. It may have 128 at first, and gets more when half of them are in use. Places that come free are announced when they are more than an eighth of all: for `n` that can always be open, give a seventh more. @default 128 */
	readonly bidirectionalStreams?: number;
	/** Unidirectional streams that the peer may have open at once. @default 0 */
	readonly unidirectionalStreams?: number;
	/** Unread bytes of one stream. @default 1 MiB */
	readonly streamWindowBytes?: number;
	/** Unread bytes of all streams together. A stalled stream keeps its window. @default (streams + 1) x streamWindowBytes x 8/7: all but one may stall */
	readonly connectionWindowBytes?: number;
	/** Bytes given to QUIC and not acknowledged. Urgent frames and streams with a priority above 0 do not wait for it. @default follows the congestion window: twice that and 256 KiB, at least 512 KiB */
	readonly sendWindowBytes?: number;
	/** Largest UDP payload that path MTU discovery tries. @default 1_452. On Linux 6_540 where larger packets may well pass: on the machine itself, and in a local network whose interface takes them (jumbo frames) */
	readonly maxMtuBytes?: number;
	/** Generic segmentation offload. @default true */
	readonly segmentationOffload?: boolean;
	/** @default "cubic" */
	readonly congestion?: (typeof CONGESTION)[number];
	/** QUIC datagrams waiting to be read, in bytes; 0 refuses datagrams. The oldest are dropped. @default 256 KiB */
	readonly datagramBufferBytes?: number;
}

/** How incoming streams begin and how long their frames may be. See {@link FrameLimits}. */
export interface IncomingOptions {
	/** Longest first frame of an incoming stream. @default 16 KiB */
	readonly headerBytes?: number;
	/** An incoming stream whose first frame is not complete by then is reset and stopped with `headerTimeoutCode`. @default 5_000 */
	readonly headerTimeoutMs?: number;
	/** Code for streams whose header comes late. @default 0 */
	readonly headerTimeoutCode?: number;
	/** Code for streams whose header is too long or cut short. @default 0 */
	readonly headerInvalidCode?: number;
}

/** Largest payloads of a stream's frames, checked on the four header bytes before anything is kept. */
export interface FrameLimits {
	/** Bit `k` set: kind `k` (0-31) may be up to `longBytes`. @default 1 (kind 0) */
	readonly longKinds?: number;
	/** Largest payload of a long kind; at most 2^24 - 1. @default 1 MiB */
	readonly longBytes?: number;
	/** Largest payload of any other kind. @default 16 KiB */
	readonly otherBytes?: number;
	/** What the peer is told when a frame is too long. @default 0 */
	readonly tooLongCode?: number;
	/** What the peer is told when its stream ends inside a frame. @default 0 */
	readonly truncatedCode?: number;
}

/** Which socket an endpoint binds. */
export interface EndpointOptions {
	/** Local IP address. `"::"` is dual stack where the system can, and falls back to 0.0.0.0 where there is no IPv6. */
	readonly host: string;
	/** 0 lets the system pick one. */
	readonly port: number;
	/** Deliver datagrams that are not QUIC (RFC 9443: first byte without bit 0x40) to `onRaw`. @default false: they are dropped */
	readonly rawDatagrams?: boolean;
	/** Kernel receive buffer asked for. @default 2 MiB */
	readonly receiveBufferBytes?: number;
	/** Kernel send buffer asked for. @default 2 MiB */
	readonly sendBufferBytes?: number;
	/**
	 * While it has more than eight connections: how much of all that has come is taken before what came is dealt with. Each datagram counts
	 * 512 bytes more than its length. Beyond that, only what is from senders that have had less than their part of it is taken, and the rest
	 * is dropped. It is less while what is taken needs more than 0.7 ms of a core, but at least 64 KiB. So those who send more than can be dealt with make nobody else wait. 0 is no bound. @default 1 MiB
	 */
	readonly turnBytes?: number;
	/** 32 bytes or more. With it, a restarted endpoint can tell old peers at once that it lost their connections (RFC 9000, 10.3). */
	readonly statelessResetKey?: Uint8Array;
	/**
	 * The code that the peers are told when this process or worker ends and the endpoint is open. That is so after `process.exit()`, an
	 * uncaught error, `worker.terminate()`, and when nothing is left to do. A process that a signal kills can tell nobody. @default 0
	 */
	readonly farewellCode?: number;
	/** The reason that goes with it. @default "" */
	readonly farewellReason?: string;
}

/** What a listening endpoint shows, what it asks for, and how much it takes in. */
export interface ListenOptions {
	readonly identity: Identity;
	/** `undefined`: no client certificate is asked for. */
	readonly clientTrust?: Trust;
	readonly alpnProtocols: readonly string[];
	/** Stateless retry (RFC 9000, 8.1.2). "under-load": while `retryThreshold` or more connections are undecided. @default "under-load" */
	readonly retry?: "never" | "under-load" | "always";
	/** @default 64 */
	readonly retryThreshold?: number;
	/** Undecided connections in all: handshaking, or not yet confirmed. More are refused. @default 256 */
	readonly undecidedConnections?: number;
	/** Undecided connections from one source address (IPv6: one /64). Loopback is exempt. @default 16 */
	readonly undecidedPerSource?: number;
	/** New connections a second from one IPv4 /24 or IPv6 /64, counted only while `retryThreshold` or more are undecided. Loopback is exempt. @default 10 */
	readonly connectsPerSecondPerSource?: number;
	/** The same of those who return with an address token. They count here and not there, and a source may have as many of them undecided as there are free places. @default 250 */
	readonly returningPerSecondPerSource?: number;
	/**
	 * 32 bytes or more. With it, everybody who connects gets address tokens (RFC 9000, 8.1.3): with one of them they need not prove their
	 * address again when they come back from there. A token counts once, for 14 days, and for every endpoint with this key. @default none are given
	 */
	readonly addressTokenKey?: Uint8Array;
	/** Connections in all. @default 65_536 */
	readonly connections?: number;
	/** A handshake that takes longer is dropped. @default 5_000 */
	readonly handshakeTimeoutMs?: number;
	/** A connection that is not confirmed this long after its handshake is closed with `undecidedCode`. @default 5_000 */
	readonly undecidedTimeoutMs?: number;
	/** @default 0 */
	readonly undecidedCode?: number;
	/** A connection whose first frame comes before `confirm()` and is too long, cut short or reset is closed with this code, at once. @default 0 */
	readonly undecidedInvalidCode?: number;
	/** Write TLS secrets to the file named by SSLKEYLOGFILE. @default false */
	readonly keyLog?: boolean;
	readonly transport?: TransportOptions;
	readonly incoming?: IncomingOptions;
}

/** Where to dial, as whom, and whom to trust there. */
export interface ConnectOptions {
	readonly address: string;
	readonly port: number;
	/** Name sent as SNI and, with `trust.roots`, checked against the certificate. */
	readonly serverName: string;
	readonly trust: Trust;
	readonly identity?: Identity;
	readonly alpnProtocols: readonly string[];
	/** @default 10_000 */
	readonly handshakeTimeoutMs?: number;
	/**
	 * Give up with `DIAL_REFUSED` when the network says that nobody will answer there (ICMP), before anybody has. A message is believed only
	 * if it quotes the connection id of this dial. On Linux only; elsewhere this does nothing. @default false
	 */
	readonly heedNetwork?: boolean;
	/** @default false */
	readonly keyLog?: boolean;
	readonly transport?: TransportOptions;
	readonly incoming?: IncomingOptions;
	/** Aborting gives up the handshake and rejects with `signal.reason`. */
	readonly signal?: AbortSignal;
}

/** How a stream is read and written. */
export interface StreamOptions {
	/** "frames": whole frames with a kind byte. "bytes": chunks as they come, no framing. @default "frames" */
	readonly mode?: "frames" | "bytes";
	readonly frames?: FrameLimits;
	/** Received bytes that may wait in this process before the peer is made to wait. @default 256 KiB */
	readonly creditBytes?: number;
	/** `drained` is called once less than half of this is queued, after it had been reached. @default 256 KiB */
	readonly highWaterBytes?: number;
	/** Higher goes first within a connection. Above 0, the stream does not wait for the connection's send window. @default 0 */
	readonly priority?: number;
	/**
	 * The stream controls its connection: what it brings is delivered ahead of what the connection's other streams bring. Nothing else but its
	 * credit bounds that, so give it little credit. @default false
	 */
	readonly control?: boolean;
}

/** How a connection ended. */
export interface ConnectionCloseInfo {
	readonly by: "local" | "peer" | "error";
	/** Application close code, where one side closed the connection. */
	readonly closeCode?: number;
	/** The peer's words; untrusted text. */
	readonly reason: string;
	/** Set when `by` is "error". */
	readonly error?: Error;
}

/** How a connection is shared; see `Connection.share`. */
export interface SharingOptions {
	/** A connection that was shared before. What is piped from either counts as from one sender, with the bound of that one. */
	readonly sharedWith?: { readonly handle: number } | undefined;
	/** How many bytes a second are piped from it; 0 is no bound. Whoever reads them waits, so the sender does in the end. @default 0 */
	readonly bytesPerSecond?: number;
	/** How many bytes that have not been used before may go at once. @default `bytesPerSecond` */
	readonly burstBytes?: number;
	/** Called when the bound makes it wait, once a second at most. */
	readonly onSlowed?: (() => void) | undefined;
	/** Called when `mayTake` would say yes, after it has said no. */
	readonly onTurn?: (() => void) | undefined;
}

/** Figures of one connection; bytes are of UDP payload. */
export interface ConnectionStats {
	readonly rttMs: number;
	readonly minRttMs: number;
	readonly congestionWindowBytes: number;
	readonly mtuBytes: number;
	readonly sentPackets: number;
	readonly lostPackets: number;
	readonly lostBytes: number;
	readonly congestionEvents: number;
	readonly sentBytes: number;
	readonly receivedBytes: number;
	readonly sentDatagrams: number;
	readonly receivedDatagrams: number;
	/** Time since the last packet came that was the peer's for sure. */
	readonly silentMs: number;
}

/** What is held in memory for the peer of one connection. The figures may be too high by what came and went within a millisecond. */
export interface ConnectionHeld {
	/** Bytes that wait to be sent, and those that QUIC was given and that the peer has not acknowledged. */
	readonly unsentBytes: number;
	/** Bytes of packets that have come since a pipe from this connection waits for room elsewhere. */
	readonly unreadBytes: number;
	/** Directions of pipes that wait so now. Each leaves at most a stream window unread. */
	readonly waitingPipes: number;
	/** Bytes of packets that the peer has acknowledged, on the path that it has now. It rises while the peer acknowledges something. */
	readonly acknowledgedBytes: number;
}

/** Figures of one endpoint. */
export interface EndpointStats {
	readonly openConnections: number;
	/** Handshaking or not yet confirmed. */
	readonly undecidedConnections: number;
	/** Handshakes that succeeded since the start. */
	readonly acceptedHandshakes: number;
	/** Handshakes that failed or timed out since the start. */
	readonly failedHandshakes: number;
	/** Connections turned away by a cap since the start. */
	readonly refusedConnections: number;
	/** Stateless retries sent since the start. */
	readonly retries: number;
	/** Connections that came with an address token that counts, since the start. */
	readonly returningConnections: number;
	/** Non-QUIC datagrams dropped because nobody asked for them or too many waited. */
	readonly droppedRawDatagrams: number;
	/** Datagrams that were dropped because they were too much: see `turnBytes`. */
	readonly droppedDatagrams: number;
}

/** How a pipe ended. */
export interface PipeResult {
	/** Bytes that went from the first stream to the second, framing included. */
	readonly forwardBytes: number;
	/** Bytes that went from the second stream to the first. */
	readonly backwardBytes: number;
	/** "finished": both directions ended with FIN. "reset": at least one direction was reset or stopped. "lost": a connection died. */
	readonly end: "finished" | "reset" | "lost";
}
