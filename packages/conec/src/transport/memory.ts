/**
 * Transports without sockets, for tests: everything the seam promises, with windows that are really bounded and, on a
 * virtual clock, time that a test moves.
 *
 * @module
 */

import { ConecError } from "../errors.ts";
import { DEFAULT_LIMITS, type Limits } from "../options.ts";
import { type Clock, systemClock } from "./clock.ts";
import { MemoryConnection } from "./memory-connection.ts";
import { type MemoryHeld, type MemoryIncoming, pipeLinks } from "./memory-stream.ts";
import { trustProblem } from "./memory-trust.ts";
import { createDefer } from "./memory-wire.ts";
import type {
	AcceptOptions,
	DialOptions,
	HeldStream,
	IncomingStream,
	PipeResult,
	SocketAddress,
	Transport,
	TransportConnection,
	TransportStream,
} from "./transport.ts";

/** How a memory network behaves. */
export interface MemoryNetworkOptions {
	/** @default the machine's */
	readonly clock?: Clock;
	/** Bytes of one direction of one stream that are on their way or unread. @default limits.streamWindowBytes of the receiver's transport */
	readonly windowBytes?: number;
	/** One way. 0: the next turn of the event loop. @default 0 */
	readonly delayMs?: number;
}

/** What a memory transport is made with. */
export interface MemoryTransportOptions {
	/** Only shown: a port means the same transport on every address. @default "127.0.0.1" */
	readonly host?: string;
	/** 0 picks one. @default 0 */
	readonly port?: number;
	/** @default DEFAULT_LIMITS */
	readonly limits?: Limits;
}

/** Transports that reach each other. */
export interface MemoryNetwork {
	/** Throws `ADDRESS_IN_USE`. */
	createTransport(options?: MemoryTransportOptions): MemoryTransport;
	/** Another way to a transport, for breaking only what goes that way. */
	createRoute(target: MemoryTransport): MemoryRoute;
	/** Connections that are open, each counted at both its ends. */
	readonly openConnections: number;
	/** Streams that are not over, each counted at both its ends. */
	readonly liveStreams: number;
}

/** A port that leads to a transport. */
export interface MemoryRoute {
	readonly port: number;
	/** Breaks all connections that were dialled this way. */
	cut(): void;
	/** The port leads nowhere any more; connections stay. */
	close(): void;
}

/** A {@link Transport} with what tests need beside. */
export interface MemoryTransport extends Transport {
	/** Breaks all its connections, as if its machine were gone: nothing on its way arrives, both ends get `CONNECTION_LOST`. */
	lose(): void;
}

const FIRST_PORT = 49_152;

/** A network of its own: transports of two networks never meet. */
export function createMemoryNetwork(options: MemoryNetworkOptions = {}): MemoryNetwork {
	const network = new Network(options);
	return {
		createTransport: (transportOptions = {}) => network.create(transportOptions),
		createRoute: (target) => network.route(target as Endpoint),
		get openConnections() {
			return network.connections.size;
		},
		get liveStreams() {
			let streams = 0;
			for (const connection of network.connections) {
				streams += connection.liveStreams;
			}
			return streams;
		},
	};
}

class Network {
	readonly clock: Clock;
	readonly windowBytes: number | undefined;
	readonly delayMs: number;
	/** By port. */
	readonly transports: Map<number, Endpoint> = new Map();
	/** By port: other ways to a transport. */
	readonly routes: Map<number, { readonly target: Endpoint; readonly dialled: (connection: MemoryConnection) => void }> = new Map();
	readonly connections: Set<MemoryConnection> = new Set();
	#nextPort = FIRST_PORT;

	constructor(options: MemoryNetworkOptions) {
		this.clock = options.clock ?? systemClock;
		this.windowBytes = options.windowBytes;
		this.delayMs = options.delayMs ?? 0;
	}

	create(options: MemoryTransportOptions): Endpoint {
		const host = options.host ?? "127.0.0.1";
		const port = options.port === undefined || options.port === 0 ? this.#freePort() : options.port;
		if (this.transports.has(port)) {
			throw new ConecError("ADDRESS_IN_USE", `Cannot bind ${host}:${port}: the address is in use`);
		}
		const endpoint = new Endpoint(this, { address: host, port }, options.limits ?? DEFAULT_LIMITS);
		this.transports.set(port, endpoint);
		return endpoint;
	}

	route(target: Endpoint): MemoryRoute {
		const port = this.#freePort();
		const connections: MemoryConnection[] = [];
		this.routes.set(port, { target, dialled: (connection) => connections.push(connection) });
		return {
			port,
			cut() {
				for (const connection of connections.splice(0)) {
					connection.lose();
				}
			},
			close: () => {
				this.routes.delete(port);
			},
		};
	}

	#freePort(): number {
		while (this.transports.has(this.#nextPort) || this.routes.has(this.#nextPort)) {
			this.#nextPort++;
		}
		return this.#nextPort++;
	}
}

class Endpoint implements MemoryTransport {
	readonly address: SocketAddress;
	readonly #network: Network;
	readonly #limits: Limits;
	readonly #connections: Set<MemoryConnection> = new Set();
	#accepting: AcceptOptions | undefined = undefined;
	#open = true;

	constructor(network: Network, address: SocketAddress, limits: Limits) {
		this.#network = network;
		this.address = address;
		this.#limits = limits;
	}

	accept(options: AcceptOptions): void {
		this.#accepting = options;
	}

	async dial(options: DialOptions): Promise<TransportConnection> {
		const { signal } = options;
		signal?.throwIfAborted();
		const outcome = await this.#handshake(options);
		if (signal?.aborted) {
			// Too late for the peer: it sees a connection that ends at once.
			outcome.connection?.close(0, "aborted");
			throw signal.reason;
		}
		if (outcome.connection === undefined) {
			throw outcome.error;
		}
		return outcome.connection;
	}

