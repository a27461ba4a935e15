/**
 * The Client.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import { RateLimit } from "../base/rate-limit.ts";
import { within } from "../base/signals.ts";
import { argumentError, ConecError, type ConecErrorCode, isConecError } from "../errors.ts";
import type { ClientLimits } from "../limits.ts";
import { describeStream } from "../session/describe-stream.ts";
import { checkOpenStreamOptions, type OpenStreamOptions } from "../session/open-stream-options.ts";
import type { PathReport } from "../session/path-report.ts";
import type { PeerInfo } from "../session/peer-info.ts";
import type { PresenceEvent } from "../session/presence-event.ts";
import { type HandlerFailed, type Handling, type ProtocolHandler, Reception, type Refusal } from "../session/protocols/index.ts";
import { type Lookup, type RouteCheck, type Runtime, runtimeOf } from "../session/runtime.ts";
import { StatusFeed, type StatusLagged } from "../session/status-feed.ts";
import { StreamIds } from "../session/stream-ids.ts";
import type { TransportFactory, TransportFactoryOptions } from "../session/transport-factory.ts";
import type { BroadcastOptions, BroadcastStream } from "../stream/broadcast-stream.ts";
import type { CloseInfo } from "../stream/close-info.ts";
import type { MessageStream } from "../stream/message-stream.ts";
import { acceptMessageStream, rejectStream } from "../stream/open-stream.ts";
import type { LocalIdentity } from "../tls/identity.ts";
import type { IncomingStream, SocketAddress, Transport } from "../transport/transport.ts";
import { DIRECT_CAPABILITY } from "../wire/channel-messages.ts";
import { CLOSE_CODES, RESET_CODES } from "../wire/codes.ts";
import { decodeDatagram } from "../wire/datagrams.ts";
import { FRAME } from "../wire/frames.ts";
import { idProblem } from "../wire/ids.ts";
import type { JsonValue } from "../wire/json.ts";
import { decodeOpenDirect } from "../wire/open.ts";
import type { BroadcastMembers } from "./broadcast/index.ts";
import { ClientBroadcasts } from "./broadcast/index.ts";
import type { Channel, DirectChannel } from "./channel/index.ts";
import type { ClientChannelStatus } from "./direct/index.ts";
import { channelTimeoutMs, DirectChannels } from "./direct/index.ts";
import { type OwnNat, OwnNetwork } from "./network/index.ts";
import { type ClientOptions, clientIdentity, type ResolvedClientOptions, resolveClientOptions } from "./options.ts";
import { directForAuto, explainPath } from "./paths/index.ts";
import { ClientPresence } from "./presence/index.ts";
import type { Greeted } from "./uplink/index.ts";
import { CoordinatorLink, reachCoordinator, routeProblem } from "./uplink/index.ts";

/** What happens at a Client. */
export type ClientStatus =
	/** There is a connection to the Coordinator, which sees this Client at `observedAddress`. */
	| { readonly type: "connected"; readonly observedAddress: SocketAddress }
	/** The Coordinator sees this Client at another address now. */
	| { readonly type: "moved"; readonly observedAddress: SocketAddress }
	/** The Coordinator has said that it stops, and why: it opens no more streams, and the connection ends within seconds. */
	| { readonly type: "draining"; readonly reason: string }
	/** There is none any more; streams through it have failed. Direct channels go on. */
	| { readonly type: "disconnected"; readonly info: CloseInfo }
	| ClientChannelStatus
	| HandlerFailed
	/** This listener was too slow. */
	| StatusLagged;

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
	readonly #limits: ClientLimits;
	readonly #clock: Clock;
	/** What {@link openChannel} may take. */
	readonly #channelTimeoutMs: number;
	readonly #transport: Transport;
	readonly #link: CoordinatorLink;
	readonly #direct: DirectChannels;
	readonly #network: OwnNetwork;
	readonly #presence: ClientPresence;
	readonly #broadcasts: ClientBroadcasts;
	readonly #reception: Reception;
	readonly #feed: StatusFeed<ClientStatus>;
	/** Anybody can send what looks like a challenge of the Coordinator, and each answer takes room on the control stream. */
	readonly #echoes: RateLimit = new RateLimit(ECHOES_PER_SECOND);
	#state: ClientState = { type: "open" };
	#resolveClosed: (info: CloseInfo) => void = () => undefined;

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
		const { limits } = options;
		const { clock, random, createTransport } = runtime;
		this.#clock = clock;
		this.#channelTimeoutMs = channelTimeoutMs(options);
		this.id = options.id;
		this.fingerprint = identity.fingerprint;
		this.#limits = limits;
		this.#transport = transport;
		this.#reception = new Reception({ owner: "the peer", limits, clock, handlers: options.handlers, failed: (failure) => this.#feed.emit(failure) });
		this.incomingStreams = this.#reception.incoming;
		this.#feed = new StatusFeed(limits.statusEvents);
		this.closed = new Promise((resolve) => {
			this.#resolveClosed = resolve;
		});
		const ids = new StreamIds();
		this.#network = new OwnNetwork(transport, runtime);
		this.#direct = new DirectChannels({
			...options,
			identity,
			ids,
			clock,
			random,
			transport,
			createTransport,
			transportOptions,
			network: this.#network,
			link: () => (this.#link.state === "over" ? undefined : this.#link),
			consents: async (peer) => {
				try {
					return await options.acceptChannel({
						id: peer.id,
						fingerprint: peer.fingerprint,
						...(peer.metadata === undefined ? {} : { metadata: peer.metadata }),
					});
				} catch {
					return false;
				}
			},
			onStream: (incoming, channel) => this.#onDirectStream(incoming, channel),
			emit: (status) => this.#feed.emit(status),
			lessLeft: () => this.#endIfNothingIsLeft(),
		});
		this.#broadcasts = new ClientBroadcasts({ limits, ids, clock, link: () => this.#link, assertConnected: (action) => this.#assertConnected(action) });
		this.#presence = new ClientPresence({
			link: () => this.#link,
			limits,
			ids,
			clock,
			assertOpen: (action) => this.#assertConnected(action),
		});
		this.#link = new CoordinatorLink({
			greeted,
			limits,
			ids,
			clock,
			endAtExpiry: options.endAtExpiry && options.trust.roots !== undefined,
			events: {
				draining: (reason) => this.#feed.emit({ type: "draining", reason }),
				channel: (message) => {
					if (message.type === "address") this.#moved(message.observedAddress);
					this.#direct.received(message);
				},
				refusal: (protocol) => this.#refusal(protocol),
				accepted: (stream) => this.#reception.take(stream),
				lost: (info) => this.#lost(info),
			},
		});
		transport.onDatagram = (data, from) => this.#onDatagram(data, from);
		if (this.#link.can(DIRECT_CAPABILITY)) {
			this.#network.look(this.#link);
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
	async openStream(peer: string, options: OpenStreamOptions = {}): Promise<MessageStream> {
		checkOpenStreamOptions(options, this.#limits.metadataBytes);
		const action = `Cannot open stream to ${JSON.stringify(peer)}`;
		checkId(peer, action);
		options.signal?.throwIfAborted();
		this.#assertOpen(action);
		const { path = "auto", signal } = options;
		// One deadline over all of it: the channel, if one comes about first, and the stream.
		const clock = this.#clock;
		const untilMs = clock.now() + (path === "direct" ? this.#channelTimeoutMs : this.#limits.requestTimeoutMs);
		const left = (): number => Math.max(0, untilMs - clock.now());
		if (path === "direct") {
			const opened = await this.#channel(peer, signal, action);
			return await opened.openStream(options, Math.min(left(), this.#limits.requestTimeoutMs));
		}
		const channel = path === "proxied" || peer === this.id ? undefined : await directForAuto(peer, this.#direct, this.#link, signal, this.#clock);
		if (channel !== undefined) {
			try {
				return await channel.openStream(options, left());
			} catch (error) {
				// Its path has just broken; the Coordinator is still there, unless it is not.
				if (!isConecError(error) || !["PEER_LOST", "CHANNEL_CLOSED"].includes(error.code) || this.#link.state !== "open") throw error;
			}
		}
		this.#assertConnected(action);
		const stream = await this.#link.openStream(peer, options, left());
		if (path === "auto" && peer !== this.id && this.#link.can(DIRECT_CAPABILITY)) this.#direct.background.opened(peer, stream.closed);
		return stream;
	}

	/**
	 * Opens a stream to the Coordinator itself; `stream.peer` is null there.
	 *
	 * Rejects like {@link openStream}, but never with `PEER_UNKNOWN` or `DIRECT_UNAVAILABLE`; `COORDINATOR_CLOSED` while it stops.
	 */
	async openCoordinatorStream(options: OpenStreamOptions = {}): Promise<MessageStream> {
		checkOpenStreamOptions(options, this.#limits.metadataBytes);
		options.signal?.throwIfAborted();
		this.#assertConnected("Cannot open stream to the Coordinator");
		return await this.#link.openStream(null, options);
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
		this.#assertOpen("Cannot handle a protocol");
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
	async openChannel(peer: string, options: { readonly signal?: AbortSignal } = {}): Promise<Channel> {
		const action = `Cannot open direct channel to ${JSON.stringify(peer)}`;
		checkId(peer, action);
		options.signal?.throwIfAborted();
		this.#assertOpen(action);
		return await this.#channel(peer, options.signal, action);
	}

	/** Live direct channels, whoever opened them. */
	channels(): Channel[] {
		return this.#direct.channels();
	}

	/** How a peer is reached and why so: the path, the addresses tried, what is known of the NATs, the round trip. At once, from what this Client knows. Throws TypeError `ID_INVALID`. */
	explain(peer: string): PathReport {
		checkId(peer, `Cannot explain the path to ${JSON.stringify(peer)}`);
		const { memory } = this.#direct;
		return explainPath({
			id: this.id,
			peer,
			proxied: this.#link.state === "open" ? true : this.#link.state === "draining" ? "the Coordinator is stopping" : "the Coordinator is lost",
			arranged: this.#link.can(DIRECT_CAPABILITY),
			channel: this.#direct.find(peer),
			last: memory.attempt(peer),
			hopeless: memory.hopeless(peer),
			trying: this.#direct.trying(peer),
			ownNat: this.#network.nat,
			silentPort: this.#network.secondPortIsSilent,
		});
	}

	/**
	 * {@link explain}, when an attempt at a direct channel to that peer that is under way has ended: within 10 s (15 s with `birthday`).
	 *
	 * Rejects with TypeError `ID_INVALID`, or `signal.reason`; then the attempt is given up, unless somebody else waits for it.
	 */
	async explainSettled(peer: string, options: { readonly signal?: AbortSignal } = {}): Promise<PathReport> {
		checkId(peer, `Cannot explain the path to ${JSON.stringify(peer)}`);
		options.signal?.throwIfAborted();
		await this.#direct.settled(peer, options.signal);
		return this.explain(peer);
	}

	/** What is known of the NAT in front of this Client, once its look at it is over: within a second or so of connecting, or six round trips if they are longer. */
	async nat(): Promise<OwnNat> {
		return await this.#network.known();
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
		if (this.#state.type === "over") return this.#feed.listen();
		if (this.#state.type === "disconnected") return this.#feed.listen({ type: "disconnected", info: this.#state.info });
		return this.#feed.listen({ type: "connected", observedAddress: this.#link.observedAddress });
	}

	/**
	 * Leaves: tells handlers of protocols to end, and waits at most 2 s (`limits.lingerMs`) for those that have a stream; tells the
	 * Coordinator and the peers on direct channels, waits at most 2 s for streams that the application closed, resets all others with `CLIENT_CLOSED`, and frees the id. At most 3 s (`limits.closeTimeoutMs`). Idempotent.
	 * Resolves when the news has left this machine. For a moment more the socket is kept, to repeat it to a side that did not hear it;
	 * nobody has to wait for that, and it keeps no process alive.
	 */
	close(): Promise<void> {
		// The state comes first: what is told while things end must find it.
		if (this.#state.type === "open" || this.#state.type === "disconnected")
			this.#state = { type: "closing", done: Promise.resolve().then(() => this.#close()) };
		return this.#state.type === "closing" ? this.#state.done : Promise.resolve();
	}

	/** Ends everything at once; data on its way may be lost. */
	destroy(error?: Error): void {
		const code = isConecError(error) ? { code: error.code } : {};
		this.#over({ by: "local", ...code, ...(error === undefined ? {} : { reason: error.message }) }, clientClosed("Cannot go on"));
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.close();
	}

	async #channel(peer: string, signal: AbortSignal | undefined, action: string): Promise<DirectChannel> {
		const live = this.#direct.find(peer);
		if (live !== undefined) return live;
		if (peer === this.id) throw new ConecError("DIRECT_UNAVAILABLE", `${action}: there is no direct channel to oneself`, { peer });
		this.#assertConnected(action);
		if (!this.#link.can(DIRECT_CAPABILITY)) throw new ConecError("DIRECT_UNAVAILABLE", `${action}: the Coordinator arranges none`, { peer });
		return await this.#direct.connect(peer, { signal });
	}

	async #close(): Promise<void> {
		if (this.#state.type !== "closing") return;
		const { lingerMs, closeTimeoutMs } = this.#limits;
		const clock = this.#clock;
		const deadline = clock.now() + closeTimeoutMs;
		const error = clientClosed("Cannot go on");
		this.#reception.close(error, RESET_CODES.CLIENT_CLOSED);
		this.#presence.end(error);
		await this.#reception.settled();
		if (this.#state.type !== "closing") return;
		const leavingMs = Math.max(0, deadline - clock.now());
		const how = { error, wireCode: RESET_CODES.CLIENT_CLOSED, lingerMs: Math.min(lingerMs, leavingMs) };
		await within(leavingMs, Promise.all([this.#direct.close(error), this.#link.state === "over" ? undefined : this.#link.leave(LEAVING, how)]), clock);
		const left = Math.max(0, deadline - clock.now());
		// For the notice to be repeated where it was lost, as it is not acknowledged; nobody waits for that.
		const drainMs = Math.min(left, Math.max(MIN_DRAIN_MS, 4 * this.#link.rttMs));
		await within(left, this.#transport.close(CLOSE_CODES.CLIENT_CLOSED, LEAVING, drainMs, "sent"), clock);
		this.#over({ by: "local" }, error);
	}

	/** The connection to the Coordinator has ended. */
	#lost(info: CloseInfo): void {
		if (this.#state.type === "over") return;
		// While closing it is our own doing, or has come a moment earlier than that.
		if (this.#state.type === "closing" && info.by === "local") return;
		this.#feed.emit({ type: "disconnected", info });
		const code = info.code === "SUPERSEDED" ? "SUPERSEDED" : "COORDINATOR_LOST";
		const error = new ConecError(code, `Lost the Coordinator${info.reason === undefined ? "" : `: ${info.reason}`}`);
		const closing = this.#state.type === "closing";
		// A key that is not welcome any more has no channels either: its peers may be where nobody can tell them.
		const unwelcome = code === "SUPERSEDED" || (info.by === "peer" && info.code === "CERTIFICATE_REFUSED");
		if (unwelcome || (closing && this.#direct.idle)) return this.#over(info, error);
		// Direct channels are closed as gracefully as ever.
		if (closing) return this.#link.destroy(error, RESET_CODES.NONE);
		this.#state = { type: "disconnected", info, error };
		this.#network.stop();
		this.#link.destroy(error, RESET_CODES.NONE);
		this.#presence.end(error);
		this.#direct.coordinatorLost(error);
		this.#endIfNothingIsLeft();
	}

	#endIfNothingIsLeft(): void {
		if (this.#state.type === "disconnected" && this.#direct.idle) this.#over(this.#state.info, this.#state.error);
	}

	/** The end of it all; everything that waits is told. */
	#over(info: CloseInfo, error: ConecError): void {
		if (this.#state.type === "over") return;
		this.#state = { type: "over", code: error.code };
		this.#network.stop();
		if (error.code === "CLIENT_CLOSED") this.#reception.close(error, RESET_CODES.CLIENT_CLOSED);
		else this.#reception.destroy(error, RESET_CODES.NONE);
		this.#presence.end(error);
		this.#link.destroy(error, RESET_CODES.CLIENT_CLOSED);
		this.#direct.destroy(error);
		this.#transport.onDatagram = undefined;
		void this.#transport.close(CLOSE_CODES.CLIENT_CLOSED, info.reason ?? LEAVING, 0).catch(() => undefined);
		this.#feed.end();
		this.#resolveClosed(info);
	}

	#moved(observedAddress: SocketAddress): void {
		this.#link.observedAddress = observedAddress;
		this.#network.look(this.#link);
		this.#feed.emit({ type: "moved", observedAddress });
	}

	#onDatagram(data: Uint8Array, from: SocketAddress): void {
		const datagram = decodeDatagram(data);
		if (!datagram.ok || this.#state.type === "over") return;
		const { content } = datagram.value;
		if (content.type === "probe" || content.type === "answer") return this.#direct.datagram(datagram.value, from);
		if (content.type !== "challenge") return this.#network.datagram(datagram.value);
		const { address, port } = this.#link.connection.remoteAddress;
		if (from.address !== address || from.port !== port || !this.#echoes.take(this.#clock.now())) return;
		this.#link.send({ type: "address-echo", nonce: content.nonce });
	}

	#onDirectStream(incoming: IncomingStream, channel: DirectChannel): void {
		if (incoming.header.kind !== FRAME.OPEN) return incoming.refuse(RESET_CODES.HEADER_INVALID);
		if (!channel.takesStreams && this.#state.type !== "closing") return incoming.refuse(RESET_CODES.CHANNEL_CLOSED);
		const open = decodeOpenDirect(incoming.header.payload, this.#limits.metadataBytes);
		if (!open.ok) return rejectStream(incoming, "PROTOCOL_ERROR", open.error);
		const refusal = this.#refusal(open.value.protocol);
		if (refusal !== undefined) return rejectStream(incoming, refusal.code, refusal.reason);
		// The name is that of the connection; what the header may say is not looked at.
		const stream = acceptMessageStream(incoming, channel.init(open.value, describeStream(open.value.id, "from", channel.peer)));
		channel.add(stream);
		this.#reception.take(stream);
	}

	#refusal(protocol: string | undefined): Refusal | undefined {
		if (this.#state.type === "closing" || this.#state.type === "over") return { code: "CLIENT_CLOSED", reason: "the Client is leaving" };
		return this.#reception.refusal(protocol);
	}

	/** Streams can be opened, on some path. */
	#assertOpen(action: string): void {
		if (this.#state.type === "open" || this.#state.type === "disconnected") return;
		if (this.#state.type === "over" && this.#state.code !== "CLIENT_CLOSED") throw new ConecError(this.#state.code, `${action}: the Coordinator is lost`);
		throw clientClosed(action);
	}

	/** The Coordinator is there. */
	#assertConnected(action: string): void {
		this.#assertOpen(action);
		if (this.#state.type === "disconnected") throw new ConecError(this.#state.error.code, `${action}: the Coordinator is lost`);
		if (this.#link.state === "draining") throw new ConecError("COORDINATOR_CLOSED", `${action}: the Coordinator is stopping`);
	}
}

type ClientState =
	| { readonly type: "open" }
	/** The Coordinator is gone; direct channels are not. */
	| { readonly type: "disconnected"; readonly info: CloseInfo; readonly error: ConecError }
	| { readonly type: "closing"; readonly done: Promise<void> }
	| { readonly type: "over"; readonly code: ConecErrorCode };

/** {@link Client.connect} in any runtime, or on any transport and for the rest the machine's; `lookup` and `route` replace the resolver and the check of routes. */
export async function connectOn(on: Runtime | TransportFactory, options: ClientOptions, lookup?: Lookup, route?: RouteCheck): Promise<Client> {
	const runtime = runtimeOf(on, { ...(lookup === undefined ? {} : { lookup }), ...(route === undefined ? {} : { route }) });
	const startedAtMs = runtime.clock.now();
	const resolved = resolveClientOptions(options);
	resolved.signal?.throwIfAborted();
	const identity = runtime.identity ?? (await clientIdentity(options));
	resolved.signal?.throwIfAborted();
	const { localAddress, limits, keepAliveIntervalMs, congestion, keyLog } = resolved;
	const transportOptions: TransportFactoryOptions = { host: localAddress, port: 0, limits, role: "client", keepAliveIntervalMs, congestion, keyLog };
	const transport = runtime.createTransport(transportOptions);
	try {
		const greeted = await reachCoordinator(transport, identity, resolved, runtime, startedAtMs);
		return construct({ options: resolved, runtime, identity, transport, transportOptions, greeted });
	} catch (error) {
		transport.destroy();
		throw error;
	}
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

/** What a Client is made of once it is welcome. */
interface ClientParts {
	readonly options: ResolvedClientOptions;
	readonly runtime: Runtime;
	readonly identity: LocalIdentity;
	readonly transport: Transport;
	readonly transportOptions: TransportFactoryOptions;
	readonly greeted: Greeted;
}

const MIN_DRAIN_MS = 20;

/** A Coordinator sends two challenges for each new address. */
const ECHOES_PER_SECOND = 8;

const LEAVING = "the Client leaves";

function checkId(peer: string, action: string): void {
	const problem = idProblem(peer);
	if (problem !== undefined) throw argumentError("type", "ID_INVALID", `${action}: the id ${problem}`);
}

function clientClosed(action: string): ConecError {
	return new ConecError("CLIENT_CLOSED", `${action}: the Client is closed`);
}
