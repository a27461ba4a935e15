/**
 * The Client.
 *
 * @module
 */

import type { CloseInfo } from "../base/close-info.ts";
import type { OpenStreamOptions } from "../session/open-stream-options.ts";
import type { PathReport } from "../session/path-report.ts";
import type { PeerInfo } from "../session/peer-info.ts";
import type { PresenceEvent } from "../session/presence-event.ts";
import type { Handling, ProtocolHandler } from "../session/protocols/index.ts";
import { type Lookup, type RouteCheck, type Runtime, runtimeOf } from "../session/runtime.ts";
import type { BroadcastOptions, BroadcastStream } from "../stream/broadcast-stream.ts";
import type { MessageStream } from "../stream/message-stream.ts";
import type { TransportFactory } from "../transport/transport.ts";
import type { JsonValue } from "../wire/json.ts";
import { beginClient, type ClientParts } from "./begin.ts";
import type { BroadcastMembers } from "./broadcast/index.ts";
import { type ClientCensus, censusOfRooms } from "./census.ts";
import type { Channel } from "./channel/index.ts";
import type { OwnNat } from "./network/index.ts";
import type { ClientOptions } from "./options.ts";
import { presentStatus } from "./present-status.ts";
import { type ClientRooms, makeRooms } from "./rooms.ts";
import type { ClientStatus } from "./status.ts";
import { routeProblem } from "./uplink/index.ts";

/** The way to the private constructor; set by the class. */
let construct: (parts: ClientParts) => Client;
let count: (client: Client) => ClientCensus;

/** A participant with an id. It is connected to a Coordinator, and opens streams to other Clients by their ids. When the connection is lost it comes back by itself, and calls wait for that within their own time (docs/reconnecting.md). */
export class Client implements AsyncDisposable {
	/** The id of this Client. */
	readonly id: string;
	/** `sha256:<hex>` of the SubjectPublicKeyInfo of this Client's certificate. */
	readonly fingerprint: string;
	/** Streams without a protocol that peers and the Coordinator have opened, on any path. They are accepted already. There is one consumer at a time (`ITERATOR_IN_USE`). `break` lets another one begin. The iteration ends after `close`, and fails when the Client ends in another way. */
	readonly incomingStreams: AsyncIterable<MessageStream>;
	/** Resolves when the Client has ended: closed, destroyed, superseded, disconnected or denied by the Coordinator, or given up. A lost connection alone is no end, as the Client comes back. With `reconnect: false` it is, when no direct channel is left. Never rejects. */
	readonly closed: Promise<CloseInfo>;
	readonly #rooms: ClientRooms;

	/**
	 * Connects to the Coordinator. Resolves when the Coordinator has admitted this Client, within 10 s (`limits.requestTimeoutMs`), or later with `waitForFirst`. An abort
	 * rejects with `signal.reason` and leaves nothing behind. Once the Client is connected, the signal has no effect.
	 *
	 * @throws TypeError or RangeError `OPTION_INVALID`; TypeError `ID_INVALID`
	 * @throws ConecError `HOST_UNRESOLVABLE`, `COORDINATOR_UNREACHABLE`, `PIN_MISMATCH`, `CERTIFICATE_*`, `PROTOCOL_UNSUPPORTED`, `VERSION_UNSUPPORTED`,
	 * `PROTOCOL_ERROR`, `ID_TAKEN`, `ID_CONTENDED`, `SUPERSEDED`, `LIMIT_EXCEEDED`, `COORDINATOR_CLOSED`, `CONNECTION_LOST`,
	 * `STATE_DIRECTORY_INVALID`, `ADDRESS_UNAVAILABLE`, `ADDRESS_IN_USE`, `QUIC_UNAVAILABLE`
	 */
	static async connect(options: ClientOptions): Promise<Client> {
		const { createQuicTransport } = await import("../transport/quic/index.ts");
		return await connectOn(createQuicTransport, options, undefined, routeProblem);
	}

