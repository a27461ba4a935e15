/**
 * The streams that others open to a Client, on any path, until its application has them.
 *
 * @module
 */

import type { ConecError } from "../../errors.ts";
import type { ClientLimits } from "../../limits.ts";
import { describeStream } from "../../session/describe-stream.ts";
import type { Reception, Refusal } from "../../session/protocols/index.ts";
import type { FramedStream } from "../../stream/framed-stream.ts";
import { acceptMessageStream, legProblem, type NewStream, rejectStream } from "../../stream/open-stream.ts";
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

	/** Why no stream of that protocol, or of none, is accepted now; `undefined`: it is. */
	refusal(protocol: string | undefined): Refusal | undefined {
		if (this.#leaving()) return { code: "CLIENT_CLOSED", reason: "the Client is leaving" };
		return this.#reception.refusal(protocol);
	}

	/** Hands an accepted stream to the application. */
	take(stream: FramedStream): void {
		this.#reception.take(stream);
	}

	/** A peer has opened a stream on a direct channel. */
	onChannel(incoming: IncomingStream, channel: DirectChannel): void {
		if (incoming.header.kind !== FRAME.OPEN) return incoming.refuse(RESET_CODES.HEADER_INVALID);
		if (!channel.takesStreams && !this.#leaving()) return incoming.refuse(RESET_CODES.CHANNEL_CLOSED);
		const open = decodeOpenDirect(incoming.header.payload, this.#limits.metadataBytes);
		if (!open.ok) return rejectStream(incoming, "PROTOCOL_ERROR", open.error);
		const refusal = legProblem(open.value.resume) ?? this.refusal(open.value.protocol);
		if (refusal !== undefined) return rejectStream(incoming, refusal.code, refusal.reason);
		// The name is that of the connection; what the header may say is not looked at.
		const stream = acceptMessageStream(incoming, channel.init(open.value, describeStream(open.value.id, "from", channel.peer)), open.value.resume as NewStream);
		channel.add(stream);
		this.take(stream);
	}

	/** Nothing more comes in. Streams that nobody has taken fail with the error; so does the iteration, unless the application has closed the Client. Handlers are told to end. */
	end(error: ConecError): void {
		if (error.code === "CLIENT_CLOSED") this.#reception.close(error, RESET_CODES.CLIENT_CLOSED);
		else this.#reception.destroy(error, RESET_CODES.NONE);
	}
}
