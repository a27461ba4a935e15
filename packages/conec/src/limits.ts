/**
 * Every bound of Conec in one object. `docs/limits.md` says of each what it protects and what it costs; a test compares
 * that table with the rules here.
 *
 * @module
 */

import { argumentError } from "./errors.ts";

/** Everything that a peer, or the application, can make this process hold or wait for. Sizes in bytes, times in milliseconds. */
export interface Limits {
	/** Longest message, sent or received. @default 1 MiB; at most 16 MiB - 1 KiB */
	readonly messageBytes: number;
	/** Longest metadata of a Client or a stream, as JSON text in UTF-8. @default 1 KiB; at most 2 KiB */
	readonly metadataBytes: number;
	/** Accepted streams that the application has not yet taken from `incomingStreams`; more are rejected with `PEER_BUSY`. @default 64 */
	readonly incomingStreams: number;
	/** Streams that the other side of one connection may have open, the control stream not counted. @default 128 */
	readonly streamsPerConnection: number;
	/** Live proxied streams from one Client to one other. Coordinator only. @default 16 */
	readonly streamsPerPair: number;
	/** Received bytes of one stream that wait for the application before the sender is made to wait. @default 256 KiB */
	readonly streamCreditBytes: number;
	/** `send` waits while this much is queued on the stream. @default 512 KiB */
	readonly sendHighWaterBytes: number;
	/** Calls of `send` that wait on one stream; more reject with `QUEUE_FULL`. @default 1_024 */
	readonly waitingSends: number;
	/** QUIC flow-control window of one stream; that of a connection is (streamsPerConnection + 2) times as large. @default 1 MiB, at a Coordinator 512 KiB */
	readonly streamWindowBytes: number;
	/** Answers queued on one control stream whose Client does not read. @default 256 */
	readonly controlQueueReplies: number;
	/** The same in bytes. @default 256 KiB */
	readonly controlQueueBytes: number;
	/** Any request: opening a stream, connecting. @default 10_000 */
	readonly requestTimeoutMs: number;
	/** A connection must have said hello this long after its handshake. @default 5_000 */
	readonly helloTimeoutMs: number;
	/** The first frame of an incoming stream must be complete by then. @default 5_000 */
	readonly headerTimeoutMs: number;
	/** A frame on a control stream must be complete this long after its first byte. @default 10_000 */
	readonly controlFrameTimeoutMs: number;
	/** An incoming TLS handshake that takes longer is dropped. @default 5_000 */
	readonly handshakeTimeoutMs: number;
	/** Connections without hello, in all. @default 256 */
	readonly undecidedConnections: number;
	/** Connections without hello from one source address (IPv6: one /64; loopback is exempt). @default 16 */
	readonly undecidedPerSource: number;
	/** New connections a second from one IPv4 /24 or IPv6 /64 while the retry threshold is passed (loopback is exempt). @default 10 */
	readonly connectsPerSecondPerSource: number;
	/** With `retry: "under-load"`, addresses are validated first while more connections than this are undecided. @default 64 */
	readonly retryThreshold: number;
	/** Clients connected to one Coordinator. @default 10_000 */
	readonly clients: number;
	/** Direct channels of one Client, and such that are being opened; at a Coordinator, those of one Client that it keeps for when a key is denied. @default 64 */
	readonly channels: number;
	/** Status events kept for a reader that is slow; older ones are dropped and counted. @default 64 */
	readonly statusEvents: number;
	/** Silence after which a connection is lost. @default 15_000 */
	readonly idleTimeoutMs: number;
	/** Interval of keep-alive packets; 0 is off. @default 5_000 */
	readonly keepAliveIntervalMs: number;
	/** `Client.close()` and `Coordinator.close()` end by then. @default 3_000 */
	readonly closeTimeoutMs: number;
	/** Of that, how long streams which the application closed may take to be acknowledged; also the bound of disposing a stream. @default 2_000 */
	readonly lingerMs: number;
	/** How long the holder of an id may be silent when another key asks for it. Coordinator only. @default 1_000 */
	readonly holderPingMs: number;
	/** Connections of one identity that may supersede each other within `contentionWindowMs`; the next is refused with `ID_CONTENDED`. Coordinator only. @default 3 */
	readonly contentionSwaps: number;
	/** See `contentionSwaps`. @default 10_000 */
	readonly contentionWindowMs: number;
	/** How long an id stays with its kept key after the connection has ended; 0 is off. Coordinator in open mode only. @default 24 h */
	readonly leaseMs: number;
	/** Ids that are leased at once; beyond that no new lease is granted. Coordinator only. @default 10_000 */
	readonly leases: number;
	/** Of those, from one source address (IPv6: one /64). Coordinator only. @default 64 */
	readonly leasesPerSource: number;
	/** Attempts at a direct channel of one Client at once: as many that it began, and as many to reach it. A Client counts its own, too, and answers that it is busy. @default 16 */
	readonly attemptsPerClient: number;
	/** Attempts that one Client may begin within a minute. Coordinator only. @default 60 */
	readonly attemptsPerMinute: number;
	/** Raw datagrams a minute, of all Clients together, to an address that only some Client names. A Client counts its own, too. @default 60 */
	readonly punchPacketsPerMinute: number;
	/** Raw datagrams in one attempt to the validated address of the Client that consents to it. A Client sends no more either. @default 64 */
	readonly punchPacketsPerAttempt: number;
	/** The same a minute, of all attempts. A Client counts its own, too. @default 2_000 */
	readonly punchReflexivePerMinute: number;
	/** Uses of the birthday method a minute with one address; 0 is off. A Client sends no more than these need, whatever it is told. @default 3 */
	readonly birthdayPerMinute: number;
	/** Challenges to one IP address from which Clients seem to come now, at once and a minute, two datagrams each; one that is answered counts no more. Coordinator only. @default 1_000 */
	readonly challengesPerMinute: number;
	/** Addresses that some Client named and that datagrams were granted to within a minute; further ones are not given out. Coordinator only. @default 65_536 */
	readonly punchAddresses: number;
	/** Coordinator: pairs of Clients of which it knows how they reach each other. Client: peers of which it does. Beyond that the oldest are forgotten. @default 10_000 */
	readonly pathReports: number;
	/** Answers of the Coordinator's second port to one session. Coordinator only. @default 20 */
	readonly natTests: number;
	/** Of those within a second. Coordinator only. @default 5 */
	readonly natTestsPerSecond: number;
	/** Watches of the peers that one Client may have; `peers()` is a short one. Coordinator only. @default 8 */
	readonly presenceWatches: number;
	/** Bytes of one watch that wait to be sent at the Coordinator, and to be read at the Client. @default 64 KiB */
	readonly presenceQueueBytes: number;
	/** Recent changes of presence that are kept for all watches together; a watch that falls behind them begins anew. Coordinator only. @default 1 MiB */
	readonly presenceLogBytes: number;
	/** Peers in one list. Client only. @default 20_000 */
	readonly presencePeers: number;
	/** Changes of its metadata that one Client may make a minute; one counts once more for each 100 members of broadcasts who hear of it. Coordinator only. @default 60 */
	readonly metadataUpdatesPerMinute: number;
	/** Broadcasts that one Client may be in at once, each joining counted. Coordinator only. @default 32 */
	readonly broadcastsPerClient: number;
	/** Joinings of one Client within a minute, as many at once; one counts once more for each 100 members who hear of it, or, with `presence`, are heard of. Coordinator only. @default 1_200 */
	readonly broadcastJoinsPerMinute: number;
	/** Broadcasts with different names. Coordinator only. @default 10_000 */
	readonly broadcasts: number;
	/** Members of one broadcast. Coordinator only. @default 10_000 */
	readonly broadcastMembers: number;
	/** Greatest `bufferBytes` of a member. Coordinator only. @default 4 MiB */
	readonly broadcastBufferBytes: number;
	/** Messages, and changes of presence, that wait for one member, whatever their size. Coordinator only. @default 16_384 */
	readonly broadcastBufferMessages: number;
	/** A member lags once senders have waited for it so long within one second. Coordinator only. @default 100 */
	readonly broadcastLagMs: number;
	/** Senders wait for one member at most so long within one minute. Coordinator only. @default 1_000 */
	readonly broadcastWaitMs: number;
	/** The same for a member with `slowReader: "block"`. Coordinator only. @default 5_000 */
	readonly broadcastBlockMs: number;
	/** Senders of one broadcast wait at most so long within one minute for all its readers together, unless they may block. Coordinator only. @default 10_000 */
	readonly broadcastStallMs: number;
	/** Bytes that all broadcasts together keep for slow members and as history, each message once. Coordinator only. @default 256 MiB */
	readonly broadcastHeldBytes: number;
	/** Greatest history of one broadcast, in messages. Coordinator only. @default 10_000 */
	readonly broadcastHistoryMessages: number;
	/** The same in bytes. Coordinator only. @default 4 MiB */
	readonly broadcastHistoryBytes: number;
	/** Requests that wait for their answer: `countBroadcast`. Client only. @default 64 */
	readonly requests: number;
}

