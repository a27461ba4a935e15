/**
 * One QUIC connection.
 *
 * @module
 */

import { CONNECTION_STATS, DATAGRAM_RESULT, named, RECORD } from "./constants.ts";
import { type Environment, readU32, readU64, type Target } from "./environment.ts";
import { connectionError, mapped, QuicError } from "./errors.ts";
import type { Handle } from "./native.ts";
import { HeldStream, IncomingStream, nativeStreamOptions, Stream, type StreamHandler, type StreamOwner } from "./stream.ts";
import type { ConnectionCloseInfo, ConnectionStats, SharingOptions, SocketAddress, StreamOptions } from "./types.ts";

/** What `sendDatagram` says for a number of the addon. */
const DATAGRAM_RESULTS = {
	[DATAGRAM_RESULT.SENT]: "sent",
	[DATAGRAM_RESULT.TOO_LARGE]: "too-large",
	[DATAGRAM_RESULT.UNSUPPORTED]: "unsupported",
	[DATAGRAM_RESULT.CLOSED]: "closed",
} as const;

/** A first frame. */
export interface FirstFrame {
	readonly kind: number;
	readonly payload: Uint8Array;
}

/**
 * An authenticated connection. Made by `Endpoint.connect` or handed to `Endpoint.onConnection`; the accepting side
 * keeps it only after {@link Connection.confirm}.
 */
export class Connection implements Target, StreamOwner {
	readonly handle: Handle;
	/** @internal */
	readonly environment: Environment;
	/** DER certificates of the peer, leaf first; empty if it showed none. */
	readonly peerCertificates: readonly Uint8Array[];
	/** The protocol both sides agreed on. */
	readonly alpnProtocol: string;
	/** The name a client asked for; `undefined` on the dialling side. */
	readonly serverName: string | undefined;
	/** The local IP address that a client dialled, unmapped; `undefined` on the dialling side and where the system does not tell. */
	readonly localAddress: string | undefined;
	/** The peer's address during the handshake, wherever the peer seems to be now. This address is proven (RFC 9000, 8.1). `undefined` on the dialling side. */
	readonly acceptedFrom: SocketAddress | undefined;
	/** The congestion controller of this side: "cubic", "newreno" or "bbr". */
	readonly congestion: string;
	/** Resolves when the connection is over; never rejects. */
	readonly closed: Promise<ConnectionCloseInfo>;
	/** Called with each QUIC datagram. While it is not set, they are dropped. */
	onDatagram: ((data: Uint8Array) => void) | undefined;
	/** `undefined`: there has been none since the last one was decided. An idle connection has none. */
	#undecided: Set<IncomingStream> | undefined;
	readonly #resolveClosed: (info: ConnectionCloseInfo) => void;
	readonly #onEnd: (connection: Connection) => void;
	#onStream: ((stream: IncomingStream) => void) | undefined;
	#remote: SocketAddress;
	#settled: Promise<void> | undefined;
	#settledNext: Promise<void> | undefined;
	#tellSettled: (() => void) | undefined;
	#closing: { code: number; reason: string } | undefined;
	#onSlowed: (() => void) | undefined;
	#onTurn: (() => void) | undefined;
	#over = false;

	/** @internal */
	constructor(environment: Environment, handle: Handle, onEnd: (connection: Connection) => void) {
		const info = mapped(() => environment.native.connectionInfo(handle));
		this.environment = environment;
		this.handle = handle;
		this.peerCertificates = info.peerCertificates;
		this.alpnProtocol = info.alpnProtocol;
		this.congestion = info.congestion;
		this.serverName = info.serverName;
		this.localAddress = info.localAddress;
		this.acceptedFrom = info.acceptedFrom;
		this.#remote = info.remote;
		this.#onEnd = onEnd;
		let resolve!: (info: ConnectionCloseInfo) => void;
		this.closed = new Promise((r) => {
			resolve = r;
		});
		this.#resolveClosed = resolve;
		environment.adopt(this);
	}

