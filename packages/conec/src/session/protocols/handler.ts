/**
 * What an application does with the streams of a protocol.
 *
 * @module
 */

import { argumentError } from "../../errors.ts";
import type { MessageStream } from "../../stream/message-stream.ts";
import { checkProtocol } from "../open-stream-options.ts";

/**
 * Takes one incoming stream of a protocol.
 *
 * - A handler that returns a promise has the stream until the promise settles. When it resolves, the stream is disposed: closed if it
 *   is still open, then stopped.
 * - A handler that returns nothing keeps the stream: ending it is up to the application.
 * - A handler that throws or rejects has failed: the stream is reset and stopped with the application code 0, and `status()` says so once.
 *   A handler may reset the stream with a code of its own before it throws.
 * - A handler that passes on the error with which the stream itself broke, or the reason of `signal`, has not failed. When everything is
 *   closing, its stream then ends at once as closing ends streams: with `CLIENT_CLOSED` or `COORDINATOR_CLOSED`.
 */
export type ProtocolHandler = (stream: MessageStream, context: HandlerContext) => void | Promise<void>;

/** What a handler is given beside its stream. */
export interface HandlerContext {
	/**
	 * Aborts when the Client or Coordinator begins to close or has ended, and when the peer or the network has broken the stream. The reason
	 * is a `ConecError`. After `close()` a handler has at most 2 s (`limits.lingerMs`) to end; then its stream is reset.
	 */
	readonly signal: AbortSignal;
}

/** Handlers by the names of their protocols: 1 to 64 of `a-z 0-9 . - /`. */
export type ProtocolHandlers = Readonly<Record<string, ProtocolHandler>>;

/** That a protocol is handled. Ends with {@link Handling.close}, with disposal, or with the Client or Coordinator. */
export interface Handling extends Disposable {
	readonly protocol: string;
	/** Takes the handler away: further streams are rejected with `PROTOCOL_UNHANDLED`, and those that it has already go on. Idempotent. */
	close(): void;
}

/** A handler has failed. Said once for each stream. */
export interface HandlerFailed {
	readonly type: "handler-failed";
	readonly protocol: string;
	/** Id of the peer; `null`: the Coordinator. */
	readonly peer: string | null;
	/** What the handler has thrown. */
	readonly error: unknown;
}

/** Checks the option `handlers`; `undefined` as a handler is none. Throws TypeError `OPTION_INVALID`. */
export function checkHandlers(handlers: ProtocolHandlers | undefined, most: number): ReadonlyMap<string, ProtocolHandler> {
	const checked = new Map<string, ProtocolHandler>();
	if (handlers === undefined) return checked;
	const prototype: unknown = Object.getPrototypeOf(handlers);
	if (prototype !== Object.prototype && prototype !== null)
		throw argumentError("type", "OPTION_INVALID", 'Option "handlers" must be a plain object that has a function for each protocol');
	for (const [protocol, handler] of Object.entries(handlers)) {
		if (handler === undefined) continue;
		checkProtocol(protocol, 'A protocol in option "handlers"');
		checkHandler(handler, protocol);
		checked.set(protocol, handler);
	}
	if (checked.size > most)
		throw argumentError("range", "OPTION_INVALID", `Option "handlers" has ${checked.size} protocols, more than limits.protocols allows (${most})`);
	return checked;
}

/** Checks that a handler is a function. Throws TypeError `OPTION_INVALID`. */
export function checkHandler(handler: unknown, protocol: string): asserts handler is ProtocolHandler {
	if (typeof handler !== "function") throw argumentError("type", "OPTION_INVALID", `The handler of protocol "${protocol}" must be a function`);
}
