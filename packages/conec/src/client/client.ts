/**
 * The Client.
 *
 * @module
 */

import type { OpenStreamOptions } from "../session/open-stream-options.ts";
import type { PathReport } from "../session/path-report.ts";
import type { PeerInfo } from "../session/peer-info.ts";
import type { PresenceEvent } from "../session/presence-event.ts";
import { type Handling, type ProtocolHandler, Reception } from "../session/protocols/index.ts";
import { type Lookup, type RouteCheck, type Runtime, runtimeOf } from "../session/runtime.ts";
import { StatusFeed } from "../session/status-feed.ts";
import { StreamIds } from "../session/stream-ids.ts";
import type { TransportFactory } from "../session/transport-factory.ts";
import type { BroadcastOptions, BroadcastStream } from "../stream/broadcast-stream.ts";
import type { CloseInfo } from "../stream/close-info.ts";
import type { MessageStream } from "../stream/message-stream.ts";
import type { SocketAddress } from "../transport/transport.ts";
import { DIRECT_CAPABILITY } from "../wire/channel-messages.ts";
import { RESET_CODES } from "../wire/codes.ts";
import type { JsonValue } from "../wire/json.ts";
import { beginClient, type ClientParts } from "./begin.ts";
import { type BroadcastMembers, ClientBroadcasts } from "./broadcast/index.ts";
import type { Channel } from "./channel/index.ts";
import { datagramsTo } from "./datagrams.ts";
import { channelTimeoutMs, consentOf, DirectChannels } from "./direct/index.ts";
import { ClientLife } from "./life.ts";
import { type OwnNat, OwnNetwork } from "./network/index.ts";
import type { ClientOptions } from "./options.ts";
import { ClientPaths } from "./paths/index.ts";
import { ClientPresence } from "./presence/index.ts";
import type { ClientStatus } from "./status.ts";
import { ClientStreams } from "./streams/index.ts";
import { CoordinatorLink, routeProblem } from "./uplink/index.ts";

/** The way to the private constructor; set by the class. */
let construct: (parts: ClientParts) => Client;
let count: (client: Client) => ClientCensus;

/** A participant with an id, connected to its Coordinator. */
export class Client implements AsyncDisposable {
	/** Its name among the peers. */
	readonly id: string;
	/** `sha256:<hex>` of the SubjectPublicKeyInfo of its certificate. */
	readonly fingerprint: string;
	/** Accepted streams without a protocol that peers and the Coordinator opened, on any path. One consumer at a time; `break` releases it. Ends after `close`; fails when the Coordinator and all direct channels are lost. */
	readonly incomingStreams: AsyncIterable<MessageStream>;
	/** How it ended: closed, destroyed, superseded, denied (`CERTIFICATE_REFUSED`), or disconnected with no direct channel left. Never rejects. */
	readonly closed: Promise<CloseInfo>;
	readonly #life: ClientLife;
	readonly #link: CoordinatorLink;
	readonly #direct: DirectChannels;
	readonly #network: OwnNetwork;
	readonly #presence: ClientPresence;
	readonly #broadcasts: ClientBroadcasts;
	readonly #paths: ClientPaths;
	readonly #reception: Reception;
	readonly #feed: StatusFeed<ClientStatus>;

	/**
	 * Connects to the Coordinator and resolves when it has said welcome, within 10 s (`limits.requestTimeoutMs`). Aborting
	 * rejects with `signal.reason` and leaves nothing behind; once connected it has no effect.
	 *
	 * Rejects with TypeError or RangeError `OPTION_INVALID`, TypeError `ID_INVALID`; `HOST_UNRESOLVABLE`,
	 * `COORDINATOR_UNREACHABLE`, `PIN_MISMATCH`, `CERTIFICATE_*`, `PROTOCOL_UNSUPPORTED`, `VERSION_UNSUPPORTED`,
	 * `PROTOCOL_ERROR`, `ID_TAKEN`, `ID_CONTENDED`, `SUPERSEDED`, `LIMIT_EXCEEDED`, `COORDINATOR_CLOSED`, `CONNECTION_LOST`,
	 * `STATE_DIRECTORY_INVALID`, `ADDRESS_UNAVAILABLE`, `QUIC_UNAVAILABLE`.
	 */
	static async connect(options: ClientOptions): Promise<Client> {
		const { createQuicTransport } = await import("../transport/quic/index.ts");
		return await connectOn(createQuicTransport, options, undefined, routeProblem);
	}