	static {
		construct = (parts) => new Client(parts);
		count = (client) => censusOfRooms(client.#rooms);
	}

	private constructor(parts: ClientParts) {
		this.id = parts.options.id;
		this.fingerprint = parts.identity.fingerprint;
		this.#rooms = makeRooms(parts);
		this.incomingStreams = this.#rooms.streams.reception.incoming;
		this.closed = this.#rooms.life.closed;
	}

	/**
	 * Opens a stream to a peer, or to this Client itself. Resolves when the peer's library has accepted it, within 10 s. While there is no place
	 * for another stream, here, at the Coordinator or at the peer, it waits; if the peer's application takes none in that time, it rejects with
	 * `PEER_TIMEOUT`. Streams to one peer are opened in the order of the calls. With `path: "auto"` the stream is direct if there is a direct channel to the peer or one can be made soon: it waits for that at most 2 s, and not at all if
	 * it failed lately. Otherwise the stream is proxied, and a channel is tried meanwhile for later streams. A `resumable` stream waits for none: it moves when there is one.
	 *
	 * @throws TypeError `ID_INVALID` or `OPTION_INVALID`; RangeError `STREAM_ID_IN_USE`; `signal.reason` on abort, and then the stream is reset
	 * @throws ConecError `PEER_UNKNOWN`, `PEER_BUSY` (too many streams wait for a place there), `QUEUE_FULL` (too many calls wait here),
	 * `PROTOCOL_UNHANDLED`, `PEER_LOST`, `PEER_TIMEOUT`, `STREAM_RESET` (the peer reset it at once),
	 * `COORDINATOR_LOST`, `COORDINATOR_CLOSED` (it is stopping), `CLIENT_CLOSED`; with `path: "direct"` also those of {@link openChannel}
	 */
	openStream(peer: string, options: OpenStreamOptions = {}): Promise<MessageStream> {
		return this.#rooms.paths.openStream(peer, options);
	}

	/**
	 * Opens a stream to the Coordinator itself. Its `stream.peer` is null.
	 *
	 * @throws the errors of {@link openStream}, but never `PEER_UNKNOWN` or `DIRECT_UNAVAILABLE`
	 */
	openCoordinatorStream(options: OpenStreamOptions = {}): Promise<MessageStream> {
		return this.#rooms.paths.openCoordinatorStream(options);
	}

	/**
	 * From now on, `handler` gets the streams that peers and the Coordinator open with this `protocol`, on any path. {@link ProtocolHandler}
	 * says what happens to a stream when its handler ends. A handler that must be there before the first stream goes into the options of
	 * {@link connect}. While the Coordinator is lost, the streams of direct channels are still handled. Handlers stay when it is back.
	 *
	 * @throws TypeError `OPTION_INVALID` if the name is not 1 to 64 of `a-z 0-9 . - /`, `handler` is not a function, or the protocol has a handler
	 * @throws ConecError `LIMIT_EXCEEDED` beyond `limits.protocols`; `CLIENT_CLOSED`, or the code with which the Client has ended
	 */
	handle(protocol: string, handler: ProtocolHandler): Handling {
		this.#rooms.life.assertOpen("Cannot handle a protocol");
		return this.#rooms.streams.reception.handle(protocol, handler);
	}

	/**
	 * Returns the direct channel to a peer. If there is none, it makes one within 10 s (15 s with `birthday`). Calls at the same time share one
	 * attempt, also with a call of the peer. Calls for many peers wait for their turn. An abort rejects with `signal.reason`; the attempt goes
	 * on if another call waits for it. After `LIMIT_EXCEEDED` or `PEER_BUSY` with `retryAfterMs`, there was no room for the attempt in time;
	 * then the Client goes on trying for a minute, for later calls.
	 *
	 * @throws TypeError `ID_INVALID`; ConecError `DIRECT_UNAVAILABLE` (the message says why), `PEER_UNKNOWN`, `PEER_BUSY`, `PEER_LOST`,
	 * `PEER_TIMEOUT`, `LIMIT_EXCEEDED`, `COORDINATOR_LOST`, `COORDINATOR_CLOSED`, `CLIENT_CLOSED`
	 */
	openChannel(peer: string, options: { readonly signal?: AbortSignal } = {}): Promise<Channel> {
		return this.#rooms.paths.openChannel(peer, options.signal);
	}

	/** The live direct channels, whichever side opened them. */
	channels(): Channel[] {
		return this.#rooms.direct.channels();
	}

	/** Says how a peer is reached, and why: the path, the addresses that were tried, what is known about the NATs, the round trip. It tells what this Client knows now and asks nobody. Throws TypeError `ID_INVALID`. */
	explain(peer: string): PathReport {
		return this.#rooms.paths.explain(peer);
	}

	/**
	 * Like {@link explain}, but waits until a running attempt at a direct channel to that peer has ended: within 10 s (15 s with `birthday`).
	 *
	 * @throws TypeError `ID_INVALID`; `signal.reason` on abort, and then the attempt is given up unless another call waits for it
	 */
	explainSettled(peer: string, options: { readonly signal?: AbortSignal } = {}): Promise<PathReport> {
		return this.#rooms.paths.explainSettled(peer, options.signal);
	}

	/** What is known about the NAT in front of this Client. Resolves when the NAT has been tested: about a second after connecting, or six round trips if that is longer. Never rejects. */
	nat(): Promise<OwnNat> {
		return this.#rooms.network.known();
	}

	/**
	 * Lists all Clients that are connected to the Coordinator now, this one included, in the order in which they came. It takes at most 10 s.
	 * Calls at the same time share an answer, which is never older than the call.
	 *
	 * @throws ConecError `PEER_TIMEOUT`, `LIMIT_EXCEEDED` (`limits.presencePeers`, or the Coordinator's `limits.presenceWatches`),
	 * `PROTOCOL_UNSUPPORTED`, `PROTOCOL_ERROR`, `COORDINATOR_LOST`, `COORDINATOR_CLOSED`, `CLIENT_CLOSED`; `signal.reason` on abort
	 */
	peers(options: { readonly signal?: AbortSignal } = {}): Promise<PeerInfo[]> {
		return this.#rooms.presence.peers(options.signal);
	}

	/**
	 * Watches which Clients are connected: first `members`, then every `join`, `update` and `leave` in order, also of this Client. The watch
	 * begins when it is first read. A reader that is too slow gets a new `members` in place of the changes. `break` ends the watch, and so
	 * does `close`. `break` waits until the Coordinator knows, so that another watch may begin then.
	 *
	 * When the Coordinator is lost and the Client is back, it goes on with a new `members`.
	 *
	 * @throws while iterating, the errors of {@link peers}, and how the Client has ended
	 */
	watchPeers(): AsyncIterable<PresenceEvent> {
		return this.#rooms.presence.watch();
	}

	/**
	 * Replaces the metadata of this Client, which peers and the Coordinator see. `undefined` removes it. Resolves when the Coordinator has it,
	 * within 10 s. If several calls are made while one is under way, only the last of them is sent.
	 *
	 * @throws TypeError `OPTION_INVALID`; ConecError `LIMIT_EXCEEDED` with `retryAfterMs` (more than 60 a minute), `PEER_TIMEOUT`,
	 * `PROTOCOL_UNSUPPORTED`, `COORDINATOR_LOST`, `COORDINATOR_CLOSED`, `SUPERSEDED`, `CLIENT_CLOSED`
	 */
	updateMetadata(metadata: JsonValue | undefined): Promise<void> {
		return this.#rooms.presence.update(metadata);
	}

	/**
	 * Joins a broadcast. All members get the messages of all, in one order. Resolves when this Client is a member, within 10 s. A name is 1 to 128 of `a-z 0-9 . _ -`.
	 * When the Coordinator is lost and the Client is back, the member joins again by itself.
	 *
	 * @throws TypeError `BROADCAST_NAME_INVALID`; TypeError or RangeError `OPTION_INVALID`; `signal.reason` on abort
	 * @throws ConecError `BROADCAST_REFUSED`, `LIMIT_EXCEEDED`, `PROTOCOL_UNSUPPORTED` (the Coordinator has no broadcasts), `PEER_TIMEOUT`,
	 * `COORDINATOR_LOST`, `COORDINATOR_CLOSED`, `CLIENT_CLOSED`
	 */
	joinBroadcast(name: string, options: BroadcastOptions = {}): Promise<BroadcastStream> {
		return this.#rooms.broadcasts.join(name, options);
	}

	/**
	 * Asks how many members a broadcast has now, within 10 s. A member that sends and receives counts as both. Once joining or closing has resolved, it counts here.
	 *
	 * @throws TypeError `BROADCAST_NAME_INVALID`; ConecError `BROADCAST_UNKNOWN`, `QUEUE_FULL` beyond 64 calls at once (`limits.requests`),
	 * `PROTOCOL_UNSUPPORTED`, `PEER_TIMEOUT`, `COORDINATOR_LOST`, `COORDINATOR_CLOSED`, `CLIENT_CLOSED`
	 */
	countBroadcast(name: string): Promise<BroadcastMembers> {
		return this.#rooms.broadcasts.count(name);
	}

	/** Yields the present state, then each event. For a slow listener 64 events are kept (`limits.statusEvents`); the oldest are dropped, and it is told how many. It ends with the Client, or with `break`. */
	status(): AsyncIterable<ClientStatus> {
		return this.#rooms.feed.listen(...presentStatus(this.#rooms));
	}

	/**
	 * Tries to come back to the Coordinator now, if the connection is lost: the network has changed, or the machine has woken. Calling it often
	 * makes at most one attempt a second. If the Client is connected, has ended, or does not come back by itself, nothing happens.
	 */
	reconnect(): void {
		this.#rooms.comingBack.hurry();
	}

	/**
	 * Closes the Client, in at most 3 s (`limits.closeTimeoutMs`). A second call waits for the same end. In this order:
	 * 1. Handlers of protocols are told to end. It waits for those that have a stream, at most 2 s (`limits.lingerMs`).
	 * 2. The Coordinator and the peers on direct channels are told. It waits at most 2 s until the peers have heard how the application ended its streams: by `close`, `reset` or `stop`.
	 * 3. All other streams are reset with `CLIENT_CLOSED`, and the id is free. It resolves when the notice has left this machine.
	 * 4. The socket is kept for a moment, to repeat the notice if it was lost. That does not keep the process alive.
	 */
	close(): Promise<void> {
		return this.#rooms.life.close();
	}

	/** Ends everything at once. Data on its way may be lost. `closed` tells the `error`, if one is given. */
	destroy(error?: Error): void {
		this.#rooms.life.destroy(error);
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.close();
	}
}

/** Does {@link Client.connect} in a given runtime, or on a given transport with everything else from the machine. `lookup` and `route` replace the resolver and the check of routes. */
export async function connectOn(on: Runtime | TransportFactory, options: ClientOptions, lookup?: Lookup, route?: RouteCheck): Promise<Client> {
	return await beginClient(runtimeOf(on, { ...(lookup === undefined ? {} : { lookup }), ...(route === undefined ? {} : { route }) }), options, construct);
}

/** Counts what a Client keeps; for tests. */
export function censusOfClient(client: Client): ClientCensus {
	return count(client);
}
