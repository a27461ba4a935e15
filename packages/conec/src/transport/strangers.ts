/**
 * What a transport does with streams that are not its own. See the contract of `Transport.pipe` and `Transport.writeFramesToMany`.
 *
 * @module
 */

import { argumentError, type ConecErrorCode } from "../errors.ts";
import type { HeldStream, IncomingStream } from "./transport.ts";

/** A `TypeError` with the code `OPTION_INVALID`. `what` says what cannot be done. */
export function strangerError(what: string): Error & { code: ConecErrorCode } {
	return argumentError("type", "OPTION_INVALID", `${what}: each must be a stream of this transport that is not used otherwise`);
}

/** Refuses each of the streams. They may be anything: what one of them throws does not keep the others open. */
export function refuseStreams(streams: readonly (IncomingStream | HeldStream)[], code: number): void {
	for (const stream of streams) {
		try {
			stream.refuse(code);
		} catch {
			// It was no stream, or is over.
		}
	}
}