	static {
		construct = (parts) => new Client(parts);
		count = (client) => ({
			streams: client.#link.streams.size,
			direct: client.#direct.size,
			presence: client.#presence.size,
			requests: client.#link.requests.size,
			handlers: client.#reception.running,
		});
	}

	private constructor({ options, runtime, identity, transport, transportOptions, greeted }: ClientParts) {
		const { id, limits } = options;
		const { clock, random, createTransport } = runtime;
		this.id = id;
		this.fingerprint = identity.fingerprint;
		const ids = new StreamIds();
		const link = (): CoordinatorLink => this.#link;
		const feed = new StatusFeed<ClientStatus>(limits.statusEvents);
		const network = new OwnNetwork(transport, runtime);
		const reception = new Reception({ owner: "the peer", limits, clock, handlers: options.handlers, failed: (failure) => feed.emit(failure) });
		const streams = new ClientStreams(limits, reception, () => this.#life.leaving);
		const life = new ClientLife({
			...{ limits, clock, transport, link },
			direct: () => this.#direct,
			closing: (error) => {
				streams.end(error);
				this.#link.endRequests(error);
				this.#presence.end(error);
				return reception.settled();
			},
			lost: (error) => {
				network.stop();
				this.#link.destroy(error, RESET_CODES.NONE);
				this.#presence.end(error);
				this.#direct.coordinatorLost(error);
			},
			feed,
		});
		const assertOpen = (action: string): void => life.assertOpen(action);
		const assertConnected = (action: string): void => life.assertConnected(action);
		this.#life = life;
		this.#feed = feed;
		this.#network = network;
		this.#reception = reception;
		this.incomingStreams = reception.incoming;
		this.#direct = new DirectChannels({
			...options,
			...{ identity, ids, clock, random, transport, createTransport, transportOptions, network },
			link: () => (this.#link.state === "over" ? undefined : this.#link),
			consents: consentOf(options.acceptChannel),
			onStream: (incoming, channel) => streams.onChannel(incoming, channel),
			emit: (status) => feed.emit(status),
			lessLeft: () => life.endIfNothingIsLeft(),
		});
		this.#broadcasts = new ClientBroadcasts({ limits, ids, clock, link, assertConnected });
		this.#presence = new ClientPresence({ limits, ids, clock, link, assertConnected });
		this.#paths = new ClientPaths({
			...{ id, limits, clock, channelTimeoutMs: channelTimeoutMs(options) },
			...{ direct: this.#direct, network, link, assertOpen, assertConnected },
		});
		this.#link = new CoordinatorLink({
			...{ greeted, limits, ids, clock },
			endAtExpiry: options.endAtExpiry && options.trust.roots !== undefined,
			events: {
				draining: (reason) => feed.emit({ type: "draining", reason }),
				channel: (message) => {
					if (message.type === "address") this.#moved(message.observedAddress);
					this.#direct.received(message);
				},
				refusal: (protocol) => streams.refusal(protocol),
				accepted: (stream) => streams.take(stream),
				lost: (info) => life.lost(info),
			},
		});
		transport.onDatagram = datagramsTo(this.#direct, network, link, () => clock.now());
		this.closed = life.closed;
		// What is given last ends first.
		life.own(({ error }) => this.#direct.destroy(error));
		life.own(({ error }) => this.#link.destroy(error, RESET_CODES.CLIENT_CLOSED));
		life.own(({ error }) => this.#presence.end(error));
		life.own(({ error }) => streams.end(error));
		life.own(() => network.stop());
		if (this.#link.can(DIRECT_CAPABILITY)) {
			network.look(this.#link);
			this.#direct.announce();
		}
		// When the application has its Client: what came with the welcome may ask it something.
		clock.soon(() => this.#link.listen());
	}

	/**
	 * Opens a stream to a peer, or to this Client itself. Resolves when the peer's library has accepted it, within 10 s. With
	 * `path: "auto"` it goes over the direct channel to the peer if there is one or one comes about soon (at most 2 s, and no
	 * wait where that has failed lately), else through the Coordinator, and a channel for later streams is tried behind it.
	 *
	 * Rejects with TypeError `ID_INVALID` or `OPTION_INVALID`, RangeError `STREAM_ID_IN_USE`; `PEER_UNKNOWN`, `PEER_BUSY`,
	 * `PROTOCOL_UNHANDLED`, `PEER_LOST`, `PEER_TIMEOUT`, `STREAM_RESET` (by a peer that did so at once), `COORDINATOR_LOST`, `CLIENT_CLOSED`; with
	 * `path: "direct"` also like {@link openChannel};
	 * `signal.reason`, and then the stream is reset.
	 */
	openStream(peer: string, options: OpenStreamOptions = {}): Promise<MessageStream> {
		return this.#paths.openStream(peer, options);
	}

	/**
	 * Opens a stream to the Coordinator itself; `stream.peer` is null there.
	 *
	 * Rejects like {@link openStream}, but never with `PEER_UNKNOWN` or `DIRECT_UNAVAILABLE`; `COORDINATOR_CLOSED` while it stops.
	 */
	openCoordinatorStream(options: OpenStreamOptions = {}): Promise<MessageStream> {
		return this.#paths.openCoordinatorStream(options);
	}

	/**
	 * Has streams of a protocol given to `handler` from now on: those that peers and the Coordinator open with `{ protocol }`, on any path.
	 * See {@link ProtocolHandler} for what becomes of the stream. Handlers that must be there before the first stream go into the options
	 * of {@link connect}. A Client that has lost its Coordinator still handles the streams of its direct channels.
	 *
	 * Throws TypeError `OPTION_INVALID` for a name that is none (1 to 64 of `a-z 0-9 . - /`), for what is no function, and where the
	 * protocol has a handler; `LIMIT_EXCEEDED` beyond `limits.protocols`; `CLIENT_CLOSED`, or what else has ended the Client.
	 */
	handle(protocol: string, handler: ProtocolHandler): Handling {
		this.#life.assertOpen("Cannot handle a protocol");
		return this.#reception.handle(protocol, handler);
	}

	/**
	 * The direct channel to a peer: the live one, or a new one, within 10 s (15 s with `birthday`). Calls at the same time, also
	 * of the peer, share one attempt; calls for many peers wait for their turn. Aborting rejects with `signal.reason`; the attempt goes
	 * on while somebody else waits for it. Where there was no room in time (`LIMIT_EXCEEDED` or `PEER_BUSY` with `retryAfterMs`), the
	 * Client goes on trying for a minute, for later calls.
	 *
	 * Rejects with TypeError `ID_INVALID`; `DIRECT_UNAVAILABLE` (the message says why), `PEER_UNKNOWN`, `PEER_BUSY`, `PEER_LOST`,
	 * `PEER_TIMEOUT`, `LIMIT_EXCEEDED`, `COORDINATOR_LOST`, `COORDINATOR_CLOSED`, `CLIENT_CLOSED`.
	 */
	openChannel(peer: string, options: { readonly signal?: AbortSignal } = {}): Promise<Channel> {
		return this.#paths.openChannel(peer, options.signal);
	}

	/** Live direct channels, whoever opened them. */
	channels(): Channel[] {
		return this.#direct.channels();
	}

	/** How a peer is reached and why so: the path, the addresses tried, what is known of the NATs, the round trip. At once, from what this Client knows. Throws TypeError `ID_INVALID`. */
	explain(peer: string): PathReport {
		return this.#paths.explain(peer);
	}

	/**
	 * {@link explain}, when an attempt at a direct channel to that peer that is under way has ended: within 10 s (15 s with `birthday`).
	 *
	 * Rejects with TypeError `ID_INVALID`, or `signal.reason`; then the attempt is given up, unless somebody else waits for it.
	 */
	explainSettled(peer: string, options: { readonly signal?: AbortSignal } = {}): Promise<PathReport> {
		return this.#paths.explainSettled(peer, options.signal);
	}

	/** What is known of the NAT in front of this Client, once its look at it is over: within a second or so of connecting, or six round trips if they are longer. */
	nat(): Promise<OwnNat> {
		return this.#network.known();
	}

	/**
	 * Everybody who is connected to the Coordinator now, this Client included, in the order in which they came; within 10 s. Calls
	 * at the same time share an answer that is not older than they are.
	 *
	 * Rejects with `PEER_TIMEOUT`, `LIMIT_EXCEEDED` (`limits.presencePeers`, or the Coordinator's `limits.presenceWatches`),
	 * `PROTOCOL_UNSUPPORTED`, `PROTOCOL_ERROR`, `COORDINATOR_LOST`, `COORDINATOR_CLOSED`, `CLIENT_CLOSED`, or `signal.reason`.
	 */
	peers(options: { readonly signal?: AbortSignal } = {}): Promise<PeerInfo[]> {
		return this.#presence.peers(options.signal);
	}

	/**
	 * Who is connected: `members` first, then every `join`, `update` and `leave` in order, this Client's own too. Begins when it is
	 * first read. Who reads too slowly for what is kept gets a new `members` instead of the changes. `break` releases it; it ends with
	 * `close`.
	 *
	 * Rejects like {@link peers}, with `SUPERSEDED` or `COORDINATOR_LOST` when the Coordinator is lost.
	 */
	watchPeers(): AsyncIterable<PresenceEvent> {
		return this.#presence.watch();
	}

	/**
	 * Changes what this Client says about itself; `undefined` takes it back. Resolves when the Coordinator has it, within 10 s. Calls
	 * made while one is under way are sent together: only the last of them counts.
	 *
	 * Rejects with TypeError `OPTION_INVALID`; `LIMIT_EXCEEDED` with `retryAfterMs` (more than 60 a minute), `PEER_TIMEOUT`,
	 * `PROTOCOL_UNSUPPORTED`, `COORDINATOR_LOST`, `COORDINATOR_CLOSED`, `SUPERSEDED`, `CLIENT_CLOSED`.
	 */
	updateMetadata(metadata: JsonValue | undefined): Promise<void> {
		return this.#presence.update(metadata);
	}

	/**
	 * Joins a broadcast: what one member sends, all get, in one order. Resolves when the Coordinator has taken this member, within 10 s.
	 *
	 * Rejects with TypeError `BROADCAST_NAME_INVALID`, TypeError or RangeError `OPTION_INVALID`; `BROADCAST_REFUSED`, `LIMIT_EXCEEDED`,
	 * `PROTOCOL_UNSUPPORTED` if the Coordinator has no broadcasts, `PEER_TIMEOUT`, `COORDINATOR_LOST`, `COORDINATOR_CLOSED`,
	 * `CLIENT_CLOSED`; `signal.reason`.
	 */
	joinBroadcast(name: string, options: BroadcastOptions = {}): Promise<BroadcastStream> {
		return this.#broadcasts.join(name, options);
	}

	/**
	 * How many members a broadcast has; one that sends and receives counts as both. Right at once: when joining or closing has resolved, it counts.
	 *
	 * Rejects with TypeError `BROADCAST_NAME_INVALID`; `BROADCAST_UNKNOWN`, `QUEUE_FULL` beyond 64 calls at once (`limits.requests`),
	 * `PROTOCOL_UNSUPPORTED`, `PEER_TIMEOUT`, `COORDINATOR_LOST`, `COORDINATOR_CLOSED`, `CLIENT_CLOSED`.
	 */
	countBroadcast(name: string): Promise<BroadcastMembers> {
		return this.#broadcasts.count(name);
	}

	/** The present state, then what happens. Bounded (`limits.statusEvents`): a slow listener loses the oldest and hears how many. Ends with the Client; `break` releases it. */
	status(): AsyncIterable<ClientStatus> {
		return this.#feed.listen(...this.#life.present);
	}

	/**
	 * Leaves: tells handlers of protocols to end, and waits at most 2 s (`limits.lingerMs`) for those that have a stream; tells the
	 * Coordinator and the peers on direct channels, waits at most 2 s for streams that the application closed, resets all others with `CLIENT_CLOSED`, and frees the id. At most 3 s (`limits.closeTimeoutMs`). Idempotent.
	 * Resolves when the news has left this machine. For a moment more the socket is kept, to repeat it to a side that did not hear it;
	 * nobody has to wait for that, and it keeps no process alive.
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

	#moved(observedAddress: SocketAddress): void {
		this.#link.observedAddress = observedAddress;
		this.#network.look(this.#link);
		this.#feed.emit({ type: "moved", observedAddress });
	}
}

/** {@link Client.connect} in any runtime, or on any transport and for the rest the machine's; `lookup` and `route` replace the resolver and the check of routes. */
export async function connectOn(on: Runtime | TransportFactory, options: ClientOptions, lookup?: Lookup, route?: RouteCheck): Promise<Client> {
	return await beginClient(runtimeOf(on, { ...(lookup === undefined ? {} : { lookup }), ...(route === undefined ? {} : { route }) }), options, construct);
}

/** How much a Client keeps; all of it is 0 at rest. */
export interface ClientCensus {
	/** Through the Coordinator, broadcasts among them. */
	readonly streams: number;
	/** Channels, what brings them about, and peers that are kept in mind for a minute after the last stream. What is remembered of paths does not count. */
	readonly direct: number;
	/** Watches. */
	readonly presence: number;
	/** Questions to the Coordinator that wait for an answer. */
	readonly requests: number;
	/** Handlers of protocols that have not ended. */
	readonly handlers: number;
}

/** Counts what a Client keeps; for tests. */
export function censusOfClient(client: Client): ClientCensus {
	return count(client);
}
