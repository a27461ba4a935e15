/**
 * The Coordinator.
 *
 * @module
 */

import { hkdfSync } from "node:crypto";
import { checkOptions } from "../base/check-options.ts";
import { randomHex } from "../base/random.ts";
import { within } from "../base/signals.ts";
import { argumentError, ConecError, type ConecErrorCode, isConecError } from "../errors.ts";
import { closeInfoOf } from "../session/close-info-of.ts";
import { describeStream } from "../session/describe-stream.ts";
import { atExpiry } from "../session/end-at-expiry.ts";
import { checkOpenStreamOptions, type OpenStreamOptions } from "../session/open-stream-options.ts";
import type { PathReport } from "../session/path-report.ts";
import type { PresenceEvent } from "../session/presence-event.ts";
import { type HandlerFailed, type Handling, type ProtocolHandler, Reception } from "../session/protocols/index.ts";
import { type Runtime, runtimeOf } from "../session/runtime.ts";
import { StatusFeed, type StatusLagged } from "../session/status-feed.ts";
import { StreamSet } from "../session/stream-set.ts";
import type { TransportFactory } from "../session/transport-factory.ts";
import type { CloseInfo } from "../stream/close-info.ts";
import type { StreamInit } from "../stream/framed-stream.ts";
import type { MessageStream } from "../stream/message-stream.ts";
import { acceptMessageStream, rejectStream } from "../stream/open-stream.ts";
import { type LocalIdentity, parseIdentity } from "../tls/identity.ts";
import type { Trust } from "../tls/trust.ts";
import { clientTrust } from "../tls/trust.ts";
import type { IncomingStream, SocketAddress, Transport } from "../transport/transport.ts";
import { BROADCAST_CAPABILITY, type BroadcastOpen } from "../wire/broadcast.ts";
import { CLOSE_CODES, RESET_CODES } from "../wire/codes.ts";
import { FRAME } from "../wire/frames.ts";
import { idProblem } from "../wire/ids.ts";
import { decodeOpenToCoordinator, encodeOpen, type OpenDirect } from "../wire/open.ts";
import { PRESENCE_CAPABILITY } from "../wire/presence.ts";
import { ALPN_COORDINATOR } from "../wire/versions.ts";
import { bindNatTestSockets, type NatTestSockets, ownSockets, Reflector } from "./addresses/index.ts";
import { type AdmissionHost, admit, type CoordinatorState, openState } from "./admission/index.ts";
import { type BroadcastStatus, Broadcasts } from "./broadcast/index.ts";
import type { ChannelStatus } from "./introduction/index.ts";
import { Channels } from "./introduction/index.ts";
import { type CoordinatorOptions, coordinatorIdentity, denyList, type ResolvedCoordinatorOptions, resolveCoordinatorOptions } from "./options.ts";
import { PresenceService } from "./presence/index.ts";
import { proxyStream } from "./proxy.ts";
import type { ClientInfo, Session } from "./sessions/index.ts";
import { Registry } from "./sessions/index.ts";

/** What happens at a Coordinator. */
export type CoordinatorStatus =
	/** A Client is connected. */
	| { readonly type: "connected"; readonly client: ClientInfo }
	/** It is not any more. */
	| { readonly type: "disconnected"; readonly id: string; readonly fingerprint: string; readonly info: CloseInfo }
	/** A Client was told no. `id` is what it asked for, which may be anybody's. */
	| { readonly type: "refused"; readonly id: string; readonly address: SocketAddress; readonly code: ConecErrorCode; readonly reason: string }
	| BroadcastStatus
	/** The leases cannot be written to the state directory: after a restart they are as they were before. Writing goes on being tried. */
	| { readonly type: "state-unsaved"; readonly error: ConecError }
	/** The file system of the state directory has no sockets, so that a second Coordinator elsewhere is not kept out for certain. Said first to every listener. */
	| { readonly type: "state-lock-weak"; readonly error: ConecError }
	/** A direct channel is up or down, or could not be made. */
	| ChannelStatus
	| HandlerFailed
	/** The second UDP port cannot be bound: Clients do not learn what their NAT does. Said first to every listener. */
	| { readonly type: "nat-test-unavailable"; readonly error: ConecError }
	/** This listener was too slow. */
	| StatusLagged;

