/**
 * Every bound of Conec. `docs/limits.md` says of each what it protects and what it costs. Tests compare that page, and the
 * defaults in the comments below, with the rules at the end of this file.
 *
 * @module
 */

import { optionError } from "./errors.ts";

/**
 * The limits that a Client and a Coordinator both have. {@link ClientLimits} and {@link CoordinatorLimits} add what only one of them has.
 *
 * Names that end in `Bytes` are in bytes, names that end in `Ms` in milliseconds. All others count what they name.
 */
export interface Limits {
	/** The longest message that may be sent or received. At most 16 MiB - 1 KiB. @default 1_048_576 */
	readonly messageBytes: number;
	/** The longest metadata of a Client or a stream, as JSON text in UTF-8. At most 2 KiB. @default 1_024 */
	readonly metadataBytes: number;
	/** Accepted streams that the application has not yet taken from `incomingStreams`. Further ones wait for their answer (`waitingOpens`). With 0, streams without a protocol are rejected with `PROTOCOL_UNHANDLED`, unless the application waits for one. @default 64 */
	readonly incomingStreams: number;
	/** Streams that others have opened and that wait for a place: in `incomingStreams`, and as many for `runningHandlers`. At a Coordinator also, for each Client, streams of others that wait to be passed on to it. One opener may have a quarter. Further ones are rejected with `PEER_BUSY`. @default 1_024 */
	readonly waitingOpens: number;
	/** Calls of `openStream` that wait for a place of their own: see `streamsPerPair`. Further ones reject with `QUEUE_FULL`. @default 16_384 */
	readonly waitingCalls: number;
	/** Protocols that have a handler. @default 1_024 */
	readonly protocols: number;
	/** Handlers of protocols that have not ended, also when their stream has. Further streams wait for their answer (`waitingOpens`). @default 1_024, at a Coordinator 16_384 */
	readonly runningHandlers: number;
	/** Streams that the other side of one connection can always have open. The control stream does not count. Up to a seventh more may pass, because QUIC tells of free places only in steps. @default 4_096 */
	readonly streamsPerConnection: number;
	/** `send` waits while this much is queued on the stream. @default 524_288 */
	readonly sendHighWaterBytes: number;
	/** Calls of `send` that wait on one stream. Further ones reject with `QUEUE_FULL`. @default 1_024 */
	readonly waitingSends: number;
	/** The greatest window of a stream: what its peer may send before the application takes something. It grows up to this for a reader that keeps up. @default 2_097_152 */
	readonly streamWindowBytes: number;
	/** Messages that have come and are not taken, and those that may still come, over all streams. Each counts 64 bytes more than its length. One identity has at most a quarter. @default 268_435_456 */
	readonly receiveBytes: number;
	/** Messages of resumable streams that are sent and not acknowledged, over all streams. One identity has at most a quarter, streams without a path half. @default 67_108_864 */
	readonly keptBytes: number;
	/** QUIC flow-control window of one connection. Three quarters of it may be on their way. If it is not given, it follows `messageBytes`: 12 MiB and four longest messages. @default 16_777_216 */
	readonly connectionWindowBytes: number;
	/** QUIC flow-control window of one stream. @default 524_288 */
	readonly quicStreamWindowBytes: number;
	/** While a process has more than eight connections: how much of all that has come is taken before what came is dealt with. Beyond that each sender has an equal part, and what is more is lost like a packet on a full line. Each datagram counts 512 bytes more than its length. It is less while that takes too long. @default 1_048_576 */
	readonly socketTurnBytes: number;
	/** Answers that are queued on one control stream because its peer does not read. With more, the connection is closed. @default 256 */
	readonly controlQueueReplies: number;
	/** The same as `controlQueueReplies`, in bytes. @default 262_144 */
	readonly controlQueueBytes: number;
	/** Messages a second on one control stream that are dealt with; five times as many may come at once. One of more than 1 KiB counts once more for each. Further ones are read later, and none is lost. @default 200 */
	readonly controlMessagesPerSecond: number;
	/** How long a request may take: connecting, or opening a stream. @default 10_000 */
	readonly requestTimeoutMs: number;
	/** Opening a stream fails when no packet has come from the peer for so long while it waits. @default 5_000 */
	readonly openSilenceMs: number;
	/** How long after its handshake an incoming connection may take to say hello. @default 5_000 */
	readonly helloTimeoutMs: number;
	/** How long the first frame of an incoming stream may take. @default 5_000 */
	readonly headerTimeoutMs: number;
	/** How long a frame on a control stream may take, from its first byte to its last. @default 10_000 */
	readonly controlFrameTimeoutMs: number;
	/** How long an incoming TLS handshake may take. A slower one is dropped. @default 5_000 */
	readonly handshakeTimeoutMs: number;
	/** Incoming connections that have not said hello, in all. @default 256 */
	readonly undecidedConnections: number;
	/** Incoming connections from one source address (IPv6: one /64) that have not said hello. Loopback is exempt. @default 16 */
	readonly undecidedPerSource: number;
	/** New connections a second from one IPv4 /24 or IPv6 /64, while more than `retryThreshold` are undecided. Loopback is exempt. @default 10 */
	readonly connectsPerSecondPerSource: number;
	/** The same of Clients that return with an address token. They do not count as `undecidedPerSource`; a source may have as many of them undecided as there are free places. @default 250 */
	readonly returningPerSecondPerSource: number;
	/** With `retry: "under-load"`, addresses are validated first while more connections than this are undecided. @default 64 */
	readonly retryThreshold: number;
	/** Client: its direct channels, together with those that are being opened. Coordinator: channels of one Client that it remembers, for when a key is denied. @default 64 */
	readonly channels: number;
	/** Status events that are kept for a slow reader. Older ones are dropped and counted. @default 64 */
	readonly statusEvents: number;
	/** Silence after which a connection counts as lost. @default 15_000 */
	readonly idleTimeoutMs: number;
	/** Interval of keep-alive packets. 0 is off. @default 5_000 */
	readonly keepAliveIntervalMs: number;
	/** `Client.close()` and `Coordinator.close()` end by then. The other side of a connection that has said that it leaves is given as long to go. @default 3_000 */
	readonly closeTimeoutMs: number;
	/** The part of `closeTimeoutMs` that peers may take to hear how the application has ended its streams: by `close`, `reset` or `stop`. Disposing a stream takes no longer either. @default 2_000 */
	readonly lingerMs: number;
	/** Attempts at a direct channel of one Client at once: as many that it began, and as many to reach it. A Client counts its own and answers that it is busy. @default 16 */
	readonly attemptsPerClient: number;
	/** Raw datagrams a minute, of all Clients together, to an address that only some Client names. A Client counts its own. @default 60 */
	readonly punchPacketsPerMinute: number;
	/** Raw datagrams in one attempt to the validated address of the Client that consents to it. A Client sends no more either. @default 64 */
	readonly punchPacketsPerAttempt: number;
	/** The same as `punchPacketsPerAttempt`, a minute and for all attempts. A Client counts its own. @default 2_000 */
	readonly punchReflexivePerMinute: number;
	/** Uses of the birthday method a minute with one address. 0 is off. A Client sends no more than these need, whatever it is told. @default 3 */
	readonly birthdayPerMinute: number;
	/** Coordinator: pairs of Clients of which it knows how they reach each other. Client: peers of which it knows this. The oldest are forgotten. @default 10_000 */
	readonly pathReports: number;
	/** Streams that survive the loss of their connection and have none now. One peer may have a quarter. Beyond that, those that lost theirs first fail with `RESUME_EXPIRED`. @default 4_096 */
	readonly suspendedStreams: number;
	/** Such streams that are over here while the peer may not know that. One peer may have a quarter. Beyond that, those that were over first are forgotten. @default 1_024 */
	readonly doneStreams: number;
	/** Coordinator: bytes of all watches of one Client that wait to be sent or are not acknowledged. Client: bytes of one watch that wait to be read. @default 65_536 */
	readonly presenceQueueBytes: number;
}