/** Default, least and greatest value of a limit. */
export interface LimitRule {
	readonly default: number;
	/** Where a Coordinator's default differs. */
	readonly coordinatorDefault?: number;
	readonly min: number;
	readonly max: number;
}

const KiB = 1024;
const MiB = 1024 * KiB;
const MINUTE_MS = 60_000;

/** The range of every limit. */
export const LIMIT_RULES: { readonly [K in keyof Limits]: LimitRule } = {
	messageBytes: { default: MiB, min: 1, max: 16 * MiB - KiB },
	metadataBytes: { default: KiB, min: 0, max: 2 * KiB },
	incomingStreams: { default: 64, min: 0, max: 65_536 },
	streamsPerConnection: { default: 128, min: 1, max: 65_536 },
	streamsPerPair: { default: 16, min: 1, max: 65_536 },
	streamCreditBytes: { default: 256 * KiB, min: KiB, max: 64 * MiB },
	sendHighWaterBytes: { default: 512 * KiB, min: KiB, max: 64 * MiB },
	waitingSends: { default: 1024, min: 0, max: 1_048_576 },
	streamWindowBytes: { default: MiB, coordinatorDefault: 512 * KiB, min: 64 * KiB, max: 64 * MiB },
	controlQueueReplies: { default: 256, min: 1, max: 65_536 },
	controlQueueBytes: { default: 256 * KiB, min: 16 * KiB, max: 16 * MiB },
	requestTimeoutMs: { default: 10_000, min: 1, max: 10 * MINUTE_MS },
	helloTimeoutMs: { default: 5000, min: 1, max: 10 * MINUTE_MS },
	headerTimeoutMs: { default: 5000, min: 1, max: 10 * MINUTE_MS },
	controlFrameTimeoutMs: { default: 10_000, min: 1, max: 10 * MINUTE_MS },
	handshakeTimeoutMs: { default: 5000, min: 1, max: 10 * MINUTE_MS },
	undecidedConnections: { default: 256, min: 1, max: 65_536 },
	undecidedPerSource: { default: 16, min: 1, max: 65_536 },
	connectsPerSecondPerSource: { default: 10, min: 1, max: 1_000_000 },
	retryThreshold: { default: 64, min: 0, max: 65_536 },
	clients: { default: 10_000, min: 1, max: 1_000_000 },
	channels: { default: 64, min: 0, max: 65_536 },
	statusEvents: { default: 64, min: 1, max: 65_536 },
	idleTimeoutMs: { default: 15_000, min: 100, max: 10 * MINUTE_MS },
	keepAliveIntervalMs: { default: 5000, min: 0, max: 10 * MINUTE_MS },
	closeTimeoutMs: { default: 3000, min: 1, max: 10 * MINUTE_MS },
	lingerMs: { default: 2000, min: 0, max: 10 * MINUTE_MS },
	holderPingMs: { default: 1000, min: 1, max: MINUTE_MS },
	contentionSwaps: { default: 3, min: 1, max: 1000 },
	contentionWindowMs: { default: 10_000, min: 1, max: 10 * MINUTE_MS },
	leaseMs: { default: 24 * 60 * MINUTE_MS, min: 0, max: 365 * 24 * 60 * MINUTE_MS },
	leases: { default: 10_000, min: 0, max: 100_000 },
	leasesPerSource: { default: 64, min: 0, max: 100_000 },
	attemptsPerClient: { default: 16, min: 0, max: 65_536 },
	attemptsPerMinute: { default: 100, min: 0, max: 1_000_000 },
	punchPacketsPerMinute: { default: 60, min: 0, max: 1_000_000 },
	punchPacketsPerAttempt: { default: 64, min: 0, max: 16_384 },
	punchReflexivePerMinute: { default: 2000, min: 0, max: 1_000_000_000 },
	birthdayPerMinute: { default: 3, min: 0, max: 1_000_000 },
	challengesPerMinute: { default: 1000, min: 0, max: 1_000_000 },
	punchAddresses: { default: 65_536, min: 0, max: 1_048_576 },
	pathReports: { default: 10_000, min: 1, max: 1_000_000 },
	natTests: { default: 20, min: 0, max: 1_000_000 },
	natTestsPerSecond: { default: 5, min: 0, max: 1_000_000 },
	presenceWatches: { default: 8, min: 0, max: 65_536 },
	presenceQueueBytes: { default: 64 * KiB, min: 16 * KiB, max: 16 * MiB },
	presenceLogBytes: { default: MiB, min: 64 * KiB, max: 256 * MiB },
	presencePeers: { default: 20_000, min: 1, max: 1_000_000 },
	metadataUpdatesPerMinute: { default: 60, min: 0, max: 1_000_000 },
	broadcastsPerClient: { default: 32, min: 0, max: 65_536 },
	broadcastJoinsPerMinute: { default: 1_200, min: 0, max: 1_000_000 },
	broadcasts: { default: 10_000, min: 0, max: 1_000_000 },
	broadcastMembers: { default: 10_000, min: 1, max: 1_000_000 },
	broadcastBufferBytes: { default: 4 * MiB, min: KiB, max: 64 * MiB },
	broadcastBufferMessages: { default: 16_384, min: 1, max: 1_048_576 },
	broadcastLagMs: { default: 100, min: 1, max: 1000 },
	broadcastWaitMs: { default: 1000, min: 1, max: MINUTE_MS },
	broadcastBlockMs: { default: 5000, min: 1, max: MINUTE_MS },
	broadcastStallMs: { default: 10_000, min: 1, max: MINUTE_MS },
	broadcastHeldBytes: { default: 256 * MiB, min: 64 * KiB, max: 65_536 * MiB },
	broadcastHistoryMessages: { default: 10_000, min: 0, max: 1_000_000 },
	broadcastHistoryBytes: { default: 4 * MiB, min: 0, max: 256 * MiB },
	requests: { default: 64, min: 1, max: 65_536 },
};

