/**
 * The transport seam over `@conec/quic`.
 *
 * @module
 */

import * as quic from "@conec/quic";
import { reasonOf } from "../../base/signals.ts";
import { CLOSE_CODES, RESET_CODES } from "../../wire/codes.ts";
import { FRAME_BYTES } from "../../wire/frames.ts";
import { refuseStreams, strangerError } from "../strangers.ts";
import type {
	AcceptOptions,
	ConnectionHeld,
	ConnectionTuning,
	DialOptions,
	HeldStream,
	IncomingStream,
	PipeResult,
	SocketAddress,
	Transport,
	TransportConnection,
	TransportOptions,
	TransportStream,
} from "../transport.ts";
import { QuicConnection } from "./connection.ts";
import { coded, conecError } from "./errors.ts";
import { QuicHeldStream, QuicIncomingStream, QuicStream } from "./streams.ts";

/**
 * Binds one UDP socket.
 *
 * Throws {@link ConecError} `QUIC_UNAVAILABLE`, `ADDRESS_IN_USE`, `ADDRESS_UNAVAILABLE`.
 */
export function createQuicTransport(options: TransportOptions): Transport {
	const endpoint = coded(() =>
		quic.Endpoint.bind({
			host: options.host,
			port: options.port,
			turnBytes: options.limits.socketTurnBytes,
			rawDatagrams: options.datagrams ?? options.role === "client",
			farewellCode: CLOSE_CODES.PROCESS_ENDED,
			farewellReason: "the process ended",
			...(options.statelessResetKey === undefined ? {} : { statelessResetKey: options.statelessResetKey }),
		}),
	);
	return new QuicTransport(endpoint, options);
}

/**
 * How many streams the other side is told that it may have, so that it can always have `streams`. quinn says that places are free again when
 * an eighth of all is. If that were all that there are, a side with seven eighths of its streams open for long would wait for ever for the others.
 */
export function announcedStreams(streams: number): number {
	return streams + Math.floor((streams - 1) / 7);
}

class QuicTransport implements Transport {
	readonly #endpoint: quic.Endpoint;
	readonly #options: TransportOptions;
	readonly #connections: WeakMap<quic.Connection, QuicConnection> = new WeakMap();

	constructor(endpoint: quic.Endpoint, options: TransportOptions) {
		this.#endpoint = endpoint;
		this.#options = options;
	}

	get address(): SocketAddress {
		return this.#endpoint.address;
	}

	accept(options: AcceptOptions): void {
		const { limits, addressTokenKey } = this.#options;
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
				returningPerSecondPerSource: limits.returningPerSecondPerSource,
				...(addressTokenKey === undefined ? {} : { addressTokenKey }),
				connections: options.connections + limits.undecidedConnections,
				handshakeTimeoutMs: limits.handshakeTimeoutMs,
				undecidedTimeoutMs: limits.helloTimeoutMs,
				undecidedCode: options.undecidedCode,
				undecidedInvalidCode: CLOSE_CODES.PROTOCOL_ERROR,
				keyLog: options.keyLog,
				transport: this.#tuning(options),
				incoming: this.#incoming(),
			}),
		);
		this.#endpoint.onConnection = (connection) => options.onConnection(this.#adopt(connection));
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
			if (quic.isQuicError(error) && error.code === "CLOSED") return false;
			throw conecError(error, "CONNECTION_LOST");
		}
	}

	caughtUp(): Promise<void> {
		return this.#endpoint.caughtUp();
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
				heedNetwork: options.onRefused !== undefined,
				keyLog: this.#options.keyLog ?? false,
				transport: this.#tuning(options),
				incoming: this.#incoming(),
				...(signal === undefined ? {} : { signal }),
			});
			return this.#adopt(connection);
		} catch (error) {
			if (signal?.aborted && error === reasonOf(signal)) throw error;
			if (quic.isQuicError(error) && error.network !== undefined) options.onRefused?.(error.network);
			throw conecError(error, "COORDINATOR_UNREACHABLE");
		}
	}

	async pipe(from: IncomingStream, to: HeldStream, lostCode: number, onEnd?: () => void, onOpen?: () => void, priority?: number): Promise<PipeResult> {
		if (!(from instanceof QuicIncomingStream && to instanceof QuicHeldStream && this.#owns(from) && this.#owns(to))) {
			refuseStreams([from, to], lostCode);
			throw strangerError("Cannot pipe streams");
		}
		from.undecided = false;
		to.undecided = false;
		return await coded(() => quic.pipe(from.stream, to.stream, lostCode, onEnd, onOpen, priority));
	}

	writeFramesToMany(streams: readonly TransportStream[], frames: Uint8Array): ArrayLike<number> {
		return quic.writeFrames(
			streams.map((stream) => {
				if (stream instanceof QuicStream && stream.connection.transport === this) return stream.stream;
				throw strangerError("Cannot write to streams");
			}),
			frames,
		);
	}

	held(leastBytes: number): ReadonlyMap<TransportConnection, ConnectionHeld> {
		const { connectionWindowBytes, quicStreamWindowBytes } = this.#options.limits;
		const held = new Map<TransportConnection, ConnectionHeld>();
		for (const [connection, { unsentBytes, unreadBytes, waitingPipes, acknowledgedBytes }] of this.#endpoint.held(leastBytes)) {
			const adopted = this.#connections.get(connection);
			const windowsBytes = Math.min(connectionWindowBytes, waitingPipes * quicStreamWindowBytes);
			if (adopted !== undefined) held.set(adopted, { unsentBytes, unreadBytes: Math.min(unreadBytes, windowsBytes), acknowledgedBytes });
		}
		return held;
	}

	releaseMemory(): void {
		coded(() => quic.releaseMemory());
	}

	async close(code: number, reason: string, drainMs: number, until: "sent" | "released" = "released"): Promise<void> {
		await this.#endpoint.close({ code, reason, drainMs, until });
	}

	destroy(): void {
		void this.#endpoint.close({ drainMs: 0 });
	}

	#adopt(connection: quic.Connection): QuicConnection {
		const adopted = new QuicConnection(connection, this, this.#options.limits.connectionWindowBytes);
		this.#connections.set(connection, adopted);
		return adopted;
	}

	#owns({ connection, undecided }: QuicIncomingStream | QuicHeldStream): boolean {
		return undecided && connection.transport === this;
	}

	#tuning(own: ConnectionTuning): quic.TransportOptions {
		const { limits, keepAliveIntervalMs } = this.#options;
		return {
			idleTimeoutMs: own.idleTimeoutMs ?? limits.idleTimeoutMs,
			keepAliveIntervalMs: own.keepAliveIntervalMs ?? keepAliveIntervalMs ?? limits.keepAliveIntervalMs,
			bidirectionalStreams: announcedStreams(limits.streamsPerConnection + 1), // the control stream is one more
			streamWindowBytes: limits.quicStreamWindowBytes,
			connectionWindowBytes: limits.connectionWindowBytes,
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