/** The limits of a Client: {@link Limits}, and those that a Coordinator does not have. */
export interface ClientLimits extends Limits {
	/** Peers in one list that it is sent. With more, the watch or the membership in the broadcast ends with `LIMIT_EXCEEDED`. @default 20_000 */
	readonly presencePeers: number;
	/** Silence after which a direct channel that nobody uses counts as lost. It is also the idle limit that both ends of a channel announce in the handshake, unless `idleTimeoutMs` is longer. @default 60_000 */
	readonly idleChannelTimeoutMs: number;
	/** Calls of `countBroadcast` that wait for their answer. Further ones reject with `QUEUE_FULL`. @default 64 */
	readonly requests: number;
}

/** The limits of a Coordinator: {@link Limits}, and those that a Client does not have. */
export interface CoordinatorLimits extends Limits {
	/** Live proxied streams from one Client to one other. Opening further ones waits, at the Client that opens them and then here (`waitingOpens`). @default 1_024 */
	readonly streamsPerPair: number;
	/** Bytes a second that one Client may send through the Coordinator: on proxied streams and to broadcasts, together. Its sending waits beyond that. 0 is no bound. @default 0 */
	readonly proxiedBytesPerSecond: number;
	/** Connected Clients. Further ones are refused with `LIMIT_EXCEEDED`. @default 10_000 */
	readonly clients: number;
	/** How long the process of an id's holder may say nothing, while another key asks for the id and the Coordinator asks the holder each second. Then the id is free. Without a packet of its machine for 5 s, it is free sooner. @default 6_000 */
	readonly holderPingMs: number;
	/** Connections of one identity that may supersede each other within `contentionWindowMs`. One that had said it leaves, or had ended, does not count. The next is refused with `ID_CONTENDED`. @default 3 */
	readonly contentionSwaps: number;
	/** The time within which `contentionSwaps` counts. @default 10_000 */
	readonly contentionWindowMs: number;
	/** How long an id stays with its kept key after the connection has ended. 0 is off. In open mode only. @default 86_400_000 */
	readonly leaseMs: number;
	/** Ids that are leased at once. Beyond that no new lease is granted. @default 10_000 */
	readonly leases: number;
	/** Ids that are leased at once to one source address (IPv6: one /64). @default 64 */
	readonly leasesPerSource: number;
	/** Attempts at direct channels that one Client may begin within a minute. @default 100 */
	readonly attemptsPerMinute: number;
	/** Challenges to one IP address from which Clients seem to come now, at once and a minute. Each is two datagrams; one that is answered no longer counts. @default 1_000 */
	readonly challengesPerMinute: number;
	/** Addresses that some Client named and that datagrams were granted to within a minute. Further ones are not given out. @default 65_536 */
	readonly punchAddresses: number;
	/** Answers of the second port to one session. @default 20 */
	readonly natTests: number;
	/** Answers of the second port to one session within a second. @default 5 */
	readonly natTestsPerSecond: number;
	/** Watches of the peers that one Client may have. `peers()` is a short one. @default 8 */
	readonly presenceWatches: number;
	/** Watches of all Clients together. @default 20_000 */
	readonly watches: number;
	/** Recent changes of presence, kept once for all watches. A watch that falls behind them begins anew. @default 1_048_576 */
	readonly presenceLogBytes: number;
	/** Bytes a second that all watches of the peers together are sent. Beyond that they are told later, and in turn. @default 67_108_864 */
	readonly presenceBytesPerSecond: number;
	/** Changes of its metadata that one Client may make a minute. One counts once more for each 100 members of broadcasts who hear of it. @default 60 */
	readonly metadataUpdatesPerMinute: number;
	/** Broadcasts that one Client may be in at once, each joining counted. @default 32 */
	readonly broadcastsPerClient: number;
	/** Joinings of one Client within a minute, as many at once. One counts once more for each 100 members who hear of it or, with `presence`, are heard of. @default 1_200 */
	readonly broadcastJoinsPerMinute: number;
	/** Broadcasts with different names. @default 10_000 */
	readonly broadcasts: number;
	/** Members of one broadcast. @default 10_000 */
	readonly broadcastMembers: number;
	/** The greatest `bufferBytes` that a member may ask for. @default 4_194_304 */
	readonly broadcastBufferBytes: number;
	/** Messages, and changes of presence, that wait for one member, whatever their size. @default 16_384 */
	readonly broadcastBufferMessages: number;
	/** A member lags once senders have waited for it so long within one second. @default 100 */
	readonly broadcastLagMs: number;
	/** Senders wait for one member at most so long within one minute. @default 1_000 */
	readonly broadcastWaitMs: number;
	/** The same as `broadcastWaitMs`, for a member with `slowReader: "block"`. @default 5_000 */
	readonly broadcastBlockMs: number;
	/** Senders of one broadcast wait at most so long within one minute for all its readers together, not counting those that may block. @default 10_000 */
	readonly broadcastStallMs: number;
	/** Bytes of memory that a Coordinator holds for others in all. 0: a quarter of the memory of the machine, or of its container, and at least 256 MiB. @default 0 */
	readonly heldBytes: number;
	/** Bytes that all broadcasts together keep for slow members and as history. Each message counts once. @default 268_435_456 */
	readonly broadcastHeldBytes: number;
	/** The longest history of one broadcast, in messages. @default 10_000 */
	readonly broadcastHistoryMessages: number;
	/** The longest history of one broadcast, in bytes. @default 4_194_304 */
	readonly broadcastHistoryBytes: number;
}