/** The defaults of a Client. */
export const DEFAULT_LIMITS: Limits = defaultsOf("client");

/** The defaults of a Coordinator. */
export const COORDINATOR_DEFAULT_LIMITS: Limits = defaultsOf("coordinator");

/**
 * Fills in the defaults and freezes the result.
 *
 * Throws `TypeError` for an unknown name or a value that is not an integer, `RangeError` for one out of range, both with
 * `code` `OPTION_INVALID`. `undefined` means the default.
 */
export function resolveLimits(limits: Partial<Limits> = {}, role: "client" | "coordinator" = "client"): Limits {
	if (typeof limits !== "object" || limits === null) {
		throw argumentError("type", "OPTION_INVALID", "Option limits must be an object");
	}
	const resolved: Record<string, number> = { ...(role === "client" ? DEFAULT_LIMITS : COORDINATOR_DEFAULT_LIMITS) };
	for (const [name, value] of Object.entries(limits)) {
		if (!Object.hasOwn(LIMIT_RULES, name)) {
			throw argumentError("type", "OPTION_INVALID", `Option limits has no ${JSON.stringify(name)}`);
		}
		if (value === undefined) {
			continue;
		}
		const { min, max } = LIMIT_RULES[name as keyof Limits];
		if (typeof value !== "number" || !Number.isInteger(value)) {
			throw argumentError("type", "OPTION_INVALID", `Limit ${name} must be an integer`);
		}
		if (value < min || value > max) {
			throw argumentError("range", "OPTION_INVALID", `Limit ${name} must be between ${min} and ${max}, not ${value}`);
		}
		resolved[name] = value;
	}
	return Object.freeze(resolved) as unknown as Limits;
}

function defaultsOf(role: "client" | "coordinator"): Limits {
	const limits: Record<string, number> = {};
	for (const [name, rule] of Object.entries(LIMIT_RULES) as [string, LimitRule][]) {
		limits[name] = role === "coordinator" ? (rule.coordinatorDefault ?? rule.default) : rule.default;
	}
	return Object.freeze(limits) as unknown as Limits;
}
