/**
 * What an application does with the streams of a protocol.
 *
 * @module
 */

import { isPlainObject } from "../../base/bytes.ts";
import { argumentError, optionError } from "../../errors.ts";
import type { MessageStream } from "../../stream/message-stream.ts";
import { checkProtocol } from "../open-stream-options.ts";

/**
 * Takes one incoming stream of a protocol.
 *
 * - If it returns a promise, the stream is the handler's until the promise settles. When it resolves, the stream is disposed of: it is
 *   closed if it is still open, then stopped.
 * - If it returns nothing, the application keeps the stream, and has to end it.
 * - If it throws or rejects, it has failed. The stream is reset and stopped with the application code 0, and `status()` says so once.
 *   A handler may reset the stream with a code of its own before it throws.
 * - If it rejects with the error that broke the stream, or with the reason of `signal`, it has not failed. While the Client or the
 *   Coordinator is closing, its stream then ends at once with `CLIENT_CLOSED` or `COORDINATOR_CLOSED`.
 */
export type ProtocolHandler = (stream: MessageStream, context: HandlerContext) => void | Promise<void>;

/** What a handler is given beside its stream. */
export interface HandlerContext {
	/**
	 * Aborts with a `ConecError` as its reason:
	 *
	 * - when the Client or the Coordinator begins to close. The handler then has at most 2 s (`limits.lingerMs`) until its stream is reset;
	 * - when the Client or the Coordinator has ended otherwise;
	 * - when the stream is over and has broken: by the peer, by the network, or because its channel was closed. What the handler did itself, by
	 *   `reset` or `stop`, does not count.
	 */
	readonly signal: AbortSignal;
}

/** Handlers by the names of their protocols. A name is 1 to 64 of `a-z 0-9 . - /`. */
export type ProtocolHandlers = Readonly<Record<string, ProtocolHandler>>;

/** What `handle` returns. The handler stays until {@link Handling.close} or disposal, or until the Client or the Coordinator has ended. */
export interface Handling extends Disposable {
	/** The name of the protocol. */
	readonly protocol: string;
	/** Removes the handler. Further streams are rejected with `PROTOCOL_UNHANDLED`. Those that it has already go on. A second call does nothing. */
	close(): void;
}

/** A handler has failed. `status()` says it once for each stream. */
export interface HandlerFailed {
	readonly type: "handler-failed";
	/** The name of the protocol. */
	readonly protocol: string;
	/** Id of the peer. `null` means the Coordinator. */
	readonly peer: string | null;
	/** What the handler threw. */
	readonly error: unknown;
}

/** Checks the option `handlers`. A handler may be `undefined`: then there is none. Throws TypeError or RangeError `OPTION_INVALID`. */
export function checkHandlers(handlers: ProtocolHandlers | undefined, most: number): ReadonlyMap<string, ProtocolHandler> {
	const checked = new Map<string, ProtocolHandler>();
	if (handlers === undefined) return checked;
	if (!isPlainObject(handlers)) throw optionError("type", "handlers", "must be a plain object that has a function for each protocol");
	for (const [protocol, handler] of Object.entries(handlers)) {
		if (handler === undefined) continue;
		checkProtocol(protocol, 'A protocol in option "handlers"');
		checkHandler(handler, protocol);
		checked.set(protocol, handler);
	}
	if (checked.size > most) throw optionError("range", "handlers", `has ${checked.size} protocols, more than limits.protocols allows (${most})`);
	return checked;
}

/** Checks that a handler is a function. Throws TypeError `OPTION_INVALID`. */
export function checkHandler(handler: unknown, protocol: string): asserts handler is ProtocolHandler {
	if (typeof handler !== "function") throw argumentError("type", "OPTION_INVALID", `The handler of protocol "${protocol}" must be a function`);
}