/** What {@link Coordinator.reload} replaces; what is absent stays. */
export type ReloadOptions = Pick<CoordinatorOptions, "certificate" | "privateKey" | "clientCa" | "deny">;

/** The way to the private constructor; set by the class. */
let construct: (parts: CoordinatorParts) => Coordinator;
let count: (coordinator: Coordinator) => CoordinatorCensus;

/**
 * The one well-known server: it authenticates Clients, gives each its id, proxies their streams, and has streams of its own
 * with them. It can read what it proxies.
 */
export class Coordinator implements AsyncDisposable {
	/** Where it listens. */
	readonly address: SocketAddress;
	/** Accepted streams without a protocol that Clients opened to the Coordinator; `stream.peer` is the Client's id. One consumer at a time; `break` releases it. Ends after `close`. */
	readonly incomingStreams: AsyncIterable<MessageStream>;
	/** How it ended. Never rejects. */
	readonly closed: Promise<CloseInfo>;
	readonly #options: ResolvedCoordinatorOptions;
	readonly #runtime: Runtime;
	readonly #transport: Transport;
	readonly #registry: Registry<Session>;
	readonly #streams: StreamSet;
	readonly #reception: Reception;
	readonly #broadcasts: Broadcasts;
	readonly #feed: StatusFeed<CoordinatorStatus>;
	readonly #channels: Channels;
	readonly #natTest: NatTestSockets | ConecError;
	readonly #kept: CoordinatorState;
	readonly #epoch: string;
	readonly #presence: PresenceService;
	#identity: LocalIdentity;
	#clientTrust: Trust;
	#deny: ReadonlySet<string>;
	#state: { readonly type: "open" } | { readonly type: "closing"; readonly done: Promise<void> } | { readonly type: "over" } = { type: "open" };
	#resolveClosed: (info: CloseInfo) => void = () => undefined;

	/**
	 * Binds the socket and starts to listen.
	 *
	 * Rejects with TypeError or RangeError `OPTION_INVALID`; `CERTIFICATE_INVALID`, `CERTIFICATE_KEY_MISMATCH`,
	 * `STATE_DIRECTORY_INVALID`, `ADDRESS_IN_USE`, `ADDRESS_UNAVAILABLE`, `QUIC_UNAVAILABLE`.
	 */
	static async listen(options: CoordinatorOptions = {}): Promise<Coordinator> {
		const { createQuicTransport } = await import("../transport/quic/index.ts");
		return await listenOn(createQuicTransport, options);
	}

	static {
		construct = (parts) => new Coordinator(parts);
		count = (coordinator) => ({
			clients: coordinator.#registry.size,
			streams: coordinator.#streams.size,
			broadcasts: coordinator.#broadcasts.size,
			channels: coordinator.#channels.size,
			watches: coordinator.#presence.watches,
			handlers: coordinator.#reception.running,
		});
	}

