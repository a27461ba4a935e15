/**
 * Transports without sockets, for tests: everything the seam promises, with windows that are really bounded and, on a
 * virtual clock, time that a test moves.
 *
 * @module
 */

import { type Clock, systemClock } from "#conec/base/clock";
import { type Random, systemRandom } from "#conec/base/random";
import { onAbort, reasonOf, throwIfAborted } from "#conec/base/signals";
import { ConecError } from "#conec/errors";
import { DEFAULT_LIMITS } from "#conec/limits";
import { certificateIdentity } from "#conec/tls/proven-identity";
import { refuseStreams, strangerError } from "#conec/transport/strangers";
import type {
	AcceptOptions,
	ConnectionHeld,
	ConnectionTuning,
	DialOptions,
	HeldStream,
	IncomingStream,
	PipeResult,
	SocketAddress,
	TransportConnection,
	TransportLimits,
	TransportStream,
} from "#conec/transport/transport";
import { type ConnectionOptions, MemoryConnection } from "./connection.ts";
import type { MemoryNetwork, MemoryNetworkOptions, MemoryPacket, MemoryRoute, MemoryTransport, MemoryTransportOptions } from "./network.ts";
import { Partitions } from "./partitions.ts";
import { sourceAddress, takesDatagram } from "./socket.ts";
import { MemoryHeld, MemoryIncoming, MemoryStream, pipeLinks } from "./stream.ts";
import { trustProblem } from "./trust.ts";
import { createDefer } from "./wire.ts";

export type { MemoryNetwork, MemoryNetworkOptions, MemoryPacket, MemoryRoute, MemoryTransport, MemoryTransportOptions };

const FIRST_PORT = 49_152;
/** When a dial sends its first packet again, after the first time (RFC 9002: 1 s, doubled). */
const AGAIN_MS = [1000, 3000, 7000, 15_000];

/** A network of its own: transports of two networks never meet. */
export function createMemoryNetwork(options: MemoryNetworkOptions = {}): MemoryNetwork {
	const network = new Network(options);
	return {
		createTransport: (transportOptions = {}) => network.create(transportOptions),
		createRoute: (target) => network.route(target as Endpoint),
		get openConnections() {
			return network.connections.size;
		},
		get onPacket() {
			return network.onPacket;
		},
		set onPacket(filter) {
			network.onPacket = filter;
		},
		get liveStreams() {
			let streams = 0;
			for (const connection of network.connections) {
				streams += connection.liveStreams;
			}
			return streams;
		},
		separate: (one, other) => network.separate(one as Endpoint, other as Endpoint),
		cut: (one, other) => {
			for (const connection of (one as Endpoint).connectionsWith(other as Endpoint)) connection.lose();
		},
	};
}

class Network {
	readonly clock: Clock;
	readonly windowBytes: number | undefined;
	readonly delayMs: number;
	readonly jitterMs: number;
	readonly random: Random;
	readonly #partitions: Partitions<Endpoint> = new Partitions();
	/** By port. */
	readonly transports: Map<number, Endpoint> = new Map();
	/** By port: other ways to a transport. */
	readonly routes: Map<number, { readonly target: Endpoint; readonly dialled: (connection: MemoryConnection) => void }> = new Map();
	readonly connections: Set<MemoryConnection> = new Set();
	onPacket: ((packet: MemoryPacket) => boolean) | undefined = undefined;
	#nextPort = FIRST_PORT;

	constructor(options: MemoryNetworkOptions) {
		this.clock = options.clock ?? systemClock;
		this.windowBytes = options.windowBytes;
		this.delayMs = options.delayMs ?? 0;
		this.jitterMs = options.jitterMs ?? 0;
		this.random = options.random ?? systemRandom;
	}

	/** One way, for the next thing that is sent. */
	nextDelayMs(): number {
		return this.jitterMs === 0 ? this.delayMs : this.delayMs + this.jitterMs * this.random.fraction();
	}