	async pipe(from: IncomingStream, to: HeldStream, lostCode: number, onEnd?: () => void): Promise<PipeResult> {
		const result = await pipeLinks(from as MemoryIncoming, to as MemoryHeld, lostCode);
		onEnd?.(); // here every event is a task of its own, so this comes before the next
		return result;
	}

	writeFramesToMany(streams: readonly TransportStream[], frames: Uint8Array): ArrayLike<number> {
		return streams.map((stream) => stream.writeFrames(frames));
	}

	async close(code: number, reason: string, _drainMs: number): Promise<void> {
		this.#release();
		const connections = [...this.#connections];
		for (const connection of connections) {
			connection.close(code, reason);
		}
		await Promise.all(connections.map((connection) => connection.closed));
	}

	destroy(): void {
		this.#release();
		for (const connection of [...this.#connections]) {
			connection.close(0, "");
		}
	}

	lose(): void {
		for (const connection of [...this.#connections]) {
			connection.lose();
		}
	}

	/** One round trip and a decision at each side; like TLS 1.3, the dialling side learns late that it is refused. */
	#handshake(options: DialOptions): Promise<{ connection?: MemoryConnection; error?: ConecError }> {
		const { clock, delayMs } = this.#network;
		const defer = createDefer(clock);
		return new Promise((resolve) => {
			const timer = clock.setTimeout(
				() => resolve({ error: unreachable(options, `no answer within ${options.handshakeTimeoutMs} ms`) }),
				options.handshakeTimeoutMs,
			);
			const done = (outcome: { connection?: MemoryConnection; error?: ConecError }): void => {
				clock.clearTimeout(timer);
				options.signal?.removeEventListener("abort", onAbort);
				resolve(outcome);
			};
			const onAbort = (): void => done({});
			options.signal?.addEventListener("abort", onAbort, { once: true });
			const meet = (): void => {
				const route = this.#network.routes.get(options.port);
				const target = route?.target ?? this.#network.transports.get(options.port);
				if (target === undefined || target.#accepting === undefined || options.signal?.aborted || !this.#open) {
					// Nobody there answers, as with UDP: the deadline decides.
					return;
				}
				const outcome = this.#meet(target, target.#accepting, options);
				if (outcome.connection !== undefined) {
					route?.dialled(outcome.connection);
				}
				done(outcome);
			};
			if (delayMs === 0) {
				defer(meet);
			} else {
				clock.setTimeout(meet, 2 * delayMs);
			}
		});
	}

	#meet(target: Endpoint, accepting: AcceptOptions, options: DialOptions): { connection?: MemoryConnection; error?: ConecError } {
		if (!accepting.alpnProtocols.includes(options.alpnProtocol)) {
			return {
				error: new ConecError("PROTOCOL_UNSUPPORTED", `Cannot connect to ${options.address}:${options.port}: it does not speak ${options.alpnProtocol}`),
			};
		}
		const problem = trustProblem(options.trust, accepting.identity.certificates, options.serverName);
		if (problem !== undefined) {
			return { error: problem };
		}
		const shown = options.identity?.certificates ?? [];
		const dialling = this.#connection(target, options.alpnProtocol, accepting.identity.certificates, { address: options.address, port: options.port });
		const accepted = target.#connection(
			this,
			options.alpnProtocol,
			shown,
			{ address: "127.0.0.1", port: this.address.port },
			{
				timeoutMs: target.#limits.helloTimeoutMs,
				code: accepting.undecidedCode,
			},
		);
		MemoryConnection.tie(dialling, accepted);
		const refusal = trustProblem(accepting.clientTrust, shown);
		if (refusal !== undefined) {
			accepted.fail(refusal);
			dialling.fail(
				new ConecError(
					refusal.code === "CERTIFICATE_REQUIRED" ? "CERTIFICATE_REQUIRED" : "CERTIFICATE_REFUSED",
					`The peer refused the certificate: ${refusal.code}`,
				),
			);
			return { connection: dialling };
		}
		createDefer(this.#network.clock)(() => {
			accepted.startDeadline();
			accepting.onConnection(accepted);
		});
		return { connection: dialling };
	}

	#connection(
		peer: Endpoint,
		alpnProtocol: string,
		peerCertificates: readonly Uint8Array[],
		remoteAddress: SocketAddress,
		undecided?: { readonly timeoutMs: number; readonly code: number },
	): MemoryConnection {
		const { clock, delayMs, windowBytes, connections } = this.#network;
		const connection = new MemoryConnection({
			clock,
			delayMs,
			// A window is the receiver's to give, so what this end sends is bounded by the other end's.
			windowBytes: windowBytes ?? peer.#limits.streamWindowBytes,
			alpnProtocol,
			peerCertificates,
			remoteAddress,
			streams: this.#limits.streamsPerConnection + 1, // the control stream is one more
			headerTimeoutMs: this.#limits.headerTimeoutMs,
			...(undecided === undefined ? {} : { undecided }),
			onClosed: (closed) => {
				this.#connections.delete(closed);
				connections.delete(closed);
			},
		});
		this.#connections.add(connection);
		connections.add(connection);
		return connection;
	}

	#release(): void {
		this.#open = false;
		this.#accepting = undefined;
		if (this.#network.transports.get(this.address.port) === this) {
			this.#network.transports.delete(this.address.port);
		}
	}
}

function unreachable(options: DialOptions, why: string): ConecError {
	return new ConecError("COORDINATOR_UNREACHABLE", `Cannot connect to ${options.address}:${options.port}: ${why}`);
}
