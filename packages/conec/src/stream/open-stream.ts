/**
 * How a MessageStream comes to be: opened, accepted, or rejected.
 *
 * @module
 */

import { systemClock } from "../base/clock.ts";
import { onAbort } from "../base/signals.ts";
import { ConecError, isConecError } from "../errors.ts";
import type { Frame, IncomingStream, StreamHandler, StreamOptions, TransportConnection, TransportStream } from "../transport/transport.ts";
import { RESET_CODES, type RejectCode } from "../wire/codes.ts";
import { FRAME } from "../wire/frames.ts";
import { encodeReject } from "../wire/open.ts";
import type { Subject } from "./failures.ts";
import { FramedStream, type StreamInit } from "./framed-stream.ts";
import { StreamShell } from "./shell.ts";

/** How long to wait for ACCEPT, and whether at all. */
export interface OpenOptions {
	/** Resolve at once; a rejection then ends the stream. @default false */
	readonly early?: boolean | undefined;
	/** Rejects with its reason and resets the stream; without effect once the stream is open. */
	readonly signal?: AbortSignal | undefined;
	/** ACCEPT or REJECT must have come by then. @default init.limits.requestTimeoutMs */
	readonly timeoutMs?: number | undefined;
}

/**
 * Opens a stream with `header`, an OPEN frame, and waits for the peer's library to accept it.
 *
 * Rejects with the code of the peer's REJECT (`PEER_BUSY`, `PEER_UNKNOWN`, ...), `PEER_TIMEOUT`, `init.lostCode`, or
 * `signal.reason`. With `early`, all but the last are reported by the stream instead.
 */
export async function openMessageStream(connection: TransportConnection, header: Frame, init: StreamInit, options: OpenOptions = {}): Promise<FramedStream> {
	const { early = false, signal, timeoutMs = init.limits.requestTimeoutMs } = options;
	signal?.throwIfAborted();
	const clock = init.clock ?? systemClock;
	const shell = new StreamShell("opener", subjectOf(init), init.limits, clock);
	const { exchange } = shell;
	try {
		exchange.open(connection.openStream(header, exchange, streamOptions(init)), clock.now(), timeoutMs);
	} catch (error) {
		// It knows already that it is over; some transports say so by `lost` instead.
		if (isConecError(error) && error.code === "CONNECTION_LOST") {
			exchange.lost(error);
			throw exchange.error;
		}
		throw error;
	}
	const stream = new FramedStream(init, shell);
	if (early) return stream;
	const forget = onAbort(signal, () => exchange.destroy(new ConecError("STREAM_CLOSED", `Cannot open ${init.describe}: aborted`), RESET_CODES.CANCELLED));
	try {
		await shell.accepted;
	} catch (error) {
		// The application's own reason, untouched, where it was the abort that ended it.
		throw signal?.aborted && (error as ConecError).code === "STREAM_CLOSED" ? signal.reason : error;
	} finally {
		forget();
	}
	return stream;
}

/** Accepts a stream whose header has been understood: ACCEPT goes out at once. */
export function acceptMessageStream(incoming: IncomingStream, init: StreamInit): FramedStream {
	const shell = new StreamShell("acceptor", subjectOf(init), init.limits, init.clock ?? systemClock);
	shell.exchange.accept(incoming.accept(shell.exchange, streamOptions(init)));
	return new FramedStream(init, shell);
}

/** Answers REJECT and FIN, and reads nothing more. */
export function rejectStream(incoming: IncomingStream, code: RejectCode, message?: string): void {
	const handler: StreamHandler = {
		frame: (_kind, payload) => stream.consumed(payload.length),
		end() {},
		reset() {},
		stopped() {},
		drained() {},
		finished() {},
		lost() {},
	};
	const stream: TransportStream = incoming.accept(handler);
	stream.write(FRAME.REJECT, encodeReject({ code, message }));
	stream.finish();
	stream.stop(RESET_CODES.REJECTED);
}

function subjectOf(init: StreamInit): Subject {
	return { peer: init.peer, describe: init.describe, lostCode: init.lostCode ?? "CONNECTION_LOST" };
}

function streamOptions(init: StreamInit): StreamOptions {
	return { messageBytes: init.limits.messageBytes, highWaterBytes: init.limits.sendHighWaterBytes };
}
