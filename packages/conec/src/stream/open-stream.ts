/**
 * How a MessageStream comes to be: opened, accepted, or rejected.
 *
 * @module
 */

import { systemClock } from "../base/clock.ts";
import { ConecError, isConecError } from "../errors.ts";
import type { Frame, IncomingStream, StreamHandler, StreamOptions, TransportConnection, TransportStream } from "../transport/transport.ts";
import { RESET_CODES, type RejectCode } from "../wire/codes.ts";
import { FRAME } from "../wire/frames.ts";
import { encodeReject } from "../wire/open.ts";
import { FramedStream, type StreamInit } from "./framed-stream.ts";
import { StreamState } from "./state.ts";

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
	const state = stateOf(init, true);
	try {
		state.attach(connection.openStream(header, state, streamOptions(init)));
	} catch (error) {
		// It knows already that it is over; some transports say so by `lost` instead.
		if (isConecError(error) && error.code === "CONNECTION_LOST") {
			state.lost(error);
			throw state.error;
		}
		throw error;
	}
	const timer = clock.setTimeout(() => {
		const error = new ConecError(
			"PEER_TIMEOUT",
			`Cannot open ${init.describe}: no answer within ${timeoutMs} ms`,
			init.peer === null ? {} : { peer: init.peer },
		);
		state.destroy(error, RESET_CODES.CANCELLED);
	}, timeoutMs);
	const stream = new FramedStream(init, state);
	if (early) {
		const forget = (): void => clock.clearTimeout(timer);
		state.accepted.then(forget, forget);
		return stream;
	}
	const onAbort = (): void => state.destroy(new ConecError("STREAM_CLOSED", `Cannot open ${init.describe}: aborted`), RESET_CODES.CANCELLED);
	signal?.addEventListener("abort", onAbort, { once: true });
	try {
		await state.accepted;
	} catch (error) {
		// The application's own reason, untouched, where it was the abort that ended it.
		throw signal?.aborted && (error as ConecError).code === "STREAM_CLOSED" ? signal.reason : error;
	} finally {
		signal?.removeEventListener("abort", onAbort);
		clock.clearTimeout(timer);
	}
	return stream;
}

/** Accepts a stream whose header has been understood: ACCEPT goes out at once. */
export function acceptMessageStream(incoming: IncomingStream, init: StreamInit): FramedStream {
	const state = stateOf(init, false);
	const transport = incoming.accept(state, streamOptions(init));
	state.attach(transport);
	transport.write(FRAME.ACCEPT, new Uint8Array(0));
	return new FramedStream(init, state);
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

function stateOf(init: StreamInit, opening: boolean): StreamState {
	return new StreamState({ peer: init.peer, describe: init.describe, limits: init.limits, lostCode: init.lostCode ?? "CONNECTION_LOST", opening });
}

function streamOptions(init: StreamInit): StreamOptions {
	return { messageBytes: init.limits.messageBytes, creditBytes: init.limits.streamCreditBytes, highWaterBytes: init.limits.sendHighWaterBytes };
}
