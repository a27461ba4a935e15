/**
 * The transport seam over `@conec/quic`.
 *
 * @module
 */

import * as quic from "@conec/quic";
import { ConecError, type ConecErrorCode } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import { alertWords, refusalWords } from "../../tls/refusal-words.ts";
import { RESET_CODES } from "../../wire/codes.ts";
import { FRAME, FRAME_BYTES, HELLO_BYTES } from "../../wire/frames.ts";
import { TimedFrames } from "../timed-frames.ts";
import type {
	AcceptOptions,
	Congestion,
	ConnectionTuning,
	DialOptions,
	Frame,
	HeldStream,
	IncomingStream,
	PipeResult,
	SocketAddress,
	StreamHandler,
	StreamOptions,
	Transport,
	TransportCloseInfo,
	TransportConnection,
	TransportStats,
	TransportStream,
} from "../transport.ts";

/** What a QUIC transport is made with. */
export interface QuicTransportOptions {
	/** Local IP address; "::" is dual stack, or IPv4 alone where there is no IPv6. */
	readonly host: string;
	/** 0 picks one. */
	readonly port: number;
	readonly limits: Limits;
	readonly role: "coordinator" | "client";
	/** @default `limits.keepAliveIntervalMs` */
	readonly keepAliveIntervalMs?: number;
	/** Write TLS secrets of dialled connections to the file that SSLKEYLOGFILE names. @default false */
	readonly keyLog?: boolean;
	/** @default "cubic" */
	readonly congestion?: Congestion;
	readonly statelessResetKey?: Uint8Array;
	/** Deliver datagrams that are no QUIC packets to {@link Transport.onDatagram}; else they are dropped without waking this process. Sending needs nothing. @default role is "client" */
	readonly datagrams?: boolean;
}

/**
 * Binds one UDP socket.
 *
 * Throws {@link ConecError} `QUIC_UNAVAILABLE`, `ADDRESS_IN_USE`, `ADDRESS_UNAVAILABLE`.
 */
export function createQuicTransport(options: QuicTransportOptions): Transport {
	const endpoint = coded(() =>
		quic.Endpoint.bind({
			host: options.host,
			port: options.port,
			rawDatagrams: options.datagrams ?? options.role === "client",
			...(options.statelessResetKey === undefined ? {} : { statelessResetKey: options.statelessResetKey }),
		}),
	);
	return new QuicTransport(endpoint, options);
}

const LONG_KINDS = (1 << FRAME.DATA) | (1 << FRAME.TAGGED);

class QuicTransport implements Transport {
	readonly #endpoint: quic.Endpoint;
	readonly #options: QuicTransportOptions;

	constructor(endpoint: quic.Endpoint, options: QuicTransportOptions) {
		this.#endpoint = endpoint;
		this.#options = options;
	}

	get address(): SocketAddress {
		return this.#endpoint.address;
	}

