/**
 * The Coordinator.
 *
 * @module
 */

import { randomHex } from "../base/random.ts";
import { argumentError, ConecError, isConecError } from "../errors.ts";
import { checkId } from "../session/check-id.ts";
import { closeInfoOf } from "../session/close-info-of.ts";
import { atExpiry } from "../session/end-at-expiry.ts";
import { checkOpenStreamOptions, type OpenStreamOptions } from "../session/open-stream-options.ts";
import type { PathReport } from "../session/path-report.ts";
import type { PresenceEvent } from "../session/presence-event.ts";
import { type Handling, type ProtocolHandler, Reception } from "../session/protocols/index.ts";
import { type Runtime, runtimeOf } from "../session/runtime.ts";
import { StatusFeed } from "../session/status-feed.ts";
import type { TransportFactory } from "../session/transport-factory.ts";
import type { CloseInfo } from "../stream/close-info.ts";
import type { MessageStream } from "../stream/message-stream.ts";
import type { SocketAddress } from "../transport/transport.ts";
import { CLOSE_CODES, RESET_CODES } from "../wire/codes.ts";
import { ALPN_COORDINATOR } from "../wire/versions.ts";
import { type AdmissionHost, admit } from "./admission/index.ts";
import { beginCoordinator, type CoordinatorParts } from "./begin.ts";
import { Broadcasts } from "./broadcast/index.ts";
import { type Credentials, type ReloadOptions, reloaded } from "./credentials.ts";
import { dispatchStream } from "./dispatch.ts";
import type { Introductions } from "./introduction/index.ts";
import { createIntroductions } from "./introductions.ts";
import { CoordinatorLife } from "./life.ts";
import type { CoordinatorOptions } from "./options.ts";
import { OwnStreams } from "./own-streams/index.ts";
import { PresenceService } from "./presence/index.ts";
import { type ClientInfo, Registry, type Session } from "./sessions/index.ts";
import type { CoordinatorStatus } from "./status.ts";

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
	readonly #parts: CoordinatorParts;
	readonly #life: CoordinatorLife;
	readonly #registry: Registry<Session>;
	readonly #reception: Reception;
	readonly #streams: OwnStreams;
	readonly #broadcasts: Broadcasts;
	readonly #introductions: Introductions;
	readonly #presence: PresenceService;
	readonly #admission: AdmissionHost;
	readonly #feed: StatusFeed<CoordinatorStatus>;
	#credentials: Credentials;

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
			channels: coordinator.#introductions.size,
			watches: coordinator.#presence.watches,
			handlers: coordinator.#reception.running,
		});
	}

	private constructor(parts: CoordinatorParts) {
		const { options, runtime, transport, kept } = parts;
		const { limits, handlers, broadcastRule: ruleOf } = options;
		const { clock, random } = runtime;
		const epoch = randomHex(random, 16);
		this.#parts = parts;
		this.#credentials = parts.credentials;
		this.address = transport.address;
		const feed = new StatusFeed<CoordinatorStatus>(limits.statusEvents);
		const registry = new Registry<Session>(limits);
		const reception = new Reception({ owner: "the Coordinator", limits, clock, handlers, failed: (failure) => feed.emit(failure) });
		const streams = new OwnStreams(limits, clock, reception);
		const presence = new PresenceService(epoch, limits, clock);
		const broadcasts = new Broadcasts({ limits, ruleOf, transport, clock, random, emit: (status) => feed.emit(status) });
		const life = new CoordinatorLife({
			...{ limits, clock, transport, kept, registry, streams, broadcasts, presence, feed },
			introductions: () => this.#introductions,
		});
		this.#feed = feed;
		this.#registry = registry;
		this.#streams = streams;
		this.#presence = presence;
		this.#broadcasts = broadcasts;
		this.#life = life;
		this.#reception = reception;
		this.incomingStreams = reception.incoming;
		this.#introductions = createIntroductions(parts, {
			find: (id) => registry.find(id),
			closing: () => life.closing,
			denied: (fingerprint) => this.#credentials.deny.has(fingerprint),
			emit: (status) => feed.emit(status),
		});
		const destinations = { limits, transport, find: (id: string) => registry.find(id), closing: () => life.closing, streams, broadcasts, presence };
		this.#admission = {
			...{ limits, runtime, epoch, registry },
			leases: kept.leases,
			clientRoots: () => this.#credentials.clientTrust.roots,
			denied: (fingerprint) => this.#credentials.deny.has(fingerprint),
			closing: () => life.closing,
			admitted: (session) => this.#admitted(session),
			refused: ({ remoteAddress }, { code, message = "" }, id) => feed.emit({ type: "refused", id, address: remoteAddress, code, reason: message }),
			changed: (session) => {
				presence.set(session.peer);
				broadcasts.update(session);
			},
			changeCost: (session) => broadcasts.updateCost(session),
			ended: (session) => this.#ended(session),
			onStream: (session, incoming) => dispatchStream(session, incoming, destinations),
			introductions: this.#introductions,
			onRequest: (session, message) => session.control.send(broadcasts.count(message)),
		};
		this.closed = life.closed;
		// What is given last ends first.
		life.own(() => this.#introductions.end());
		life.own(() => {
			for (const session of [...registry.holders()]) session.forget();
		});
		life.own(() => presence.end());
		life.own(() => broadcasts.end(RESET_CODES.COORDINATOR_CLOSED));
		life.own(({ error }) => streams.destroy(error));
		kept.onProblem = (error) => feed.emit({ type: "state-unsaved", error });
		kept.leases.revoke((fingerprint) => this.#credentials.deny.has(fingerprint));
		this.#accept();
	}

	/** `sha256:<hex>` of the SubjectPublicKeyInfo of its certificate: what Clients may pin. */
	get fingerprint(): string {
		return this.#credentials.identity.fingerprint;
	}

	/** The second UDP port, by which Clients learn what their NAT does; `undefined` where it could not be bound, and then `status()` says why. Stays the same for good, like `address`. */
	get natTestPort(): number | undefined {
		const { natTest } = this.#parts;
		return isConecError(natTest) ? undefined : natTest.echo.address.port;
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
		checkOpenStreamOptions(options, this.#parts.options.limits.metadataBytes);
		options.signal?.throwIfAborted();
		const action = `Cannot open stream to "${peer}"`;
		this.#life.assertOpen(action);
		return await this.#streams.open(this.#find(peer, action), options);
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
		this.#life.assertOpen("Cannot handle a protocol");
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
		this.#life.assertOpen("Cannot reload");
		this.#credentials = reloaded(this.#credentials, options);
		const { deny } = this.#credentials;
		this.#accept();
		this.#parts.kept.leases.revoke((fingerprint) => deny.has(fingerprint));
		if (options.deny !== undefined) this.#introductions.denyListChanged();
		for (const session of [...this.#registry.holders()]) if (deny.has(session.fingerprint)) session.end(CLOSE_CODES.CERTIFICATE_REFUSED, DENIED);
	}

	/**
	 * How two Clients reach each other, as far as they have said: `own` is the first. `undefined` if one of them is not connected.
	 *
	 * @throws TypeError `ID_INVALID`
	 */
	explain(a: string, b: string): PathReport | undefined {
		for (const id of [a, b]) checkId(id, "Cannot explain a path");
		const [own, peer] = [this.#registry.find(a), this.#registry.find(b)];
		return own === undefined || peer === undefined ? undefined : this.#introductions.explain(own, peer);
	}

	/** What happens from now on. Bounded (`limits.statusEvents`): a slow listener loses the oldest and hears how many. Ends with the Coordinator; `break` releases it. */
	status(): AsyncIterable<CoordinatorStatus> {
		const { kept, natTest } = this.#parts;
		const present: CoordinatorStatus[] = [];
		if (kept.remark !== undefined) present.push({ type: "state-lock-weak", error: kept.remark });
		if (isConecError(natTest)) present.push({ type: "nat-test-unavailable", error: natTest });
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
		return this.#life.close();
	}

	/** Ends everything at once; data on its way may be lost. */
	destroy(error?: Error): void {
		this.#life.destroy(error);
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.close();
	}

	/** Takes connections from now on, by the credentials of now. */
	#accept(): void {
		const { options, transport } = this.#parts;
		const { limits, retry, keyLog } = options;
		transport.accept({
			identity: this.#credentials.identity,
			clientTrust: this.#credentials.clientTrust,
			alpnProtocols: [ALPN_COORDINATOR],
			retry,
			undecidedCode: CLOSE_CODES.HELLO_TIMEOUT,
			keyLog,
			connections: limits.clients,
			onConnection: (connection) => admit(connection, this.#admission),
		});
	}

	#admitted(session: Session): void {
		this.#presence.set(session.peer);
		this.#feed.emit({ type: "connected", client: session.info() });
		const { options, runtime } = this.#parts;
		if (!options.endAtExpiry || this.#credentials.clientTrust.roots === undefined) return;
		atExpiry(session.connection, runtime.clock, () => session.end(CLOSE_CODES.CERTIFICATE_EXPIRED, "the Client's certificate has expired"));
	}

	#ended(session: Session): void {
		const { kept, runtime } = this.#parts;
		this.#introductions.left(session);
		if (this.#registry.free(session.id, session)) {
			this.#presence.delete(session.id);
			kept.leases.release(session.id, session.fingerprint, runtime.clock.now());
		}
		this.#broadcasts.sessionEnded(session);
		void session.connection.closed.then((info) => {
			this.#feed.emit({ type: "disconnected", id: session.id, fingerprint: session.fingerprint, info: closeInfoOf(info, "PEER_LOST") });
		});
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

/** {@link Coordinator.listen} in any runtime, or on any transport and for the rest the machine's. */
export async function listenOn(on: Runtime | TransportFactory, options: CoordinatorOptions = {}): Promise<Coordinator> {
	return await beginCoordinator(runtimeOf(on), options, construct);
}

const DENIED = "its key is on the deny list";
