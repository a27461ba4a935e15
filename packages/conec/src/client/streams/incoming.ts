/**
 * The streams that others open to a Client, on any path, until its application has them.
 *
 * @module
 */

import type { ConecError } from "../../errors.ts";
import type { ClientLimits } from "../../limits.ts";
import { describeStream } from "../../session/describe-stream.ts";
import type { Arrival, Reception } from "../../session/protocols/index.ts";
import { type Proof, Survivors, type SurvivorsParts } from "../../session/resumption/index.ts";
import type { FramedStream } from "../../stream/framed-stream.ts";
import { rejectStream } from "../../stream/open-stream.ts";
import type { IncomingStream } from "../../transport/transport.ts";
import { RESET_CODES } from "../../wire/codes.ts";
import { FRAME } from "../../wire/frames.ts";
import { decodeOpenDirect } from "../../wire/open.ts";
import type { DirectChannel } from "../channel/index.ts";

/** What they are made of. */
export interface ClientStreamsParts extends SurvivorsParts {
	readonly limits: ClientLimits;
	readonly reception: Reception;
	/** Peers on direct channels have shown certificates of an authority. */
	readonly verified: boolean;
	/** Whether the Client takes no more. */
	readonly leaving: () => boolean;
}

/** See the module. */
export class ClientStreams {
	readonly #limits: ClientLimits;
	readonly reception: Reception;
	readonly survivors: Survivors;
	readonly #verified: boolean;
	readonly #leaving: () => boolean;

	constructor({ reception, verified, leaving, ...parts }: ClientStreamsParts) {
		this.#limits = parts.limits;
		this.reception = reception;
		this.survivors = new Survivors(parts);
		this.#verified = verified;
		this.#leaving = leaving;
	}

	/** The Coordinator has opened a stream, or a peer has through it. It is taken for the application, now or when there is a place for it, or answered with REJECT. */
	throughCoordinator(arrival: Arrival): void {
		this.#arrive(arrival, { peer: arrival.init.peer, key: arrival.fromKey, verified: false });
	}

	/** A peer has opened a stream on a direct channel. */
	onChannel(incoming: IncomingStream, channel: DirectChannel): void {
		if (incoming.header.kind !== FRAME.OPEN) return incoming.refuse(RESET_CODES.HEADER_INVALID);
		if (!channel.takesStreams && !this.#leaving()) return incoming.refuse(RESET_CODES.CHANNEL_CLOSED);
		const open = decodeOpenDirect(incoming.header.payload, this.#limits.metadataBytes);
		if (!open.ok) return rejectStream(incoming, "PROTOCOL_ERROR", open.error);
		// The name is that of the connection; what the header may say is not looked at.
		const init = channel.init(open.value, describeStream(open.value.id, "from", channel.peer));
		const arrival = { incoming, init, resume: open.value.resume, accepted: (stream: FramedStream) => channel.add(stream), legCame: () => channel.carries() };
		this.#arrive(arrival, { peer: channel.peer, key: channel.fingerprint, verified: this.#verified });
	}

	/** Nothing more comes in. Streams that nobody has taken fail with the error; so does the iteration, unless the application has closed the Client. Handlers are told to end. */
	end(error: ConecError): void {
		if (error.code === "CLIENT_CLOSED") this.reception.close(error, RESET_CODES.CLIENT_CLOSED);
		else this.reception.destroy(error, RESET_CODES.NONE);
	}

	/** Resolves when handlers have ended, or have had their time. Then no stream goes on over another connection: those end that the application has not closed. */
	async settled(error: ConecError): Promise<void> {
		await this.reception.settled();
		this.survivors.leave(error, RESET_CODES.CLIENT_CLOSED);
	}

	/** The same as {@link end}, and of the streams that survive the loss of their connection none is left. */
	destroy(error: ConecError): void {
		this.end(error);
		this.survivors.end(error, RESET_CODES.CLIENT_CLOSED);
	}

	/** For tests: how much is kept. */
	get census(): { readonly handlers: number; readonly waiting: number; readonly survivors: number } {
		return { handlers: this.reception.running, waiting: this.reception.waiting, survivors: this.survivors.size };
	}

	#arrive(arrival: Arrival, proof: Proof): void {
		if (this.#leaving()) return rejectStream(arrival.incoming, "CLIENT_CLOSED", "the Client is leaving");
		this.survivors.arrive(arrival, proof, (stream) => this.reception.arrive(stream));
	}
}