	accept(options: AcceptOptions): void {
		const { limits } = this.#options;
		coded(() =>
			this.#endpoint.listen({
				identity: options.identity,
				clientTrust: options.clientTrust,
				alpnProtocols: options.alpnProtocols,
				retry: options.retry,
				retryThreshold: limits.retryThreshold,
				undecidedConnections: limits.undecidedConnections,
				undecidedPerSource: limits.undecidedPerSource,
				connectsPerSecondPerSource: limits.connectsPerSecondPerSource,
				connections: (options.connections ?? limits.clients) + limits.undecidedConnections,
				handshakeTimeoutMs: limits.handshakeTimeoutMs,
				undecidedTimeoutMs: limits.helloTimeoutMs,
				undecidedCode: options.undecidedCode,
				undecidedHeaderBytes: HELLO_BYTES,
				keyLog: options.keyLog,
				transport: this.#tuning(options),
				incoming: this.#incoming(),
			}),
		);
		this.#endpoint.onConnection = (connection) => options.onConnection(new QuicConnection(connection));
	}

	stopAccepting(): void {
		coded(() => this.#endpoint.stopListening());
	}

	get onDatagram(): ((data: Uint8Array, from: SocketAddress) => void) | undefined {
		return this.#endpoint.onRaw;
	}

	set onDatagram(handler: ((data: Uint8Array, from: SocketAddress) => void) | undefined) {
		this.#endpoint.onRaw = handler;
	}

	sendDatagram(data: Uint8Array, to: SocketAddress): boolean {
		try {
			return this.#endpoint.sendRaw(data, to);
		} catch (error) {
			if (error instanceof quic.QuicError && error.code === "CLOSED") return false;
			throw conecError(error, "CONNECTION_LOST");
		}
	}

	async dial(options: DialOptions): Promise<TransportConnection> {
		const { signal } = options;
		try {
			const connection = await this.#endpoint.connect({
				address: options.address,
				port: options.port,
				serverName: options.serverName,
				trust: options.trust,
				...(options.identity === undefined ? {} : { identity: options.identity }),
				alpnProtocols: [options.alpnProtocol],
				handshakeTimeoutMs: options.handshakeTimeoutMs,
				keyLog: this.#options.keyLog ?? false,
				transport: this.#tuning(options),
				incoming: this.#incoming(),
				...(signal === undefined ? {} : { signal }),
			});
			return new QuicConnection(connection);
		} catch (error) {
			if (signal?.aborted && error === signal.reason) throw error;
			throw conecError(error, "COORDINATOR_UNREACHABLE");
		}
	}

	async pipe(from: IncomingStream, to: HeldStream, lostCode: number, onEnd?: () => void): Promise<PipeResult> {
		return await quic.pipe((from as QuicIncomingStream).stream, (to as QuicHeldStream).stream, lostCode, onEnd);
	}

	writeFramesToMany(streams: readonly TransportStream[], frames: Uint8Array): ArrayLike<number> {
		return quic.writeFrames(
			streams.map((stream) => (stream as QuicStream).stream),
			frames,
		);
	}

	async close(code: number, reason: string, drainMs: number, until: "sent" | "released" = "released"): Promise<void> {
		await this.#endpoint.close({ code, reason, drainMs, until });
	}

	destroy(): void {
		void this.#endpoint.close({ drainMs: 0 });
	}

	#tuning(own: ConnectionTuning): quic.TransportOptions {
		const { limits, keepAliveIntervalMs } = this.#options;
		return {
			idleTimeoutMs: limits.idleTimeoutMs,
			keepAliveIntervalMs: own.keepAliveIntervalMs ?? keepAliveIntervalMs ?? limits.keepAliveIntervalMs,
			bidirectionalStreams: limits.streamsPerConnection + 1, // the control stream is one more
			streamWindowBytes: limits.streamWindowBytes,
			datagramBufferBytes: 0,
			congestion: this.#options.congestion ?? "cubic",
		};
	}

	#incoming(): quic.IncomingOptions {
		return {
			headerBytes: FRAME_BYTES,
			headerTimeoutMs: this.#options.limits.headerTimeoutMs,
			headerTimeoutCode: RESET_CODES.HEADER_TIMEOUT,
			headerInvalidCode: RESET_CODES.HEADER_INVALID,
		};
	}
}

class QuicConnection implements TransportConnection {
	readonly peerCertificates: readonly Uint8Array[];
	readonly alpnProtocol: string;
	readonly acceptedFrom: SocketAddress | undefined;
	readonly closed: Promise<TransportCloseInfo>;
	readonly #connection: quic.Connection;
	#onStream: (stream: IncomingStream) => void = () => {};

