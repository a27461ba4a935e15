/**
 * Connections of a QUIC transport.
 *
 * @module
 */

import type * as quic from "@conec/quic";
import { certificateIdentity, type ProvenIdentity } from "../../tls/proven-identity.ts";
import { TimedFrames } from "../timed-frames.ts";
import type {
	Frame,
	HeldStream,
	IncomingStream,
	Sharing,
	SocketAddress,
	StreamHandler,
	StreamOptions,
	Transport,
	TransportCloseInfo,
	TransportStats,
	TransportStream,
} from "../transport.ts";
import { coded, conecError } from "./errors.ts";
import { controlStreamOptions, HandlerAdapter, QuicHeldStream, QuicIncomingStream, QuicStream, quicStreamOptions, type StreamOwner } from "./streams.ts";

/** One connection, at either end. */
export class QuicConnection implements StreamOwner {
	readonly peer: ProvenIdentity;
	readonly alpnProtocol: string;
	readonly connectionWindowBytes: number;
	readonly acceptedFrom: SocketAddress | undefined;
	readonly closed: Promise<TransportCloseInfo>;
	readonly transport: Transport;
	readonly #connection: quic.Connection;
	#onStream: (stream: IncomingStream) => void = () => {};

	constructor(connection: quic.Connection, transport: Transport, connectionWindowBytes: number) {
		this.#connection = connection;
		this.connectionWindowBytes = connectionWindowBytes;
		this.transport = transport;
		this.peer = certificateIdentity(connection.peerCertificates);
		this.alpnProtocol = connection.alpnProtocol;
		this.acceptedFrom = connection.acceptedFrom;
		this.closed = connection.closed.then(({ by, reason, closeCode, error }) => ({
			by,
			reason,
			...(closeCode === undefined ? {} : { closeCode }),
			...(error === undefined ? {} : { error: conecError(error, "CONNECTION_LOST") }),
		}));
	}

	get remoteAddress(): SocketAddress {
		return this.#connection.remoteAddress;
	}

	get onStream(): (stream: IncomingStream) => void {
		return this.#onStream;
	}

	set onStream(handler: (stream: IncomingStream) => void) {
		this.#onStream = handler;
		this.#connection.onStream = (stream) => this.#onStream(new QuicIncomingStream(stream, this));
	}

	openStream(header: Frame, handler: StreamHandler, options: StreamOptions = {}): TransportStream {
		if (options.frameTimeoutMs !== undefined) {
			const frames = new TimedFrames(handler, options.frameTimeoutMs);
			const bytes = coded(() => this.#connection.openStream(new HandlerAdapter(frames), controlStreamOptions(options)));
			const timed = frames.over(bytes, this);
			timed.write(header.kind, header.payload);
			return timed;
		}
		const stream = coded(() => this.#connection.openStream(new HandlerAdapter(handler), quicStreamOptions(options), header));
		return new QuicStream(stream, this);
	}

	openHeldStream(header: Frame, later?: boolean, priority?: number): HeldStream {
		return new QuicHeldStream(
			coded(() => this.#connection.openHeldStream(header, later, priority)),
			this,
		);
	}

	share({ sharedWith, ...sharing }: Sharing): void {
		coded(() => this.#connection.share({ ...sharing, sharedWith: sharedWith instanceof QuicConnection ? sharedWith.#connection : undefined }));
	}

	mayTake(): boolean {
		return coded(() => this.#connection.mayTake());
	}

	took(bytes: number): void {
		coded(() => this.#connection.took(bytes));
	}

	confirm(): void {
		coded(() => this.#connection.confirm());
	}

	holdStreams(hold: boolean): void {
		coded(() => this.#connection.holdStreams(hold));
	}

	settled(): Promise<void> {
		return this.#connection.settled();
	}

	close(code: number, reason: string): void {
		coded(() => this.#connection.close(code, reason));
	}

	stats(): TransportStats {
		const stats = coded(() => this.#connection.stats());
		const { rttMs, sentBytes, receivedBytes, lostPackets, congestionWindowBytes, mtuBytes, silentMs, sentDatagrams, receivedDatagrams } = stats;
		const packets = { sentPackets: sentDatagrams, receivedPackets: receivedDatagrams, lostPackets };
		return { rttMs, sentBytes, receivedBytes, ...packets, congestionWindowBytes, mtuBytes, silentMs, congestion: this.#connection.congestion };
	}
}