/** Default, least and greatest value of a limit. */
export interface LimitRule {
	readonly default: number;
	/** Where a Coordinator's default differs. */
	readonly coordinatorDefault?: number;
	/** The default is that for the default of another limit. It is so many more for each that the other limit is more than its default. */
	readonly follows?: { readonly limit: "messageBytes"; readonly times: number };
	readonly min: number;
	readonly max: number;
}

/** Whose limits. */
export type LimitRole = "client" | "coordinator";

type Rules<L> = { readonly [K in keyof L]: LimitRule };

const KiB = 1024;
const MiB = 1024 * KiB;
const MINUTE_MS = 60_000;

/** The range of every limit that both roles have. */
export const SHARED_RULES: Rules<Limits> = {
	messageBytes: { default: MiB, min: 1, max: 16 * MiB - KiB },
	metadataBytes: { default: KiB, min: 0, max: 2 * KiB },
	incomingStreams: { default: 64, min: 0, max: 65_536 },
	waitingOpens: { default: 1024, min: 0, max: 65_536 },
	waitingCalls: { default: 16_384, min: 0, max: 1_048_576 },
	protocols: { default: 1024, min: 0, max: 65_536 },
	runningHandlers: { default: 1024, coordinatorDefault: 16_384, min: 0, max: 1_048_576 },
	streamsPerConnection: { default: 4096, min: 1, max: 65_536 },
	sendHighWaterBytes: { default: 512 * KiB, min: KiB, max: 64 * MiB },
	waitingSends: { default: 1024, min: 0, max: 1_048_576 },
	streamWindowBytes: { default: 2 * MiB, min: 64 * KiB, max: 64 * MiB },
	receiveBytes: { default: 256 * MiB, min: MiB, max: 65_536 * MiB },
	keptBytes: { default: 64 * MiB, min: 64 * KiB, max: 65_536 * MiB },
	connectionWindowBytes: { default: 16 * MiB, follows: { limit: "messageBytes", times: 4 }, min: 64 * KiB, max: 1024 * MiB },
	quicStreamWindowBytes: { default: 512 * KiB, min: 64 * KiB, max: 64 * MiB },
	socketTurnBytes: { default: MiB, min: 64 * KiB, max: 1024 * MiB },
	controlQueueReplies: { default: 256, min: 1, max: 65_536 },
	controlQueueBytes: { default: 256 * KiB, min: 16 * KiB, max: 16 * MiB },
	controlMessagesPerSecond: { default: 200, min: 1, max: 1_000_000 },
	requestTimeoutMs: { default: 10_000, min: 1, max: 10 * MINUTE_MS },
	openSilenceMs: { default: 5000, min: 100, max: 10 * MINUTE_MS },
	helloTimeoutMs: { default: 5000, min: 1, max: 10 * MINUTE_MS },
	headerTimeoutMs: { default: 5000, min: 1, max: 10 * MINUTE_MS },
	controlFrameTimeoutMs: { default: 10_000, min: 1, max: 10 * MINUTE_MS },
	handshakeTimeoutMs: { default: 5000, min: 1, max: 10 * MINUTE_MS },
	undecidedConnections: { default: 256, min: 1, max: 65_536 },
	undecidedPerSource: { default: 16, min: 1, max: 65_536 },
	connectsPerSecondPerSource: { default: 10, min: 1, max: 1_000_000 },
	returningPerSecondPerSource: { default: 250, min: 1, max: 1_000_000 },
	retryThreshold: { default: 64, min: 0, max: 65_536 },
	channels: { default: 64, min: 0, max: 65_536 },
	statusEvents: { default: 64, min: 1, max: 65_536 },
	idleTimeoutMs: { default: 15_000, min: 100, max: 10 * MINUTE_MS },
	keepAliveIntervalMs: { default: 5000, min: 0, max: 10 * MINUTE_MS },
	closeTimeoutMs: { default: 3000, min: 1, max: 10 * MINUTE_MS },
	lingerMs: { default: 2000, min: 0, max: 10 * MINUTE_MS },
	attemptsPerClient: { default: 16, min: 0, max: 65_536 },
	punchPacketsPerMinute: { default: 60, min: 0, max: 1_000_000 },
	punchPacketsPerAttempt: { default: 64, min: 0, max: 16_384 },
	punchReflexivePerMinute: { default: 2000, min: 0, max: 1_000_000_000 },
	birthdayPerMinute: { default: 3, min: 0, max: 1_000_000 },
	pathReports: { default: 10_000, min: 1, max: 1_000_000 },
	suspendedStreams: { default: 4096, min: 1, max: 1_048_576 },
	doneStreams: { default: 1024, min: 1, max: 1_048_576 },
	presenceQueueBytes: { default: 64 * KiB, min: 16 * KiB, max: 16 * MiB },
};