	/** Where the peer is now. A client may move (RFC 9000, 9); a server then shows the new address before the path is validated. */
	get remoteAddress(): SocketAddress {
		try {
			if (!this.#over) this.#remote = mapped(() => this.environment.native.connectionRemote(this.handle));
		} catch {
			// It is over, but nobody has been told yet. This tells where the peer was last.
		}
		return this.#remote;
	}

	/** Called with each stream that the peer opens. Streams wait until it is set. */
	get onStream(): ((stream: IncomingStream) => void) | undefined {
		return this.#onStream;
	}

	set onStream(handler: ((stream: IncomingStream) => void) | undefined) {
		const waiting = this.#onStream === undefined && handler !== undefined ? [...(this.#undecided ?? [])] : [];
		this.#onStream = handler;
		for (const stream of waiting) queueMicrotask(() => this.#offer(stream));
	}

	/** The accepting side keeps the peer: it gets its streams and windows. Until then it has one stream and 64 KiB. */
	confirm(): void {
		if (!this.#over) mapped(() => this.environment.native.connectionConfirm(this.handle));
	}

	/**
	 * While it holds them, no further streams of the peer are handed over: they wait in QUIC, within the limits of the connection. Streams that
	 * were accepted just before still come. At first it does not.
	 */
	holdStreams(hold: boolean): void {
		if (!this.#over) mapped(() => this.environment.native.connectionHoldStreams(this.handle, hold));
	}

	/**
	 * From now on, those that send on this connection do so in turn while it has no room for all of them: pipes by the connection that they read
	 * from, and each other stream for itself. And what is piped from this connection is read no faster than the options say. The first call counts.
	 */
	share(options: SharingOptions): void {
		if (this.#over) return;
		const { sharedWith, bytesPerSecond = 0, burstBytes = bytesPerSecond } = options;
		this.#onSlowed = options.onSlowed;
		this.#onTurn = options.onTurn;
		mapped(() => this.environment.native.connectionShare(this.handle, sharedWith?.handle ?? null, bytesPerSecond, burstBytes));
	}

	/**
	 * Whether bytes may be taken from this connection by other means than a pipe, within the bound that {@link share} has set. If not,
	 * {@link SharingOptions.onTurn} is called when they may. After true, call {@link took}.
	 */
	mayTake(): boolean {
		return this.#over || mapped(() => this.environment.native.connectionMayTake(this.handle));
	}

	/** So many bytes have been taken, in the turn that {@link mayTake} has given. */
	took(bytes: number): void {
		if (!this.#over) mapped(() => this.environment.native.connectionTook(this.handle, bytes));
	}

	/** Opens a bidirectional stream, with a first frame if one is given. At the peer's stream limit the stream waits, and what is written to it too. */
	openStream(handler: StreamHandler, options: StreamOptions = {}, first?: FirstFrame): Stream {
		return this.#open(true, handler, options, first);
	}

	/** Opens a stream on which only this side sends. */
	openUnidirectionalStream(handler: StreamHandler, options: StreamOptions = {}, first?: FirstFrame): Stream {
		return this.#open(false, handler, options, first);
	}

	/**
	 * Opens a stream for `pipe`. Nothing of it is read here. Its first frame is sent at once, or with `later` when {@link HeldStream.open} is called.
	 * `priority`: as in {@link StreamOptions}.
	 */
	openHeldStream(first: FirstFrame, later = false, priority: number = 0): HeldStream {
		this.#assertOpen();
		const native = nativeStreamOptions({ priority });
		const handle = mapped(() => this.environment.native.streamOpen(this.handle, true, true, first.kind, first.payload, native));
		const stream = new HeldStream(this.environment, handle);
		if (!later) stream.open();
		return stream;
	}

	/** Sends one unreliable datagram (RFC 9221), or says why not. "full" never happens: the oldest waiting one is dropped. */
	sendDatagram(data: Uint8Array): "sent" | "too-large" | "unsupported" | "closed" {
		if (this.#over) return "closed";
		return DATAGRAM_RESULTS[mapped(() => this.environment.native.connectionDatagram(this.handle, data))];
	}

	/** Largest datagram for now, in bytes; 0 when the peer takes none. */
	get maxDatagramBytes(): number {
		return this.#over ? 0 : mapped(() => this.environment.native.connectionMaxDatagram(this.handle));
	}

	/** Bytes that both sides of this connection, and nobody else, can derive (RFC 5705). At most 8,192. */
	exportKeyingMaterial(label: string, context: Uint8Array, lengthBytes: number): Uint8Array {
		this.#assertOpen();
		return mapped(() => this.environment.native.connectionExportKey(this.handle, Buffer.from(label), context, lengthBytes));
	}

	/** Figures of this moment. Throws `CLOSED` when the connection is over. */
	stats(): ConnectionStats {
		this.#assertOpen();
		return named(
			CONNECTION_STATS,
			mapped(() => this.environment.native.connectionStats(this.handle)),
		);
	}

	/**
	 * Resolves when QUIC has all that was done on this connection and its streams before, and the handlers all that QUIC had got
	 * from the peer; or when the connection is over. Without it, what is done later may leave earlier. Never rejects.
	 */
	settled(): Promise<void> {
		if (this.#over) return Promise.resolve();
		if (this.#settled !== undefined) {
			// That one may have begun before the last write: another one follows it.
			this.#settledNext ??= this.#settled.then(() => {
				this.#settledNext = undefined;
				return this.settled();
			});
			return this.#settledNext;
		}
		this.#settled = new Promise((resolve) => {
			this.#tellSettled = resolve;
		});
		mapped(() => this.environment.native.connectionSettle(this.handle));
		return this.#settled;
	}

	/** Ends the connection at once (CONNECTION_CLOSE). What is queued or unacknowledged may be lost: finish streams first. */
	close(code: number, reason = ""): void {
		if (this.#over || this.#closing !== undefined) return;
		mapped(() => this.environment.native.connectionClose(this.handle, code, reason));
		this.#closing = { code, reason };
	}

	/** @internal The endpoint closes all its connections. */
	closing(code: number, reason: string): void {
		this.#closing ??= { code, reason };
	}

	/** @internal An incoming stream has been taken, piped or refused; false if that had happened before. */
	decided(stream: IncomingStream): boolean {
		const undecided = this.#undecided;
		if (undecided?.delete(stream) !== true) return false;
		if (undecided.size === 0) this.#undecided = undefined;
		return true;
	}

	/** @internal */
	record(type: number, kind: number, payload: Uint8Array, subject: Handle): void {
		switch (type) {
			case RECORD.STREAM_IN:
				this.#incoming(subject, kind, payload.subarray(8), readU32(payload, 4) !== 0);
				break;
			case RECORD.DATAGRAM:
				this.onDatagram?.(payload);
				break;
			case RECORD.CONN_SLOWED:
				this.#onSlowed?.();
				break;
			case RECORD.CONN_TURN:
				this.#onTurn?.();
				break;
			case RECORD.CONN_SETTLED:
				this.#settled = undefined;
				this.#tellSettled?.();
				break;
			case RECORD.CONN_CLOSED:
				this.#end(payload);
				break;
			default:
				throw new QuicError("TRANSPORT_ERROR", `Unexpected record ${type} (${kind}) for a connection`);
		}
	}

	#incoming(stream: Handle, kind: number, payload: Uint8Array, bidirectional: boolean): void {
		const incoming = new IncomingStream(this, stream, kind, payload, bidirectional);
		this.#undecided ??= new Set();
		this.#undecided.add(incoming);
		if (this.#onStream !== undefined) this.#offer(incoming);
	}

	#offer(stream: IncomingStream): void {
		if (this.#undecided?.has(stream)) this.#onStream?.(stream);
	}

	#open(bidirectional: boolean, handler: StreamHandler, options: StreamOptions, first: FirstFrame | undefined): Stream {
		this.#assertOpen();
		const native = nativeStreamOptions(options);
		const handle = mapped(() => this.environment.native.streamOpen(this.handle, bidirectional, false, first?.kind ?? 0, first?.payload ?? null, native));
		return new Stream(this.environment, handle, handler, native);
	}

	#assertOpen(): void {
		if (this.#over) throw new QuicError("CLOSED", "The connection is closed");
	}

	#end(payload: Uint8Array): void {
		this.#over = true;
		for (const stream of [...(this.#undecided ?? [])]) stream.abandon();
		this.environment.release(this.handle);
		this.#tellSettled?.();
		const error = closeError(payload);
		if (error.code === "CLOSED_BY_PEER")
			this.#resolveClosed({ by: "peer", reason: closeReason(payload), ...(error.closeCode === undefined ? {} : { closeCode: error.closeCode }) });
		else if (error.code === "CLOSED")
			this.#resolveClosed({ by: "local", closeCode: this.#closing?.code ?? readU64(payload, 8), reason: this.#closing?.reason ?? "" });
		else this.#resolveClosed({ by: "error", reason: error.message, error });
		this.#onEnd(this);
	}
}

/** @internal The error in a `CONN_CLOSED` record. */
export function closeError(payload: Uint8Array): QuicError {
	return connectionError(readU32(payload, 0), readU32(payload, 4), readU64(payload, 8), payload.slice(16, 48), closeReason(payload));
}

function closeReason(payload: Uint8Array): string {
	return new TextDecoder().decode(payload.subarray(48));
}
