/**
 * Joining a broadcast.
 *
 * @module
 */

import { checkOptions } from "../../base/check-options.ts";
import { type Clock, systemClock } from "../../base/clock.ts";
import { onAbort, reasonOf, throwIfAborted } from "../../base/signals.ts";
import { argumentError, ConecError, isConecError, optionError } from "../../errors.ts";
import type { ClientLimits } from "../../limits.ts";
import type { LiveStream } from "../../session/stream-set.ts";
import type { BroadcastOptions } from "../../stream/broadcast-stream.ts";
import type { Lent } from "../../stream/lent.ts";
import type { TransportConnection } from "../../transport/transport.ts";
import {
	BROADCAST_MODES,
	type BroadcastOpen,
	BUFFER_BYTES_MAX,
	BUFFER_BYTES_MIN,
	isEpoch,
	LAST_MAX,
	SLOW_READER_POLICIES,
	TAG_BYTES,
} from "../../wire/broadcast.ts";
import { RESET_CODES } from "../../wire/codes.ts";
import { FRAME } from "../../wire/frames.ts";
import { BROADCAST_NAME_BYTES, isBroadcastName } from "../../wire/ids.ts";
import { encodeOpen } from "../../wire/open.ts";
import { Membership, type Returning } from "./membership.ts";

const BUFFER_BYTES = 1_024 * 1_024;

/** Checks the name of a broadcast. Throws TypeError `BROADCAST_NAME_INVALID`. */
export function checkBroadcastName(name: string, action: string): void {
	if (isBroadcastName(name)) return;
	throw argumentError(
		"type",
		"BROADCAST_NAME_INVALID",
		`${action}: the name must be 1 to ${BROADCAST_NAME_BYTES} of a-z, 0-9, dot, underscore and hyphen, not ${JSON.stringify(name)}`,
	);
}

/** Makes the request to the Coordinator. Throws TypeError or RangeError `BROADCAST_NAME_INVALID` or `OPTION_INVALID`. */
export function broadcastOpen(name: string, options: BroadcastOptions): BroadcastOpen {
	checkBroadcastName(name, "Cannot join broadcast");
	checkOptions(options, {
		mode: BROADCAST_MODES,
		slowReader: SLOW_READER_POLICIES,
		bufferBytes: "integer",
		since: "object",
		last: "integer",
		keepOpen: "boolean",
		presence: "boolean",
		rejoin: "boolean",
		signal: "signal",
	});
	const { mode = "both", slowReader = "drop-oldest", bufferBytes = BUFFER_BYTES, since, last, keepOpen, presence } = options;
	checkRange("bufferBytes", bufferBytes, BUFFER_BYTES_MIN, BUFFER_BYTES_MAX);
	if (last !== undefined) checkRange("last", last, 0, LAST_MAX);
	if (since !== undefined) {
		if (last !== undefined) throw argumentError("type", "OPTION_INVALID", `Options "since" and "last" exclude each other`);
		if (!isEpoch(since.epoch)) throw optionError("type", "since", `must have an epoch of 16 hexadecimal digits`);
		if (typeof since.seq !== "number") throw optionError("type", "since", `must have a seq`);
		checkRange("since.seq", since.seq, 0, Number.MAX_SAFE_INTEGER);
	}
	return {
		name,
		mode,
		slowReader,
		bufferBytes,
		...(since === undefined ? {} : { since: { epoch: since.epoch, seq: since.seq } }),
		...(last === undefined ? {} : { last }),
		...(keepOpen === true ? { keepOpen } : {}),
		...(presence === true ? { presence } : {}),
	};
}

function checkRange(name: string, value: number, min: number, max: number): void {
	if (Number.isInteger(value) && value >= min && value <= max) return;
	throw optionError("range", name, `must be an integer from ${min} to ${max}, not ${value}`);
}

/** What joining needs of its Client. */
export interface JoinContext {
	readonly connection: TransportConnection;
	/** Limits of what is received: this Client's. */
	readonly limits: ClientLimits;
	/** Limits of what is sent: its length is what the Coordinator takes. */
	readonly sendLimits: ClientLimits;
	readonly id: number;
	/** How long joining may take. @default `limits.requestTimeoutMs` */
	readonly withinMs?: number;
	/** What the stream borrows. */
	readonly lent: Lent;
	/** @default the machine's */
	readonly clock?: Clock;
	/** Joins again after a loss. @default nobody does */
	readonly returning?: Returning | undefined;
	/** Keeps the stream until it is over, also while it is being opened. */
	readonly keep: (member: Membership, stream: LiveStream) => void;
}

/** Makes a member and joins. Resolves when the Coordinator has taken it. Rejects with its REJECT, `PEER_TIMEOUT`, `COORDINATOR_LOST`, or `signal.reason`. */
export async function joinBroadcast(open: BroadcastOpen, context: JoinContext, signal: AbortSignal | undefined): Promise<Membership> {
	throwIfAborted(signal);
	const { lent, limits, sendLimits, returning, clock = systemClock } = context;
	const member = new Membership({ open, limits: sendLimits, messageBytes: limits.messageBytes, clock, windows: lent.windows, returning });
	await joinAs(member, context, signal);
	return member;
}

/** The same for a member that there is. It must have been told `again`, unless it is new. */
export async function joinAs(member: Membership, context: JoinContext, signal?: AbortSignal): Promise<void> {
	const { connection, id, lent, limits, clock = systemClock } = context;
	const { messageBytes, requestTimeoutMs } = limits;
	const { withinMs = requestTimeoutMs } = context;
	const header = { kind: FRAME.OPEN, payload: encodeOpen({ broadcast: member.open, id, resume: member.openResume }) };
	const options = { messageBytes: messageBytes + TAG_BYTES, highWaterBytes: limits.sendHighWaterBytes };
	const { joined, kept } = member;
	try {
		member.start((leg) => ({ wire: connection.openStream(header, leg, options), shares: lent.shares, acks: lent.acks }), withinMs);
	} catch (error) {
		if (!isConecError(error) || error.code !== "CONNECTION_LOST") throw error;
		member.lost(error);
	}
	context.keep(member, kept);
	const timer = clock.setTimeout(() => {
		const words = `Cannot join ${member.describe}: no answer within ${requestTimeoutMs} ms`;
		kept.destroy(new ConecError("PEER_TIMEOUT", words), RESET_CODES.CANCELLED);
	}, withinMs);
	const aborted = new ConecError("STREAM_CLOSED", `Cannot join ${member.describe}: aborted`);
	const forget = onAbort(signal, () => kept.destroy(aborted, RESET_CODES.CANCELLED));
	try {
		await joined;
	} catch (error) {
		throw error === aborted && signal !== undefined ? reasonOf(signal) : error;
	} finally {
		forget();
		clock.clearTimeout(timer);
	}
}