/** The range of every limit that only a Client has. */
export const CLIENT_RULES: Rules<Omit<ClientLimits, keyof Limits>> = {
	presencePeers: { default: 20_000, min: 1, max: 1_000_000 },
	idleChannelTimeoutMs: { default: MINUTE_MS, min: 100, max: 10 * MINUTE_MS },
	requests: { default: 64, min: 1, max: 65_536 },
};

/** The range of every limit that only a Coordinator has. */
export const COORDINATOR_RULES: Rules<Omit<CoordinatorLimits, keyof Limits>> = {
	streamsPerPair: { default: 1024, min: 1, max: 65_536 },
	proxiedBytesPerSecond: { default: 0, min: 0, max: 1_000_000_000_000 },
	clients: { default: 10_000, min: 1, max: 1_000_000 },
	holderPingMs: { default: 6000, min: 1, max: MINUTE_MS },
	contentionSwaps: { default: 3, min: 1, max: 1000 },
	contentionWindowMs: { default: 10_000, min: 1, max: 10 * MINUTE_MS },
	leaseMs: { default: 24 * 60 * MINUTE_MS, min: 0, max: 365 * 24 * 60 * MINUTE_MS },
	leases: { default: 10_000, min: 0, max: 100_000 },
	leasesPerSource: { default: 64, min: 0, max: 100_000 },
	attemptsPerMinute: { default: 100, min: 0, max: 1_000_000 },
	challengesPerMinute: { default: 1000, min: 0, max: 1_000_000 },
	punchAddresses: { default: 65_536, min: 0, max: 1_048_576 },
	natTests: { default: 20, min: 0, max: 1_000_000 },
	natTestsPerSecond: { default: 5, min: 0, max: 1_000_000 },
	presenceWatches: { default: 8, min: 0, max: 65_536 },
	watches: { default: 20_000, min: 0, max: 1_000_000 },
	presenceLogBytes: { default: MiB, min: 64 * KiB, max: 256 * MiB },
	presenceBytesPerSecond: { default: 64 * MiB, min: 64 * KiB, max: 65_536 * MiB },
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
	heldBytes: { default: 0, min: 0, max: 1_048_576 * MiB },
	broadcastHeldBytes: { default: 256 * MiB, min: 64 * KiB, max: 65_536 * MiB },
	broadcastHistoryMessages: { default: 10_000, min: 0, max: 1_000_000 },
	broadcastHistoryBytes: { default: 4 * MiB, min: 0, max: 256 * MiB },
};

