/**
 * One endpoint: one UDP socket that dials, listens and carries raw datagrams at once.
 *
 * @module
 */

import { onAbort, reasonOf } from "./abort.ts";
import { Connection, closeError } from "./connection.ts";
import { ENDPOINT_STATS, HELD, named, RECORD, SIZE } from "./constants.ts";
import { currentEnvironment, type Environment, readU16, type Target } from "./environment.ts";
import { mapped, QuicError } from "./errors.ts";
import type { Handle } from "./native.ts";
import { nativeDialOptions, nativeEndpointOptions, nativeListenOptions } from "./native-options.ts";
import type { ConnectionHeld, ConnectOptions, EndpointOptions, EndpointStats, ListenOptions, SocketAddress } from "./types.ts";
import { withZoneNumber } from "./zone.ts";

/** At most this many raw datagrams are handed over before the event loop goes round. More are dropped: a flood would take all the time there is. */
const RAW_PER_TURN = 256;

/** A bound socket. It keeps the process alive until it is closed, unless {@link Endpoint.unref} is called. */
export class Endpoint implements Target {
	readonly handle: Handle;
	/** Called with each incoming connection whose handshake is over. Confirm it in time. While this is not set, connections are closed. */
	onConnection: ((connection: Connection) => void) | undefined;
	/** Called with each datagram that is not QUIC, if `rawDatagrams` was asked for; 256 at most before the event loop goes round. */
	onRaw: ((data: Uint8Array, from: SocketAddress) => void) | undefined;
	readonly #environment: Environment;
	readonly #rawDatagrams: boolean;
	readonly #connections = new Map<Handle, Connection>();
	readonly #onEnd = ({ handle }: Connection): void => void this.#connections.delete(handle);
	#address: SocketAddress;
	#referenced = true;
	#closing: Promise<void> | undefined;
	#closed: (() => void) | undefined;
	#resolvesWhenSent = false;
	/** Raw datagrams handed over since the event loop last went round. */
	#rawThisTurn = 0;
	#droppedRaw = 0;

	/**
	 * Binds a UDP socket.
	 *
	 * @throws {@link QuicError} `QUIC_UNAVAILABLE`, `ADDRESS_IN_USE`, `ADDRESS_UNAVAILABLE`, `PERMISSION_DENIED`, `SOCKET_FAILED`, `INVALID_ARGUMENT`
	 */
	static bind(options: EndpointOptions): Endpoint {
		const environment = currentEnvironment();
		const handle = mapped(() => environment.native.endpointBind(nativeEndpointOptions(options)));
		return new Endpoint(environment, handle, options.rawDatagrams ?? false);
	}

	private constructor(environment: Environment, handle: Handle, rawDatagrams: boolean) {
		this.#environment = environment;
		this.handle = handle;
		this.#rawDatagrams = rawDatagrams;
		this.#address = mapped(() => environment.native.endpointAddress(handle));
		environment.adopt(this);
		environment.hold();
	}

	/** The local address and port. */
	get address(): SocketAddress {
		return this.#address;
	}

