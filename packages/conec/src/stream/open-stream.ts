/**
 * How a MessageStream comes to be: opened, accepted, or rejected.
 *
 * @module
 */

import { systemClock } from "../base/clock.ts";
import { onAbort, reasonOf, throwIfAborted } from "../base/signals.ts";
import { ConecError, isConecError } from "../errors.ts";
import type { IncomingStream, StreamHandler, TransportConnection, TransportStream } from "../transport/transport.ts";
import { RESET_CODES, type RejectCode } from "../wire/codes.ts";
import { FRAME } from "../wire/frames.ts";
import { encodeOpen, encodeReject, type OpenDirect, type OpenResume, type OpenToCoordinator } from "../wire/open.ts";
import { cannotOpen, lostWith, type ResumeOptions, type Subject } from "./exchange/index.ts";
import { flowOf } from "./flow.ts";
import { FramedStream, type StreamInit } from "./framed-stream.ts";
import { linkOf, streamOptions } from "./leg-way.ts";
import { StreamShell } from "./shell.ts";

/** How long to wait for the answer, and whether at all. */
export interface OpenOptions {
	/** Resolve at once; a rejection then ends the stream. @default false */
	readonly early?: boolean | undefined;
	/** Rejects with its reason and resets the stream; without effect once the stream is open. */
	readonly signal?: AbortSignal | undefined;
	/** The answer must have come by then. @default init.limits.requestTimeoutMs */
	readonly timeoutMs?: number | undefined;
}

/**
 * Opens a stream with `open`, to which it adds what OPEN says of the leg, and waits for the peer's library to accept it.
 *
 * Rejects with the code of the peer's REJECT (`PEER_BUSY`, `PEER_UNKNOWN`, ...), `PEER_TIMEOUT`, `init.lostCode`, or
 * `signal.reason`. With `early`, all but the last are reported by the stream instead.
 */
export async function openMessageStream(
	connection: TransportConnection,
	open: OpenToCoordinator | OpenDirect,
	init: StreamInit,
	options: OpenOptions = {},
): Promise<FramedStream> {
	const { early = false, signal, timeoutMs = init.limits.requestTimeoutMs } = options;
	throwIfAborted(signal);
	const shell = shellFor("opener", connection, init, asked(init));
	const { exchange } = shell;
	const header = { kind: FRAME.OPEN, payload: encodeOpen({ ...open, resume: exchange.openResume }) };
	try {
		exchange.open((handler) => linkOf(connection.openStream(header, handler, streamOptions(init)), connection, init), timeoutMs);
	} catch (error) {
		// It knows already that it is over; some transports say so by `lost` instead.
		if (isConecError(error) && error.code === "CONNECTION_LOST") {
			const lost = lostWith(subjectOf(init), error);
			exchange.destroy(lost, RESET_CODES.NONE);
			throw lost;
		}
		throw error;
	}
	const stream = new FramedStream(init, shell);
	if (early) return stream;
	// A first leg that is lost does not end it, but whoever waits for it does so no longer than for any other.
	const late = (): void => exchange.destroy(cannotOpen(subjectOf(init), "PEER_TIMEOUT", `no answer within ${timeoutMs} ms`), RESET_CODES.CANCELLED);
	const timer = init.survival === undefined ? undefined : shell.clock.setTimeout(late, timeoutMs);
	const forget = onAbort(signal, () => exchange.destroy(new ConecError("STREAM_CLOSED", `Cannot open ${init.describe}: aborted`), RESET_CODES.CANCELLED));
	try {
		await shell.accepted;
	} catch (error) {
		// The application's own reason, untouched, where it was the abort that ended it.
		throw signal?.aborted && (error as ConecError).code === "STREAM_CLOSED" ? reasonOf(signal) : error;
	} finally {
		forget();
		shell.clock.clearTimeout(timer);
	}
	return stream;
}

/** Accepts a stream whose header has been understood: RESUMABLE goes out at once. `resume` is that of the header, of a new stream. */
export function acceptMessageStream(incoming: IncomingStream, init: StreamInit, resume: NewStream): FramedStream {
	const shell = shellFor("acceptor", incoming.connection, init, granted(init, resume));
	shell.exchange.accept((handler) => linkOf(incoming.accept(handler, streamOptions(init)), incoming.connection, init), resume);
	return new FramedStream(init, shell);
}

/** What OPEN says of a new stream. */
export type NewStream = Exclude<OpenResume, { readonly generation: number }>;

/** What is wrong with what an OPEN says of its leg, and the code of the REJECT for it; `undefined`: it is a new stream. */
export function legProblem(resume: OpenResume | undefined): { readonly code: RejectCode; readonly reason: string } | undefined {
	if (resume === undefined) return { code: "PROTOCOL_ERROR", reason: "OPEN says nothing of the leg" };
	return "generation" in resume ? { code: "RESUME_UNKNOWN", reason: "the stream is not known here" } : undefined;
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

/** What stands around the machine of a stream over that connection. */
export function shellFor(role: "opener" | "acceptor", connection: TransportConnection, init: StreamInit, resume: ResumeOptions | undefined): StreamShell {
	const { limits, clock = systemClock } = init;
	const budgets = init.budgets ?? flowOf(connection, limits, clock, init.severalPeers ?? false).budgets;
	return new StreamShell(role, subjectOf(init), limits, { clock, budgets, resume, survival: resume === undefined ? undefined : init.survival });
}

/** How long the peer's new stream may be without a leg. `undefined`: it ends with its leg. */
export function granted({ survival }: StreamInit, resume: NewStream): ResumeOptions | undefined {
	if (survival === undefined || !("token" in resume)) return undefined;
	return { token: resume.token, forMs: Math.min(resume.forMs, survival.forMs) };
}

function asked({ survival }: StreamInit): ResumeOptions | undefined {
	return survival?.token === undefined ? undefined : { token: survival.token, forMs: survival.forMs };
}

function subjectOf(init: StreamInit): Subject {
	return { peer: init.peer, describe: init.describe, lostCode: init.lostCode ?? "CONNECTION_LOST" };
}