/** The defaults of a Client. */
export const DEFAULT_LIMITS: ClientLimits = Object.freeze(defaultsOf<ClientLimits>({ ...SHARED_RULES, ...CLIENT_RULES }, "client"));

/** The defaults of a Coordinator. */
export const COORDINATOR_DEFAULT_LIMITS: CoordinatorLimits = Object.freeze(
	defaultsOf<CoordinatorLimits>({ ...SHARED_RULES, ...COORDINATOR_RULES }, "coordinator"),
);

/**
 * Fills in the defaults of a role and freezes the result. `undefined` means the default. A default that follows another limit
 * is worked out from what that limit is.
 *
 * Throws `TypeError` for a limit of the other role, a name that does not exist, or a value that is not an integer, and
 * `RangeError` for one out of range; all have the `code` `OPTION_INVALID`.
 */
export function resolveLimits(limits?: Partial<ClientLimits>, role?: "client"): ClientLimits;
export function resolveLimits(limits: Partial<CoordinatorLimits> | undefined, role: "coordinator"): CoordinatorLimits;
export function resolveLimits(limits?: Partial<ClientLimits> | Partial<CoordinatorLimits>, role: LimitRole = "client"): ClientLimits | CoordinatorLimits {
	// The defaults are those of the role, with what follows others of them. They are not to be made anew for each Client.
	if (limits === undefined) return role === "client" ? DEFAULT_LIMITS : COORDINATOR_DEFAULT_LIMITS;
	if (typeof limits !== "object" || limits === null) throw optionError("type", "limits", "must be an object");
	const { rules, defaults } = ROLES[role];
	const given: Record<string, number> = {};
	for (const [name, value] of Object.entries(limits)) {
		const rule = Object.hasOwn(rules, name) ? rules[name] : undefined;
		if (rule === undefined) throw problemOfName(name, role);
		if (value !== undefined) given[name] = checked(name, value, rule);
	}
	return Object.freeze({ ...defaults, ...following(rules, { ...defaults, ...given }), ...given });
}