	private constructor(parts: CoordinatorParts) {
		const { clock, random } = parts.runtime;
		this.#options = parts.options;
		this.#runtime = parts.runtime;
		this.#epoch = randomHex(random, 16);
		this.#streams = new StreamSet(undefined, clock);
		this.#transport = parts.transport;
		this.#identity = parts.identity;
		this.#clientTrust = parts.clientTrust;
		this.#deny = parts.deny;
		this.#kept = parts.kept;
		const { limits } = parts.options;
		this.address = parts.transport.address;
		this.#registry = new Registry(limits);
		const { handlers } = parts.options;
		this.#reception = new Reception({ owner: "the Coordinator", limits, clock, handlers, failed: (failure) => this.#feed.emit(failure) });
		this.incomingStreams = this.#reception.incoming;
		this.#feed = new StatusFeed(limits.statusEvents);
		this.#presence = new PresenceService(this.#epoch, limits, clock);
		const { broadcastRule: ruleOf } = parts.options;
		this.#broadcasts = new Broadcasts({ limits, ruleOf, transport: parts.transport, clock, random, emit: (status) => this.#feed.emit(status) });
		this.closed = new Promise((resolve) => {
			this.#resolveClosed = resolve;
		});
		this.#natTest = parts.natTest;
		this.#channels = this.#createChannels(isConecError(parts.natTest) ? undefined : parts.natTest);
		this.#kept.onProblem = (error) => this.#feed.emit({ type: "state-unsaved", error });
		this.#kept.leases.revoke((fingerprint) => this.#deny.has(fingerprint));
		this.#accept();
	}

	/** `sha256:<hex>` of the SubjectPublicKeyInfo of its certificate: what Clients may pin. */
	get fingerprint(): string {
		return this.#identity.fingerprint;
	}

