/**
 * One connected Client, as its Coordinator sees it: from `welcome` until the connection is over.
 *
 * @module
 */

import type { ControlChannel } from "../entity/control-channel.ts";
import { roundTripMs } from "../entity/round-trip.ts";
import type { IncomingStream, SocketAddress, TransportConnection } from "../transport/transport.ts";
import { type ChannelMessageOfClient, isChannelMessageOfClient } from "../wire/channel-messages.ts";
import { CLOSE_CODES } from "../wire/codes.ts";
import type { ControlMessage, Ping, Pong } from "../wire/control.ts";
import type { JsonValue } from "../wire/json.ts";

/** Facts about a connected Client. */
export interface ClientInfo {
	readonly id: string;
	/** `sha256:<hex>` of the SubjectPublicKeyInfo of its certificate. */
	readonly fingerprint: string;
	/** Where it is now. */
	readonly address: SocketAddress;
	readonly connectedAt: Date;
	/** Live streams from or to it, through or with the Coordinator. */
	readonly streams: number;
	readonly rttMs: number;
	/** What the Client says about itself; untrusted. */
	readonly metadata: JsonValue | undefined;
}

/** What a session is made of. */
export interface SessionParts {
	readonly id: string;
	readonly fingerprint: string;
	readonly key: "kept" | "ephemeral";
	readonly metadata: JsonValue | undefined;
	readonly connection: TransportConnection;
	readonly control: ControlChannel;
	/** It takes part in direct channels: so does this Coordinator. */
	readonly direct: boolean;
	/** Frees the id. Called once, at the very moment the session ends. */
	readonly release: (session: Session) => void;
	/** Deals with a stream that the Client opened. */
	readonly onStream: (session: Session, incoming: IncomingStream) => void;
	/** Deals with what it says of direct channels. */
	readonly onChannelMessage: (session: Session, message: ChannelMessageOfClient) => void;
	/** Something has come on the control stream. */
	readonly onHeard: (session: Session) => void;
}

/** One connected Client. */
export class Session {
	readonly id: string;
	readonly fingerprint: string;
	readonly key: "kept" | "ephemeral";
	readonly metadata: JsonValue | undefined;
	readonly connection: TransportConnection;
	readonly control: ControlChannel;
	/** It takes part in direct channels. */
	readonly direct: boolean;
	readonly connectedAt: Date = new Date();
	/** Live proxied streams from this Client, by the peer they go to. */
	readonly proxiedTo: Map<string, number> = new Map();
	/** Live proxied streams to this Client. */
	proxiedFrom = 0;
	/** Live streams from or to it. */
	streams = 0;
	/** The Coordinator's application has had a stream with it. */
	used = false;
	readonly #parts: SessionParts;
	#over = false;

	constructor(parts: SessionParts) {
		this.id = parts.id;
		this.fingerprint = parts.fingerprint;
		this.key = parts.key;
		this.metadata = parts.metadata;
		this.connection = parts.connection;
		this.control = parts.control;
		this.direct = parts.direct;
		this.#parts = parts;
		this.connection.onStream = (incoming) => parts.onStream(this, incoming);
		void this.connection.closed.then(() => this.forget());
	}

	/** A control message of this Client. */
	received(message: Exclude<ControlMessage, Ping | Pong>): void {
		// Its last word: the connection's own end follows and frees the id.
		if (message.type === "close") return;
		if (this.direct && isChannelMessageOfClient(message)) return this.#parts.onChannelMessage(this, message);
		this.end(CLOSE_CODES.PROTOCOL_ERROR, `"${message.type}" is not allowed there`);
	}

	/** Anything at all has come on the control stream. */
	heard(): void {
		if (!this.#over && this.direct) this.#parts.onHeard(this);
	}

	/** Closes the connection and frees the id at once. */
	end(closeCode: number, reason: string): void {
		if (this.#over) return;
		this.forget();
		this.connection.close(closeCode, reason);
	}

	/** Frees the id, as the connection is over or about to be closed together with all others. */
	forget(): void {
		if (this.#over) return;
		this.#over = true;
		this.control.end();
		this.#parts.release(this);
	}

	/** Facts for the application. */
	info(): ClientInfo {
		return {
			id: this.id,
			fingerprint: this.fingerprint,
			address: this.connection.remoteAddress,
			connectedAt: this.connectedAt,
			streams: this.streams,
			rttMs: roundTripMs(this.connection),
			metadata: this.metadata,
		};
	}
}
