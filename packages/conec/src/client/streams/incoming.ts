/**
 * The streams that others open to a Client, on any path, until its application has them.
 *
 * @module
 */

import type { ConecError } from "../../errors.ts";
import type { ClientLimits } from "../../limits.ts";
import { describeStream } from "../../session/describe-stream.ts";
import type { Arrival, Reception } from "../../session/protocols/index.ts";
import { rejectStream } from "../../stream/open-stream.ts";
import type { IncomingStream } from "../../transport/transport.ts";
import { RESET_CODES } from "../../wire/codes.ts";
import { FRAME } from "../../wire/frames.ts";
import { decodeOpenDirect } from "../../wire/open.ts";
import type { DirectChannel } from "../channel/index.ts";

/** See the module. */
export class ClientStreams {
	readonly #limits: ClientLimits;
	readonly #reception: Reception;
	readonly #leaving: () => boolean;

	/** `leaving`: whether the Client takes no more. */
	constructor(limits: ClientLimits, reception: Reception, leaving: () => boolean) {
		this.#limits = limits;
		this.#reception = reception;
		this.#leaving = leaving;
	}

	/** Takes a stream for the application, now or when there is a place for it, or answers REJECT. */
	arrive(arrival: Arrival): void {
		if (this.#leaving()) return rejectStream(arrival.incoming, "CLIENT_CLOSED", "the Client is leaving");
		this.#reception.arrive(arrival);
	}

	/** A peer has opened a stream on a direct channel. */
	onChannel(incoming: IncomingStream, channel: DirectChannel): void {
		if (incoming.header.kind !== FRAME.OPEN) return incoming.refuse(RESET_CODES.HEADER_INVALID);
		if (!channel.takesStreams && !this.#leaving()) return incoming.refuse(RESET_CODES.CHANNEL_CLOSED);
		const open = decodeOpenDirect(incoming.header.payload, this.#limits.metadataBytes);
		if (!open.ok) return rejectStream(incoming, "PROTOCOL_ERROR", open.error);
		// The name is that of the connection; what the header may say is not looked at.
		const init = channel.init(open.value, describeStream(open.value.id, "from", channel.peer));
		this.arrive({ incoming, init, resume: open.value.resume, accepted: (stream) => channel.add(stream) });
	}

	/** Nothing more comes in. Streams that nobody has taken fail with the error; so does the iteration, unless the application has closed the Client. Handlers are told to end. */
	end(error: ConecError): void {
		if (error.code === "CLIENT_CLOSED") this.#reception.close(error, RESET_CODES.CLIENT_CLOSED);
		else this.#reception.destroy(error, RESET_CODES.NONE);
	}
}