	/** The second UDP port, by which Clients learn what their NAT does; `undefined` where it could not be bound, and then `status()` says why. Stays the same for good, like `address`. */
	get natTestPort(): number | undefined {
		return isConecError(this.#natTest) ? undefined : this.#natTest.echo.address.port;
	}

	/** Connected Clients. */
	get clientCount(): number {
		return this.#registry.size;
	}

	/** Broadcasts that somebody has joined, each name once. */
	get broadcastCount(): number {
		return this.#broadcasts.size;
	}

	/** Connected Clients, with facts. */
	clients(): ClientInfo[] {
		return [...this.#registry.holders()].map((session) => session.info());
	}

	/**
	 * Opens a stream to a Client, for which `stream.peer` is null. Resolves when the Client's library has accepted it.
	 *
	 * Rejects with TypeError `ID_INVALID` or `OPTION_INVALID`, RangeError `STREAM_ID_IN_USE`; `PEER_UNKNOWN`, `PEER_BUSY`,
	 * `PROTOCOL_UNHANDLED`, `PEER_LOST`, `PEER_TIMEOUT`, `COORDINATOR_CLOSED`; `signal.reason`, and then the stream is reset.
	 */
	async openStream(peer: string, options: OpenStreamOptions = {}): Promise<MessageStream> {
		const { limits } = this.#options;
		checkOpenStreamOptions(options, limits.metadataBytes);
		options.signal?.throwIfAborted();
		if (this.#state.type !== "open") throw coordinatorClosed(`Cannot open stream to "${peer}"`);
		const session = this.#find(peer, `Cannot open stream to "${peer}"`);
		const stream = await this.#streams.open(session.connection, options, (id) => {
			const open = { id, metadata: options.metadata, protocol: options.protocol };
			return { init: this.#init(session, open, describeStream(id, "to", peer)), payload: encodeOpen(open) };
		});
		this.#count(session, stream);
		return stream;
	}

	/**
	 * Has streams of a protocol that Clients open to the Coordinator given to `handler` from now on. See {@link ProtocolHandler} for what
	 * becomes of the stream. Handlers that must be there before the first Client go into the options of {@link listen}. Streams from
	 * Client to Client do not come here, whatever their protocol.
	 *
	 * Throws TypeError `OPTION_INVALID` for a name that is none (1 to 64 of `a-z 0-9 . - /`), for what is no function, and where the
	 * protocol has a handler; `LIMIT_EXCEEDED` beyond `limits.protocols`; `COORDINATOR_CLOSED`.
	 */
	handle(protocol: string, handler: ProtocolHandler): Handling {
		if (this.#state.type !== "open") throw coordinatorClosed("Cannot handle a protocol");
		return this.#reception.handle(protocol, handler);
	}

	/**
	 * Ends the connection of a Client at once. Its id is free, unless a kept key has a lease on it; to keep the key out, deny it.
	 *
	 * @param reason what the Client is told
	 * @throws TypeError `ID_INVALID`; ConecError `PEER_UNKNOWN`
	 */
	disconnect(peer: string, reason: string = ""): void {
		if (typeof reason !== "string") throw argumentError("type", "OPTION_INVALID", "A reason must be a string");
		this.#find(peer, `Cannot disconnect "${peer}"`).end(CLOSE_CODES.DISCONNECTED, reason);
	}

	/**
	 * Replaces identity, authorities and deny list. Connections stay, except those whose fingerprint is now denied; peers that have, or are about to get, a direct channel to such a key are told to end it.
	 *
	 * @throws TypeError `OPTION_INVALID`; ConecError `CERTIFICATE_INVALID`, `CERTIFICATE_KEY_MISMATCH`, `COORDINATOR_CLOSED`; then nothing has changed
	 */
	reload(options: ReloadOptions): void {
		checkOptions(options, { certificate: "pem", privateKey: "pem", clientCa: "pems", deny: "strings" });
		if (this.#state.type !== "open") throw coordinatorClosed("Cannot reload");
		const { certificate, privateKey, clientCa, deny } = options;
		if ((certificate === undefined) !== (privateKey === undefined))
			throw argumentError("type", "OPTION_INVALID", `Options "certificate" and "privateKey" go together`);
		const identity = certificate === undefined || privateKey === undefined ? this.#identity : parseIdentity(certificate, privateKey);
		const trust = clientCa === undefined ? this.#clientTrust : clientTrust(clientCa);
		const denied = deny === undefined ? this.#deny : denyList(deny);
		this.#identity = identity;
		this.#clientTrust = trust;
		this.#deny = denied;
		this.#accept();
		this.#kept.leases.revoke((fingerprint) => denied.has(fingerprint));
		if (deny !== undefined) this.#channels.denyListChanged();
		for (const session of [...this.#registry.holders()]) if (denied.has(session.fingerprint)) session.end(CLOSE_CODES.CERTIFICATE_REFUSED, DENIED);
	}

	/**
	 * How two Clients reach each other, as far as they have said: `own` is the first. `undefined` if one of them is not connected.
	 *
	 * @throws TypeError `ID_INVALID`
	 */
	explain(a: string, b: string): PathReport | undefined {
		for (const id of [a, b]) checkId(id, "Cannot explain a path");
		const [own, peer] = [this.#registry.find(a), this.#registry.find(b)];
		return own === undefined || peer === undefined ? undefined : this.#channels.explain(own, peer);
	}

	/** What happens from now on. Bounded (`limits.statusEvents`): a slow listener loses the oldest and hears how many. Ends with the Coordinator; `break` releases it. */
	status(): AsyncIterable<CoordinatorStatus> {
		const present: CoordinatorStatus[] = [];
		if (this.#kept.remark !== undefined) present.push({ type: "state-lock-weak", error: this.#kept.remark });
		if (isConecError(this.#natTest)) present.push({ type: "nat-test-unavailable", error: this.#natTest });
		return this.#feed.listen(...present);
	}

	/**
	 * Who is connected: `members` first, then every `join`, `update` and `leave` in order. A reader that is too slow for the changes
	 * kept (`limits.presenceLogBytes`) gets a new `members` instead of them. Ends with the Coordinator; `break` releases it.
	 */
	watchPeers(): AsyncIterable<PresenceEvent> {
		return this.#presence.listen();
	}

	/**
	 * Stops: tells the Clients, and the handlers of protocols to end; waits at most 2 s (`limits.lingerMs`) for those that have a stream,
	 * and as long for streams that the application closed; resets its other streams with `COORDINATOR_CLOSED`, ends every connection. At most 3 s (`limits.closeTimeoutMs`). Idempotent.
	 */
	close(): Promise<void> {
		if (this.#state.type === "open") this.#state = { type: "closing", done: this.#close() };
		return this.#state.type === "closing" ? this.#state.done : Promise.resolve();
	}

	/** Ends everything at once; data on its way may be lost. */
	destroy(error?: Error): void {
		if (this.#state.type === "over") return;
		const code = isConecError(error) ? { code: error.code } : {};
		this.#over({ by: "local", ...code, ...(error === undefined ? {} : { reason: error.message }) });
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.close();
	}

	async #close(): Promise<void> {
		const { limits } = this.#options;
		const { clock } = this.#runtime;
		const deadline = clock.now() + limits.closeTimeoutMs;
		const error = coordinatorClosed("Cannot go on");
		this.#reception.close(error, RESET_CODES.COORDINATOR_CLOSED);
		this.#channels.stop();
		for (const session of this.#registry.holders()) session.control.send({ type: "close", reason: STOPPING });
		const flush = (timeoutMs: number): Promise<unknown> =>
			Promise.all([...this.#registry.holders()].filter((session) => session.used).map((session) => session.control.ping(timeoutMs)));
		this.#broadcasts.end(RESET_CODES.COORDINATOR_CLOSED);
		await this.#reception.settled();
		const lingerMs = Math.min(limits.lingerMs, Math.max(0, deadline - clock.now()));
		await this.#streams.end({ error, wireCode: RESET_CODES.COORDINATOR_CLOSED, lingerMs, flush });
		// Nobody has left: it is the Coordinator that goes.
		this.#presence.end();
		const left = Math.max(0, deadline - clock.now());
		await within(left, this.#transport.close(CLOSE_CODES.COORDINATOR_CLOSED, STOPPING, Math.min(left, DRAIN_MS)), clock);
		for (const session of [...this.#registry.holders()]) session.forget();
		await within(Math.max(MIN_SAVE_MS, deadline - clock.now()), this.#kept.close(), clock);
		this.destroy();
	}

	/** The end of it all; everything that waits is told. */
	#over(info: CloseInfo): void {
		this.#state = { type: "over" };
		const error = coordinatorClosed("Cannot go on");
		this.#reception.close(error, RESET_CODES.COORDINATOR_CLOSED);
		this.#streams.destroy(error, RESET_CODES.COORDINATOR_CLOSED);
		this.#broadcasts.end(RESET_CODES.COORDINATOR_CLOSED);
		this.#presence.end();
		for (const session of [...this.#registry.holders()]) session.forget();
		this.#channels.end();
		this.#kept.destroy();
		// All connections in one call: one by one, a Client would see its peer go before it sees that the Coordinator goes.
		void this.#transport.close(CLOSE_CODES.COORDINATOR_CLOSED, info.reason ?? STOPPING, 0).catch(() => undefined);
		this.#feed.end();
		this.#resolveClosed(info);
	}

	#accept(): void {
		const { retry, keyLog, limits } = this.#options;
		const host: AdmissionHost = {
			limits,
			runtime: this.#runtime,
			epoch: this.#epoch,
			registry: this.#registry,
			leases: this.#kept.leases,
			clientRoots: () => this.#clientTrust.roots,
			denied: (fingerprint) => this.#deny.has(fingerprint),
			closing: () => this.#state.type !== "open",
			admitted: (session) => this.#admitted(session),
			refused: ({ remoteAddress }, { code, message = "" }, id) => this.#feed.emit({ type: "refused", id, address: remoteAddress, code, reason: message }),
			changed: (session) => {
				this.#presence.set(session.peer);
				this.#broadcasts.update(session);
			},
			changeCost: (session) => this.#broadcasts.updateCost(session),
			ended: (session) => this.#ended(session),
			onStream: (session, incoming) => this.#onStream(session, incoming),
			channels: this.#channels,
			onRequest: (session, message) => session.control.send(this.#broadcasts.count(message)),
		};
		this.#transport.accept({
			identity: this.#identity,
			clientTrust: this.#clientTrust,
			alpnProtocols: [ALPN_COORDINATOR],
			retry,
			undecidedCode: CLOSE_CODES.HELLO_TIMEOUT,
			keyLog,
			connections: limits.clients,
			onConnection: (connection) => admit(connection, host),
		});
	}

	#createChannels(natTest: NatTestSockets | undefined): Channels {
		const { limits, host } = this.#options;
		const { clock, random, interfaces } = this.#runtime;
		const now = (): number => clock.now();
		const ports = [this.#transport.address.port, ...(natTest === undefined ? [] : [natTest.echo.address.port, natTest.test.address.port])];
		return new Channels({
			limits,
			clock,
			random,
			find: (id) => this.#registry.find(id),
			closing: () => this.#state.type !== "open",
			denied: (fingerprint) => this.#deny.has(fingerprint),
			sendDatagram: (data, to) => this.#transport.sendDatagram(data, to),
			isOwn: ownSockets(host, ports, now, interfaces),
			reflector: natTest === undefined ? undefined : new Reflector(natTest, limits, now),
			emit: (status) => this.#feed.emit(status),
		});
	}

	#admitted(session: Session): void {
		this.#presence.set(session.peer);
		this.#feed.emit({ type: "connected", client: session.info() });
		if (!this.#options.endAtExpiry || this.#clientTrust.roots === undefined) return;
		const expired = (): void => session.end(CLOSE_CODES.CERTIFICATE_EXPIRED, "the Client's certificate has expired");
		atExpiry(session.connection, this.#runtime.clock, expired);
	}

	#ended(session: Session): void {
		this.#channels.left(session);
		if (this.#registry.free(session.id, session)) {
			this.#presence.delete(session.id);
			this.#kept.leases.release(session.id, session.fingerprint, this.#runtime.clock.now());
		}
		this.#broadcasts.sessionEnded(session);
		void session.connection.closed.then((info) => {
			this.#feed.emit({ type: "disconnected", id: session.id, fingerprint: session.fingerprint, info: closeInfoOf(info, "PEER_LOST") });
		});
	}

	#onStream(session: Session, incoming: IncomingStream): void {
		const { limits } = this.#options;
		if (incoming.header.kind !== FRAME.OPEN) return incoming.refuse(RESET_CODES.HEADER_INVALID);
		const open = decodeOpenToCoordinator(incoming.header.payload, limits.metadataBytes);
		if (!open.ok) return rejectStream(incoming, "PROTOCOL_ERROR", open.error);
		if (this.#state.type !== "open") return rejectStream(incoming, "COORDINATOR_CLOSED", "the Coordinator is stopping");
		const { to, watch, id, protocol, broadcast } = open.value;
		if (broadcast !== undefined) return this.#join(session, incoming, broadcast);
		if (to !== undefined) return proxyStream(incoming, open.value, session, this.#registry.find(to), this.#transport, limits);
		if (watch !== undefined) return this.#watch(session, incoming);
		const refusal = this.#reception.refusal(protocol);
		if (refusal !== undefined) return rejectStream(incoming, refusal.code, refusal.reason);
		const stream = acceptMessageStream(incoming, this.#init(session, open.value, describeStream(id, "from", session.id)));
		this.#streams.add(stream);
		this.#count(session, stream);
		this.#reception.take(stream);
	}

	#watch(session: Session, incoming: IncomingStream): void {
		if (!session.capabilities.includes(PRESENCE_CAPABILITY)) return rejectStream(incoming, "PROTOCOL_ERROR", notListed(PRESENCE_CAPABILITY));
		this.#presence.watch(session, incoming);
	}

	#join(session: Session, incoming: IncomingStream, open: BroadcastOpen): void {
		if (!session.capabilities.includes(BROADCAST_CAPABILITY)) return rejectStream(incoming, "PROTOCOL_ERROR", notListed(BROADCAST_CAPABILITY));
		session.used = true;
		this.#broadcasts.join(session, incoming, open);
	}

	#init(session: Session, { id, metadata, protocol }: OpenDirect, describe: string): StreamInit {
		const { limits } = this.#options;
		return { peer: session.id, id, path: "direct", metadata, protocol, limits, describe, lostCode: "PEER_LOST", clock: this.#runtime.clock };
	}

	#count(session: Session, stream: MessageStream): void {
		session.used = true;
		session.streams++;
		void stream.closed.then(() => session.streams--);
	}

	#find(peer: string, action: string): Session {
		checkId(peer, action);
		const session = this.#registry.find(peer);
		if (session === undefined) throw new ConecError("PEER_UNKNOWN", `${action}: peer is not connected`, { peer });
		return session;
	}
}

/** How much a Coordinator keeps; all of it is 0 when nobody is connected, and nobody has been for two minutes. */
export interface CoordinatorCensus {
	readonly clients: number;
	/** Its own, not those that it proxies. */
	readonly streams: number;
	readonly broadcasts: number;
	/** Attempts, reports, and what may still be sent to which address. */
	readonly channels: number;
	readonly watches: number;
	/** Handlers of protocols that have not ended. */
	readonly handlers: number;
}

/** Counts what a Coordinator keeps; for tests. */
export function censusOfCoordinator(coordinator: Coordinator): CoordinatorCensus {
	return count(coordinator);
}

/** What a Coordinator is made of once its socket is bound. */
interface CoordinatorParts {
	readonly options: ResolvedCoordinatorOptions;
	readonly runtime: Runtime;
	readonly transport: Transport;
	/** The second port and its companion, or why there are none. */
	readonly natTest: NatTestSockets | ConecError;
	readonly identity: LocalIdentity;
	readonly clientTrust: Trust;
	readonly deny: ReadonlySet<string>;
	readonly kept: CoordinatorState;
}

/** {@link Coordinator.listen} in any runtime, or on any transport and for the rest the machine's. */
export async function listenOn(on: Runtime | TransportFactory, options: CoordinatorOptions = {}): Promise<Coordinator> {
	const runtime = runtimeOf(on);
	const { createTransport } = runtime;
	const resolved = resolveCoordinatorOptions(options);
	const deny = denyList(options.deny);
	const trust = clientTrust(options.clientCa);
	const { host, port, limits, congestion, keyLog } = resolved;
	const kept = await openState(options.stateDirectory, limits, runtime.clock);
	let transport: Transport | undefined;
	let natTest: NatTestSockets | ConecError | undefined;
	try {
		const identity = runtime.identity ?? (await coordinatorIdentity(options, resolved.names));
		// The same key after a restart, so that Clients learn at once that their connection is gone (RFC 9000, 10.3).
		const statelessResetKey = new Uint8Array(hkdfSync("sha256", identity.privateKey, "", "conec stateless reset", 32));
		transport = createTransport({ host, port, limits, role: "coordinator", congestion, keyLog, statelessResetKey });
		natTest = bindNatTestSockets(createTransport, resolved);
		return construct({ options: resolved, runtime, transport, natTest, identity, clientTrust: trust, deny, kept });
	} catch (error) {
		transport?.destroy();
		if (natTest !== undefined && !isConecError(natTest)) for (const socket of [natTest.echo, natTest.test]) socket.destroy();
		kept.destroy();
		throw error;
	}
}

function checkId(id: string, action: string): void {
	const problem = idProblem(id);
	if (problem !== undefined) throw argumentError("type", "ID_INVALID", `${action}: the id ${problem}`);
}

/** For the notice to be repeated where it was lost: it is not acknowledged. */
const DRAIN_MS = 250;

/** Saving the leases may take this long even when everything before it took all the time there was. */
const MIN_SAVE_MS = 100;

const notListed = (capability: string): string => `"${capability}" is not among the capabilities of the hello`;

const DENIED = "its key is on the deny list";

const STOPPING = "the Coordinator stops";

function coordinatorClosed(action: string): ConecError {
	return new ConecError("COORDINATOR_CLOSED", `${action}: the Coordinator is closed`);
}