	constructor(connection: quic.Connection) {
		this.#connection = connection;
		this.peerCertificates = connection.peerCertificates;
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
			const bytes = coded(() => this.#connection.openStream(new HandlerAdapter(frames), { ...quicStreamOptions(options), mode: "bytes" }));
			const timed = frames.over(bytes, this);
			timed.write(header.kind, header.payload);
			return timed;
		}
		const stream = coded(() => this.#connection.openStream(new HandlerAdapter(handler), quicStreamOptions(options), header));
		return new QuicStream(stream, this);
	}

	openHeldStream(header: Frame): HeldStream {
		return new QuicHeldStream(
			coded(() => this.#connection.openHeldStream(header)),
			this,
		);
	}

	confirm(): void {
		coded(() => this.#connection.confirm());
	}

	close(code: number, reason: string): void {
		coded(() => this.#connection.close(code, reason));
	}

	stats(): TransportStats {
		const { rttMs, sentBytes, receivedBytes, lostPackets, congestionWindowBytes, mtuBytes } = coded(() => this.#connection.stats());
		return { rttMs, sentBytes, receivedBytes, lostPackets, congestionWindowBytes, mtuBytes, congestion: this.#connection.congestion };
	}
}

class QuicStream implements TransportStream {
	readonly connection: TransportConnection;
	readonly stream: quic.Stream;

	constructor(stream: quic.Stream, connection: TransportConnection) {
		this.stream = stream;
		this.connection = connection;
	}

	get queuedBytes(): number {
		return this.stream.queuedBytes;
	}

	write(kind: number, payload: Uint8Array): number {
		return this.stream.write(kind, payload);
	}

	writeFrames(frames: Uint8Array): number {
		return this.stream.writeFrames(frames);
	}

	finish(): void {
		this.stream.finish();
	}

	reset(code: number): void {
		this.stream.reset(code);
	}

	stop(code: number): void {
		this.stream.stop(code);
	}

	consumed(payloadBytes: number): void {
		this.stream.consumed(payloadBytes);
	}
}

class QuicIncomingStream implements IncomingStream {
	readonly connection: TransportConnection;
	readonly header: Frame;
	readonly stream: quic.IncomingStream;

	constructor(stream: quic.IncomingStream, connection: TransportConnection) {
		this.stream = stream;
		this.connection = connection;
		this.header = { kind: stream.kind, payload: stream.payload };
	}

	accept(handler: StreamHandler, options: StreamOptions = {}): TransportStream {
		if (options.frameTimeoutMs !== undefined) {
			const frames = new TimedFrames(handler, options.frameTimeoutMs);
			return frames.over(
				coded(() => this.stream.accept(new HandlerAdapter(frames), { ...quicStreamOptions(options), mode: "bytes" })),
				this.connection,
			);
		}
		const stream = coded(() => this.stream.accept(new HandlerAdapter(handler), quicStreamOptions(options)));
		return new QuicStream(stream, this.connection);
	}

	refuse(code: number): void {
		this.stream.refuse(code);
	}
}

class QuicHeldStream implements HeldStream {
	readonly connection: TransportConnection;
	readonly stream: quic.HeldStream;

	constructor(stream: quic.HeldStream, connection: TransportConnection) {
		this.stream = stream;
		this.connection = connection;
	}

	refuse(code: number): void {
		this.stream.refuse(code);
	}
}

/** The same calls; only what breaks a stream has another name here. */
class HandlerAdapter implements quic.StreamHandler {
	readonly #handler: StreamHandler;

	constructor(handler: StreamHandler) {
		this.#handler = handler;
	}

	frame(kind: number, payload: Uint8Array): void {
		this.#handler.frame(kind, payload);
	}

	end(): void {
		this.#handler.end();
	}

	reset(code: number): void {
		this.#handler.reset(code);
	}

	stopped(code: number): void {
		this.#handler.stopped(code);
	}

	drained(): void {
		this.#handler.drained();
	}

	finished(): void {
		this.#handler.finished();
	}

	lost(error: quic.QuicError): void {
		this.#handler.lost(conecError(error, "CONNECTION_LOST"));
	}
}

function quicStreamOptions(options: StreamOptions): quic.StreamOptions {
	const { messageBytes, creditBytes, highWaterBytes, priority } = options;
	return {
		frames: {
			longKinds: LONG_KINDS,
			longBytes: messageBytes ?? 1024 * 1024,
			otherBytes: FRAME_BYTES,
			tooLongCode: RESET_CODES.MESSAGE_TOO_LONG,
			truncatedCode: RESET_CODES.STREAM_TRUNCATED,
		},
		...(creditBytes === undefined ? {} : { creditBytes }),
		...(highWaterBytes === undefined ? {} : { highWaterBytes }),
		...(priority === undefined ? {} : { priority }),
	};
}

function coded<T>(call: () => T): T {
	try {
		return call();
	} catch (error) {
		throw conecError(error, "CONNECTION_LOST");
	}
}

/** `unreachable` is what it means here that nobody answers. */
function conecError(error: unknown, unreachable: ConecErrorCode): ConecError {
	if (!(error instanceof quic.QuicError)) return new ConecError(unreachable, error instanceof Error ? error.message : String(error), { cause: error });
	const { alert } = error;
	return new ConecError(codeOf(error, unreachable), describe(error), { cause: error, ...(alert === undefined ? {} : { closeCode: alert }) });
}

/** The reason in words first; what TLS itself says behind it, without its dumps. */
function describe({ code, refusal, alert, message }: quic.QuicError): string {
	const loss = LOSSES.get(code);
	if (loss !== undefined) return loss;
	const words = code === "TLS_REFUSED" && refusal !== undefined ? refusalWords(refusal) : code === "TLS_REFUSED_BY_PEER" ? alertWords(alert) : undefined;
	return words === undefined ? message : `${words} (${message.replace(/ ?[{[].*$/s, "")})`;
}

function codeOf(error: quic.QuicError, unreachable: ConecErrorCode): ConecErrorCode {
	switch (error.code) {
		case "QUIC_UNAVAILABLE":
		case "ADDRESS_IN_USE":
			return error.code;
		case "ADDRESS_UNAVAILABLE":
		case "PERMISSION_DENIED":
		case "SOCKET_FAILED":
		case "DIAL_FAILED":
			return "ADDRESS_UNAVAILABLE";
		case "INVALID_ARGUMENT":
			return "OPTION_INVALID";
		case "CERTIFICATE_INVALID":
			return "CERTIFICATE_INVALID";
		case "KEY_INVALID":
			return "CERTIFICATE_KEY_MISMATCH";
		case "TOO_MANY_HANDLES":
		case "THREAD_FAILED":
		// Only who listens says so, and only when a cap is reached; nobody there is silence.
		case "CONNECTION_REFUSED":
			return "LIMIT_EXCEEDED";
		case "TLS_REFUSED":
			return error.refusal === undefined ? (ALERTS_ABOUT_PROTOCOL.has(error.alert) ? "PROTOCOL_UNSUPPORTED" : "CERTIFICATE_INVALID") : REFUSALS[error.refusal];
		case "TLS_REFUSED_BY_PEER":
			return ALERTS_ABOUT_PROTOCOL.has(error.alert) ? "PROTOCOL_UNSUPPORTED" : (ALERTS_ABOUT_US.get(error.alert) ?? "CERTIFICATE_REFUSED");
		case "VERSION_MISMATCH":
			return "PROTOCOL_UNSUPPORTED";
		case "HANDSHAKE_TIMEOUT":
		case "IDLE_TIMEOUT":
		case "STATELESS_RESET":
			return unreachable;
		case "FRAME_TOO_LONG":
			return "MESSAGE_TOO_LONG";
		case "FRAME_TRUNCATED":
			return "STREAM_TRUNCATED";
		case "TRANSPORT_ERROR":
		case "CLOSED":
		case "CLOSED_BY_PEER":
		case "CONNECTION_LOST":
			return "CONNECTION_LOST";
	}
}

const REFUSALS: Readonly<Record<quic.Refusal, ConecErrorCode>> = {
	pin: "PIN_MISMATCH",
	name: "CERTIFICATE_NAME_MISMATCH",
	expired: "CERTIFICATE_EXPIRED",
	"not-yet-valid": "CERTIFICATE_NOT_YET_VALID",
	"unknown-issuer": "CERTIFICATE_UNTRUSTED",
	invalid: "CERTIFICATE_INVALID",
	revoked: "CERTIFICATE_REFUSED",
	usage: "CERTIFICATE_INVALID",
};

/** What is known of a loss, whoever the other side is: not who or what failed. It follows a colon. */
const LOSSES: ReadonlyMap<quic.QuicErrorCode, string> = new Map([
	["IDLE_TIMEOUT", "nothing came from there for too long"],
	["STATELESS_RESET", "who answers there does not know the connection any more, as after a restart"],
]);

/** RFC 8446, 6.2: handshake_failure, protocol_version, missing_extension, no_application_protocol. */
const ALERTS_ABOUT_PROTOCOL: ReadonlySet<number | undefined> = new Set([40, 70, 109, 120]);

/** What the other side says of our certificate: certificate_expired, unknown_ca, certificate_required. */
const ALERTS_ABOUT_US: ReadonlyMap<number | undefined, ConecErrorCode> = new Map<number | undefined, ConecErrorCode>([
	[45, "CERTIFICATE_EXPIRED"],
	[48, "CERTIFICATE_UNTRUSTED"],
	[116, "CERTIFICATE_REQUIRED"],
]);