	separate(one: Endpoint, other: Endpoint): () => void {
		if (this.#partitions.part(one, other)) for (const connection of one.connectionsWith(other)) connection.stall();
		let over = false;
		return () => {
			if (over) return;
			over = true;
			if (this.#partitions.join(one, other)) for (const connection of one.connectionsWith(other)) connection.resume();
		};
	}

	/** Whether packets pass between two transports. */
	passes(one: Endpoint, other: Endpoint): boolean {
		return this.#partitions.passes(one, other);
	}

	create(options: MemoryTransportOptions): Endpoint {
		const host = options.host ?? "127.0.0.1";
		const address = this.free(host, options.port ?? 0);
		const endpoint = new Endpoint(this, address, options.limits ?? DEFAULT_LIMITS);
		this.transports.set(address.port, endpoint);
		return endpoint;
	}

	/** An address that nobody has; port 0 picks one. Throws `ADDRESS_IN_USE`. */
	free(host: string, port: number): SocketAddress {
		if (this.transports.has(port)) {
			throw new ConecError("ADDRESS_IN_USE", `Cannot bind ${host}:${port}: the address is in use`);
		}
		return { address: host, port: port === 0 ? this.#freePort() : port };
	}

	/** Who has that port now, directly or by a route. */
	at(port: number): Endpoint | undefined {
		return this.routes.get(port)?.target ?? this.transports.get(port);
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
	onDatagram: ((data: Uint8Array, from: SocketAddress) => void) | undefined = undefined;
	releasedMemory = 0;
	#address: SocketAddress;
	readonly #network: Network;
	readonly #limits: TransportLimits;
	/** With whom. */
	readonly #connections: Map<MemoryConnection, Endpoint> = new Map();
	#accepting: AcceptOptions | undefined = undefined;
	#open = true;

	constructor(network: Network, address: SocketAddress, limits: TransportLimits) {
		this.#network = network;
		this.#address = address;
		this.#limits = limits;
	}

	get address(): SocketAddress {
		return this.#address;
	}

	accept(options: AcceptOptions): void {
		this.#accepting = options;
	}

	stopAccepting(): void {
		this.#accepting = undefined;
	}

	sendDatagram(data: Uint8Array, to: SocketAddress): boolean {
		if (!takesDatagram(this.#address, data, to) || !this.#open) {
			return false;
		}
		const { clock } = this.#network;
		const from = sourceAddress(this.#address, to);
		const copy = data.slice();
		if (this.#network.onPacket?.({ type: "datagram", from, to, data: copy }) ?? true) {
			const deliver = (): void => {
				const target = this.#network.at(to.port);
				if (target !== undefined && this.#network.passes(this, target)) target.onDatagram?.(copy, from);
			};
			const delayMs = this.#network.nextDelayMs();
			if (delayMs === 0) {
				createDefer(clock)(deliver);
			} else {
				clock.setTimeout(deliver, delayMs);
			}
		}
		return true;
	}

	move(port: number = 0): void {
		const address = this.#network.free(this.#address.address, port);
		this.#network.transports.delete(this.#address.port);
		this.#network.transports.set(address.port, this);
		this.#address = address;
		for (const connection of [...this.#connections.keys()]) {
			connection.moved(address.port);
		}
	}

	connectionsWith(other: Endpoint): MemoryConnection[] {
		return [...this.#connections].flatMap(([connection, peer]) => (peer === other ? [connection] : []));
	}

	async dial(options: DialOptions): Promise<TransportConnection> {
		const { signal } = options;
		throwIfAborted(signal);
		const outcome = await this.#handshake(options);
		if (signal?.aborted) {
			// Too late for the peer: it sees a connection that ends at once.
			outcome.connection?.close(0, "aborted");
			throw reasonOf(signal);
		}
		if (outcome.connection === undefined) {
			throw outcome.error;
		}
		return outcome.connection;
	}

	async pipe(from: IncomingStream, to: HeldStream, lostCode: number, onEnd?: () => void, onOpen: () => void = () => {}): Promise<PipeResult> {
		if (!(from instanceof MemoryIncoming && to instanceof MemoryHeld && this.#owns(from) && this.#owns(to))) {
			refuseStreams([from, to], lostCode);
			throw strangerError("Cannot pipe streams");
		}
		const result = await pipeLinks(from, to, lostCode, onOpen);
		onEnd?.(); // here every event is a task of its own, so this comes before the next
		return result;
	}

	writeFramesToMany(streams: readonly TransportStream[], frames: Uint8Array): ArrayLike<number> {
		for (const stream of streams) {
			if (!(stream instanceof MemoryStream) || stream.timed || stream.connection.transport !== this) throw strangerError("Cannot write to streams");
		}
		return streams.map((stream) => stream.writeFrames(frames));
	}

	held(leastBytes: number): ReadonlyMap<TransportConnection, ConnectionHeld> {
		const all = [...this.#connections.keys()].map((connection): [TransportConnection, ConnectionHeld] => [connection, connection.held]);
		return new Map(all.filter(([, { unsentBytes, unreadBytes }]) => unsentBytes + unreadBytes >= leastBytes));
	}

	/** Here everything is delivered when it arrives. */
	caughtUp(): Promise<void> {
		return Promise.resolve();
	}

	releaseMemory(): void {
		this.releasedMemory++;
	}

	#owns({ connection, undecided }: MemoryIncoming | MemoryHeld): boolean {
		return undecided && connection.transport === this;
	}

	async close(code: number, reason: string, _drainMs: number): Promise<void> {
		this.#release();
		const connections = [...this.#connections.keys()];
		for (const connection of connections) {
			connection.close(code, reason);
		}
		await Promise.all(connections.map((connection) => connection.closed));
	}

	destroy(): void {
		this.#release();
		for (const connection of [...this.#connections.keys()]) {
			connection.close(0, "");
		}
	}

	lose(): void {
		for (const connection of [...this.#connections.keys()]) {
			connection.lose();
		}
	}

	vanish(): void {
		this.#release();
		for (const connection of [...this.#connections.keys()]) {
			connection.vanish();
		}
	}

	/** One round trip and a decision at each side; like TLS 1.3, the dialling side learns late that it is refused. */
	#handshake(options: DialOptions): Promise<{ connection?: MemoryConnection; error?: ConecError }> {
		const { clock } = this.#network;
		const defer = createDefer(clock);
		return new Promise((resolve) => {
			const timers: unknown[] = [];
			let over = false;
			const done = (outcome: { connection?: MemoryConnection; error?: ConecError }): void => {
				over = true;
				for (const timer of timers) {
					clock.clearTimeout(timer);
				}
				forget();
				resolve(outcome);
			};
			timers.push(
				clock.setTimeout(() => done({ error: unreachable(options, `no answer within ${options.handshakeTimeoutMs} ms`) }), options.handshakeTimeoutMs),
			);
			const forget = onAbort(options.signal, () => done({}));
			const meet = (): void => {
				const route = this.#network.routes.get(options.port);
				const target = this.#network.at(options.port);
				if (over || target === undefined || target.#accepting === undefined || !this.#open || !this.#network.passes(this, target)) {
					// Nobody there answers, as with UDP: the next packet or the deadline decides.
					return;
				}
				const outcome = this.#meet(target, target.#accepting, options);
				if (outcome.connection !== undefined) {
					route?.dialled(outcome.connection);
				}
				done(outcome);
			};
			const to = { address: options.address, port: options.port };
			const send = (): void => {
				if (!this.#open || !(this.#network.onPacket?.({ type: "dial", from: sourceAddress(this.#address, to), to }) ?? true)) {
					return;
				}
				const roundTripMs = this.#network.nextDelayMs() + this.#network.nextDelayMs();
				if (roundTripMs === 0) {
					defer(meet);
				} else {
					clock.setTimeout(meet, roundTripMs);
				}
			};
			for (const afterMs of AGAIN_MS.filter((ms) => ms < options.handshakeTimeoutMs)) {
				timers.push(clock.setTimeout(send, afterMs));
			}
			send();
		});
	}

	#meet(target: Endpoint, accepting: AcceptOptions, options: DialOptions): { connection?: MemoryConnection; error?: ConecError } {
		if (!accepting.alpnProtocols.includes(options.alpnProtocol)) {
			return {
				error: new ConecError("PROTOCOL_UNSUPPORTED", `Cannot connect to ${options.address}:${options.port}: it does not speak ${options.alpnProtocol}`),
			};
		}
		if (target.#connections.size >= accepting.connections + target.#limits.undecidedConnections) {
			return { error: new ConecError("LIMIT_EXCEEDED", `Cannot connect to ${options.address}:${options.port}: it has too many connections`) };
		}
		const problem = trustProblem(options.trust, accepting.identity.certificates, this.#network.clock.wallMs(), options.serverName);
		if (problem !== undefined) {
			return { error: problem };
		}
		const shown = options.identity?.certificates ?? [];
		const { alpnProtocol } = options;
		const there = { address: options.address, port: options.port };
		const dialling = this.#connection(target, options, { alpnProtocol, peer: certificateIdentity(accepting.identity.certificates), remoteAddress: there });
		const accepted = target.#connection(this, accepting, {
			alpnProtocol,
			peer: certificateIdentity(shown),
			remoteAddress: sourceAddress(this.#address, there),
			undecided: { timeoutMs: target.#limits.helloTimeoutMs, code: accepting.undecidedCode },
		});
		MemoryConnection.tie(dialling, accepted);
		const refusal = trustProblem(accepting.clientTrust, shown, this.#network.clock.wallMs());
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
		tuning: ConnectionTuning,
		own: Pick<ConnectionOptions, "alpnProtocol" | "peer" | "remoteAddress" | "undecided">,
	): MemoryConnection {
		const { clock, delayMs, jitterMs, windowBytes, connections } = this.#network;
		const connection = new MemoryConnection({
			clock,
			delayMs: delayMs + jitterMs / 2,
			nextDelayMs: () => this.#network.nextDelayMs(),
			// A window is the receiver's to give, so what this end sends is bounded by the other end's.
			windowBytes: windowBytes ?? peer.#limits.quicStreamWindowBytes,
			...own,
			transport: this,
			streams: this.#limits.streamsPerConnection + 1, // the control stream is one more
			headerTimeoutMs: this.#limits.headerTimeoutMs,
			idleTimeoutMs: tuning.idleTimeoutMs ?? this.#limits.idleTimeoutMs,
			keepAliveIntervalMs: tuning.keepAliveIntervalMs ?? this.#limits.keepAliveIntervalMs,
			connectionWindowBytes: this.#limits.connectionWindowBytes,
			onClosed: (closed) => {
				this.#connections.delete(closed);
				connections.delete(closed);
			},
		});
		this.#connections.set(connection, peer);
		connections.add(connection);
		return connection;
	}

	#release(): void {
		this.#open = false;
		this.#accepting = undefined;
		if (this.#network.transports.get(this.#address.port) === this) {
			this.#network.transports.delete(this.#address.port);
		}
	}
}

function unreachable(options: DialOptions, why: string): ConecError {
	return new ConecError("COORDINATOR_UNREACHABLE", `Cannot connect to ${options.address}:${options.port}: ${why}`);
}