	/** Starts to accept connections. Called again, it changes identity, trust and limits for new connections; live ones stay. */
	listen(options: ListenOptions): void {
		this.#assertOpen();
		mapped(() => this.#environment.native.endpointListen(this.handle, nativeListenOptions(options)));
	}

	/** Takes no new connections. A dialler gets no answer that it would believe (a stateless reset at most), so it sees `HANDSHAKE_TIMEOUT`. Live connections stay. */
	stopListening(): void {
		this.#assertOpen();
		mapped(() => this.#environment.native.endpointStopListening(this.handle));
	}

	/**
	 * Dials. With TLS 1.3, a server may still refuse our certificate after this resolves. Then `closed` tells.
	 *
	 * @throws {@link QuicError} `TLS_REFUSED`, `TLS_REFUSED_BY_PEER`, `HANDSHAKE_TIMEOUT`, `CONNECTION_REFUSED`, `VERSION_MISMATCH`, `DIAL_FAILED`, `CERTIFICATE_INVALID`, `KEY_INVALID`, `CLOSED`; the signal's reason on abort
	 */
	async connect(options: ConnectOptions): Promise<Connection> {
		if (options.signal?.aborted) throw reasonOf(options.signal);
		this.#assertOpen();
		const environment = this.#environment;
		const handle = mapped(() => environment.native.connectionDial(this.handle, nativeDialOptions(options)));
		const { signal } = options;
		return await new Promise<Connection>((resolve, reject) => {
			let aborted = false;
			const abort = (): void => {
				aborted = true;
				mapped(() => environment.native.connectionClose(handle, 0, ""));
				if (signal !== undefined) reject(reasonOf(signal));
			};
			const settled = onAbort(signal, abort);
			environment.adopt({
				handle,
				record: (type, _kind, payload, subject) => {
					settled();
					if (type === RECORD.CONN_OPEN && !aborted) {
						resolve(this.#adopt(handle));
					} else if (type === RECORD.CONN_CLOSED) {
						environment.release(handle);
						reject(closeError(payload));
					} else if (type === RECORD.STREAM_IN) {
						environment.native.release(subject); // of a connection that was given up
					}
				},
			});
		});
	}

	/** Sends one datagram beside QUIC. Its first byte must have bit 0x40 clear (RFC 9443). True: the system took it. */
	sendRaw(data: Uint8Array, to: SocketAddress): boolean {
		this.#assertOpen();
		return mapped(() => this.#environment.native.endpointSendRaw(this.handle, data, withZoneNumber(to.address), to.port));
	}

	/**
	 * Resolves when what has come by now is delivered, or half a second later. Never rejects. A timer that judges a peer's silence asks this
	 * first: while the process is busy, timers run ahead of what waits.
	 */
	caughtUp(): Promise<void> {
		return this.#environment.caughtUp();
	}

	/** Moves to another local address; live connections go on from there (RFC 9000, 9). */
	rebind(host: string, port = 0): void {
		this.#assertOpen();
		this.#address = mapped(() => this.#environment.native.endpointRebind(this.handle, withZoneNumber(host), port, this.#rawDatagrams));
	}

	/** Figures since the start. */
	stats(): EndpointStats {
		this.#assertOpen();
		const figures = named(
			ENDPOINT_STATS,
			mapped(() => this.#environment.native.endpointStats(this.handle)),
		);
		return { ...figures, droppedRawDatagrams: figures.droppedRawDatagrams + this.#droppedRaw };
	}

	/** What is held in memory for peers, by connection. Connections for which it is less than `leastBytes` are left out. */
	held(leastBytes: number): Map<Connection, ConnectionHeld> {
		const found = new Map<Connection, ConnectionHeld>();
		if (this.#connections.size === 0) return found;
		const figures = mapped(() => this.#environment.native.endpointHeld(Uint32Array.from(this.#connections.keys()), leastBytes));
		for (let at = 0; at < figures.length; at += HELD.length) {
			const { connection: handle, ...held } = named(HELD, figures.slice(at, at + HELD.length));
			const connection = this.#connections.get(handle);
			if (connection !== undefined) found.set(connection, held);
		}
		return found;
	}

	/** Keeps the process alive while open (the default). */
	ref(): void {
		if (!this.#referenced && this.#closing === undefined) this.#environment.hold();
		this.#referenced = true;
	}

	/** Lets the process end although the endpoint is open. */
	unref(): void {
		if (this.#referenced && this.#closing === undefined) this.#environment.unhold();
		this.#referenced = false;
	}

	/**
	 * Closes every connection with the code, waits at most `drainMs` until the peers know, and releases the socket.
	 *
	 * With `until: "released"`, the default, the port is free again when this resolves. With `until: "sent"` it resolves as soon as
	 * the closes have left. The socket is released later and does not keep the process alive; until then, a peer that did not hear
	 * the close hears it again. Further calls return the first promise. It never rejects.
	 *
	 * @throws {@link QuicError} `INVALID_ARGUMENT` for a code that is not a QUIC code
	 */
	close(options: { code?: number; reason?: string; drainMs?: number; until?: "sent" | "released" } = {}): Promise<void> {
		if (this.#closing !== undefined) return this.#closing;
		const { code = 0, reason = "", drainMs = 1_000, until = "released" } = options;
		mapped(() => this.#environment.native.endpointClose(this.handle, code, reason, drainMs));
		for (const connection of this.#connections.values()) connection.closing(code, reason);
		if (!this.#referenced) this.#environment.hold(); // an early exit must not leave somebody hanging who awaits the close
		this.#closing = new Promise((resolve) => {
			this.#closed = () => {
				this.#closed = undefined;
				this.#environment.unhold();
				resolve();
			};
		});
		this.#resolvesWhenSent = until === "sent";
		return this.#closing;
	}

	/** @internal */
	record(type: number, _kind: number, payload: Uint8Array, subject: Handle): void {
		switch (type) {
			case RECORD.CONN_IN:
				this.#accepted(subject);
				break;
			case RECORD.RAW:
				if (this.#closing === undefined) this.#raw(payload); // an answer would throw
				break;
			case RECORD.ENDPOINT_LEFT:
				if (this.#resolvesWhenSent) this.#closed?.();
				break;
			case RECORD.ENDPOINT_CLOSED:
				this.#environment.release(this.handle);
				this.#closed?.();
				break;
		}
	}

	#raw(payload: Uint8Array): void {
		const { onRaw } = this;
		if (onRaw === undefined || this.#rawThisTurn >= RAW_PER_TURN) {
			this.#droppedRaw++;
			return;
		}
		if (this.#rawThisTurn++ === 0) {
			setImmediate(() => {
				this.#rawThisTurn = 0;
			});
		}
		onRaw(payload.subarray(SIZE.ADDRESS_BYTES), unpackAddress(payload));
	}

	#accepted(handle: Handle): void {
		const connection = this.#adopt(handle);
		if (this.onConnection === undefined) connection.close(0);
		else this.onConnection(connection);
	}

	#adopt(handle: Handle): Connection {
		const connection = new Connection(this.#environment, handle, this.#onEnd);
		this.#connections.set(handle, connection);
		return connection;
	}

	#assertOpen(): void {
		if (this.#closing !== undefined) throw new QuicError("CLOSED", "The endpoint is closed");
	}
}

/** Port, family, two bytes of padding, 16 bytes of address: `packed_address` of `endpoint/raw.rs`. */
function unpackAddress(payload: Uint8Array): SocketAddress {
	const port = readU16(payload, 0);
	if (payload[2] === 4) return { address: payload.subarray(4, 8).join("."), port };
	const groups = Array.from({ length: 8 }, (_, i) => (((payload[4 + 2 * i] as number) << 8) | (payload[5 + 2 * i] as number)).toString(16));
	return { address: canonicalV6(groups), port };
}

/** RFC 5952: the longest run of zero groups is shortened. */
function canonicalV6(groups: readonly string[]): string {
	const text = groups.join(":");
	const runs = [...text.matchAll(/\b0(?::0\b)+/g)].sort((a, b) => b[0].length - a[0].length);
	const [longest] = runs;
	if (longest === undefined) return text;
	const head = text.slice(0, longest.index).replace(/:$/, "");
	const tail = text.slice(longest.index + longest[0].length).replace(/^:/, "");
	return `${head}::${tail}`;
}
