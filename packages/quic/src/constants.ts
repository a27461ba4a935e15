/**
 * The numbers and names that this side shares with the addon. A test compares them with what the addon's `constants()` says.
 *
 * @module
 */

/** What a record is about; `events/record.rs`. */
export const RECORD = {
	FRAME: 1,
	LARGE: 2,
	END: 3,
	RESET: 4,
	STOPPED: 5,
	DRAIN: 6,
	FINISHED: 7,
	STREAM_LOST: 8,
	STREAM_IN: 9,
	STREAM_DONE: 10,
	CONN_IN: 11,
	CONN_OPEN: 12,
	CONN_CLOSED: 13,
	DATAGRAM: 14,
	RAW: 15,
	PIPE_END: 16,
	ENDPOINT_CLOSED: 17,
	ENDPOINT_LEFT: 18,
	CONN_SETTLED: 19,
	PIPE_OPEN: 20,
	CONN_SLOWED: 21,
	CONN_TURN: 22,
	FRAMES: 23,
} as const;

/** In which layer a connection ended; `connection/end.rs`. */
export const LAYER = {
	CLOSED_LOCALLY: 1,
	CLOSED_BY_PEER: 2,
	IDLE_TIMEOUT: 3,
	HANDSHAKE_TIMEOUT: 4,
	STATELESS_RESET: 5,
	VERSION_MISMATCH: 6,
	TLS_BY_PEER: 7,
	TLS_LOCALLY: 8,
	TRANSPORT_BY_PEER: 9,
	TRANSPORT_LOCALLY: 10,
	DIAL_FAILED: 11,
	DIAL_REFUSED: 12,
} as const;

/** Why this side refused the peer's certificate; `tls/refusal.rs`. 0: it did not. */
export const REFUSAL = {
	PIN: 1,
	NAME: 2,
	EXPIRED: 3,
	NOT_YET_VALID: 4,
	UNKNOWN_ISSUER: 5,
	INVALID: 6,
	REVOKED: 7,
	USAGE: 8,
} as const;

/** What the network says of a dial; `connection/end.rs`. */
export const DIAL_REFUSAL = { PORT: 1, PROHIBITED: 2, UNREACHABLE: 3 } as const;

/** Why a stream broke; `stream/incoming.rs`. */
export const LOST = { CONNECTION: 1, TOO_LONG: 2, TRUNCATED: 3 } as const;

/** How a pipe ended; `stream/pipe.rs`. */
export const PIPE_END = { FINISHED: 0, RESET: 1, LOST: 2 } as const;

/** When a dialler has to prove its address first; `endpoint/admission.rs`. */
export const RETRY = { NEVER: 0, UNDER_LOAD: 1, ALWAYS: 2 } as const;

/** What became of a datagram; `bridge/connections.rs`. */
export const DATAGRAM_RESULT = { SENT: 0, TOO_LARGE: 1, UNSUPPORTED: 2, CLOSED: 3 } as const;

/** Lengths and bits that both sides reckon with. */
export const SIZE = {
	/** What a frame costs besides its payload; `stream/incoming.rs`. */
	FRAME_COST_BYTES: 64,
	/** `stream/frame.rs`. */
	FRAME_HEADER_BYTES: 4,
	/** The longest payload of a frame; `stream/frame.rs`. */
	MAX_FRAME_BYTES: 0xff_ffff,
	/** The longest first frame that `headerBytes` may allow; `bridge/options.rs`. */
	MAX_HEADER_BYTES: 65_536,
	/** Up to this much is sent when the tick ends, more at once; `stream/outgoing.rs`. */
	INLINE_BYTES: 4_096,
	/** The buffer into which the addon writes records; `events/queue.rs`. */
	BATCH_BYTES: 262_144,
	/** The head of a record; `events/queue.rs`. */
	RECORD_BYTES: 12,
	/** A packed address; `endpoint/raw.rs`. */
	ADDRESS_BYTES: 20,
	/** The part of a handle that is its slot; `bridge/table.rs`. */
	SLOT_BITS: 20,
	/** Set in the result of `poll` when more waits; `events/queue.rs`. */
	MORE: 0x8000_0000,
} as const;

/** The codes of the addon's errors; `error.rs`. `errors.ts` turns them into codes of `QuicError`. */
export const ERROR_CODES = [
	"INVALID_ARGUMENT",
	"HANDLE_STALE",
	"NOT_INITIALISED",
	"TOO_MANY_HANDLES",
	"CERTIFICATE_INVALID",
	"KEY_INVALID",
	"ADDRESS_IN_USE",
	"ADDRESS_UNAVAILABLE",
	"PERMISSION_DENIED",
	"SOCKET_FAILED",
	"THREAD_FAILED",
] as const;

/** The congestion controllers of quinn; `bridge/options.rs`. */
export const CONGESTION = ["cubic", "newreno", "bbr"] as const;

/** What `connectionStats` tells, in this order; `bridge/connections.rs`. */
export const CONNECTION_STATS = [
	"rttMs",
	"minRttMs",
	"congestionWindowBytes",
	"mtuBytes",
	"sentPackets",
	"lostPackets",
	"lostBytes",
	"congestionEvents",
	"sentBytes",
	"receivedBytes",
	"sentDatagrams",
	"receivedDatagrams",
	"silentMs",
] as const;

/** What `endpointStats` tells, in this order; `bridge/endpoints.rs`. */
export const ENDPOINT_STATS = [
	"openConnections",
	"undecidedConnections",
	"acceptedHandshakes",
	"failedHandshakes",
	"refusedConnections",
	"retries",
	"returningConnections",
	"droppedRawDatagrams",
	"droppedDatagrams",
] as const;

/** What `endpointHeld` tells of each connection, in this order; `bridge/endpoints.rs`. */
export const HELD = ["connection", "unsentBytes", "unreadBytes", "waitingPipes", "acknowledgedBytes"] as const;

/** Figures under their names; a figure that is missing is 0. */
export function named<Name extends string>(names: readonly Name[], figures: readonly number[]): Record<Name, number> {
	return Object.fromEntries(names.map((name, index) => [name, figures[index] ?? 0])) as Record<Name, number>;
}