/** The defaults that follow other limits. */
function following(rules: Readonly<Record<string, LimitRule>>, limits: Limits): Record<string, number> {
	const moved: Record<string, number> = {};
	for (const [name, { default: value, follows }] of Object.entries(rules)) {
		if (follows !== undefined) moved[name] = value + follows.times * (limits[follows.limit] - SHARED_RULES[follows.limit].default);
	}
	return moved;
}

/** What a role has, and how it is called in messages. */
const ROLES: Readonly<Record<LimitRole, Role>> = {
	client: { rules: { ...SHARED_RULES, ...CLIENT_RULES }, defaults: DEFAULT_LIMITS, one: "a Client", other: "coordinator" },
	coordinator: { rules: { ...SHARED_RULES, ...COORDINATOR_RULES }, defaults: COORDINATOR_DEFAULT_LIMITS, one: "the Coordinator", other: "client" },
};

interface Role {
	readonly rules: Readonly<Record<string, LimitRule>>;
	readonly defaults: ClientLimits | CoordinatorLimits;
	readonly one: string;
	readonly other: LimitRole;
}

function checked(name: string, value: unknown, { min, max }: LimitRule): number {
	if (typeof value !== "number" || !Number.isInteger(value)) throw optionError("type", `limits.${name}`, "must be an integer");
	if (value < min || value > max) throw optionError("range", `limits.${name}`, `must be between ${min} and ${max}, not ${value}`);
	return value;
}

function problemOfName(name: string, role: LimitRole): Error {
	const { rules, one, other } = ROLES[role];
	if (Object.hasOwn(ROLES[other].rules, name)) return optionError("type", `limits.${name}`, `is a limit of ${ROLES[other].one}; ${one} has no such limit`);
	const nearest = nearestOf(name, Object.keys(rules)) ?? nearestOf(name, Object.keys(ROLES[other].rules));
	const shown = JSON.stringify(name.length > MOST_SHOWN ? `${name.slice(0, MOST_SHOWN)}...` : name);
	return optionError("type", "limits", `has no ${shown}${nearest === undefined ? "" : `; did you mean "${nearest}"?`}`);
}

/** Longer than any name. */
const MOST_SHOWN = 40;

/** The name that takes the fewest edits, if that is no more than a third of it. Upper and lower case do not matter. */
function nearestOf(given: string, names: readonly string[]): string | undefined {
	if (given.length > MOST_SHOWN) return undefined;
	const edits = names.map((name) => editsBetween(given.toLowerCase(), name.toLowerCase()));
	const least = Math.min(...edits);
	const name = names[edits.indexOf(least)];
	return name !== undefined && least <= name.length / 3 ? name : undefined;
}

/** How many characters have to be put in, left out or replaced (Levenshtein). */
function editsBetween(from: string, to: string): number {
	let row = Array.from({ length: to.length + 1 }, (_, column) => column);
	for (const [index, letter] of [...from].entries()) {
		const next = [index + 1];
		for (let column = 1; column <= to.length; column++) {
			const replaced = (row[column - 1] ?? 0) + (letter === to[column - 1] ? 0 : 1);
			next.push(Math.min(replaced, (row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1));
		}
		row = next;
	}
	return row[to.length] ?? 0;
}

function defaultsOf<L>(rules: Rules<L>, role: LimitRole): L {
	const entries = Object.entries<LimitRule>(rules).map(([name, rule]) => [
		name,
		role === "coordinator" ? (rule.coordinatorDefault ?? rule.default) : rule.default,
	]);
	// It has the names of the rules, which are those of L.
	return Object.fromEntries(entries) as L;
}
