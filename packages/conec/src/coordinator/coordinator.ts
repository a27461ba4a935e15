/**
 * The Coordinator.
 *
 * @module
 */

import type { CloseInfo } from "../base/close-info.ts";
import { throwIfAborted } from "../base/signals.ts";
import { ConecError, isConecError } from "../errors.ts";
import { checkId } from "../session/check-id.ts";
import { checkOpenStreamOptions, type OpenStreamOptions } from "../session/open-stream-options.ts";
import type { PathReport } from "../session/path-report.ts";
import type { PresenceEvent } from "../session/presence-event.ts";
import type { Handling, ProtocolHandler } from "../session/protocols/index.ts";
import { type Runtime, runtimeOf } from "../session/runtime.ts";
import type { MessageStream } from "../stream/message-stream.ts";
import type { SocketAddress, TransportFactory } from "../transport/transport.ts";
import { CLOSE_CODES } from "../wire/codes.ts";
import { beginCoordinator, type CoordinatorParts } from "./begin.ts";
import { type CoordinatorCensus, censusOfRooms } from "./census.ts";
import type { ReloadOptions } from "./credentials.ts";
import { type DisconnectOptions, disconnection } from "./dismissal.ts";
import { type CloseOptions, checkCloseOptions } from "./drain.ts";
import type { CoordinatorOptions } from "./options.ts";
import { type CoordinatorRooms, createRooms } from "./rooms.ts";
import { type ClientInfo, findPeer } from "./sessions/index.ts";
import type { CoordinatorStatus } from "./status.ts";

/** The way to the private constructor; set by the class. */
let construct: (parts: CoordinatorParts) => Coordinator;
let count: (coordinator: Coordinator) => CoordinatorCensus;

/**
 * The one well-known server. It authenticates Clients, gives each its id, proxies streams between them, and has streams of its own
 * with them. It can read what it proxies.
 */
export class Coordinator implements AsyncDisposable {
	/** The address and the UDP port on which it listens. */
	readonly address: SocketAddress;
	/** Streams without a protocol that Clients have opened to the Coordinator. They are accepted already, and `stream.peer` is the Client's id. There is one consumer at a time (`ITERATOR_IN_USE`). `break` lets another one begin. The iteration ends after `close`. */
	readonly incomingStreams: AsyncIterable<MessageStream>;
	/** Resolves when the Coordinator has ended, and says how. Never rejects. */
	readonly closed: Promise<CloseInfo>;
	readonly #parts: CoordinatorParts;
	readonly #rooms: CoordinatorRooms;

	/**
	 * Binds the socket and starts to listen.
	 *
	 * @throws TypeError or RangeError `OPTION_INVALID`; ConecError `CERTIFICATE_INVALID`, `CERTIFICATE_KEY_MISMATCH`,
	 * `STATE_DIRECTORY_INVALID`, `ADDRESS_IN_USE`, `ADDRESS_UNAVAILABLE`, `QUIC_UNAVAILABLE`
	 */
	static async listen(options: CoordinatorOptions = {}): Promise<Coordinator> {
		const { createQuicTransport } = await import("../transport/quic/index.ts");
		return await listenOn(createQuicTransport, options);
	}

	static {
		construct = (parts) => new Coordinator(parts);
		count = (coordinator) => censusOfRooms(coordinator.#rooms);
	}

	private constructor(parts: CoordinatorParts) {
		this.#parts = parts;
		this.#rooms = createRooms(parts);
		this.address = parts.transport.address;
		this.incomingStreams = this.#rooms.reception.incoming;
		this.closed = this.#rooms.life.closed;
		this.#rooms.door.open();
	}

	/** `sha256:<hex>` of the SubjectPublicKeyInfo of the Coordinator's certificate. Clients may pin it. */
	get fingerprint(): string {
		return this.#rooms.door.credentials.identity.fingerprint;
	}

	/** The second UDP port, with which Clients learn how their NAT behaves. `undefined` if it could not be bound; `status()` says why. It never changes. */
	get natTestPort(): number | undefined {
		const { natTest } = this.#parts;
		return isConecError(natTest) ? undefined : natTest.echo.address.port;
	}

	/** How many Clients are connected. */
	get clientCount(): number {
		return this.#rooms.registry.size;
	}

	/** How many broadcasts have members. */
	get broadcastCount(): number {
		return this.#rooms.broadcasts.size;
	}

	/** The connected Clients, with facts about each. */
	clients(): ClientInfo[] {
		return [...this.#rooms.registry.holders()].map((session) => session.info());
	}

	/**
	 * Opens a stream to a Client. There, its `stream.peer` is null. Resolves when the Client's library has accepted it, within 10 s.
	 * While there is no place for another stream, it waits like `Client.openStream`.
	 *
	 * @throws TypeError `ID_INVALID` or `OPTION_INVALID`; RangeError `STREAM_ID_IN_USE`; `signal.reason` on abort, and then the stream is reset
	 * @throws ConecError `PEER_UNKNOWN`, `PEER_BUSY`, `QUEUE_FULL`, `PROTOCOL_UNHANDLED`, `PEER_LOST`, `PEER_TIMEOUT`, `COORDINATOR_CLOSED`
	 */
	async openStream(peer: string, options: OpenStreamOptions = {}): Promise<MessageStream> {
		checkOpenStreamOptions(options, this.#parts.options.limits.metadataBytes, "Coordinator");
		throwIfAborted(options.signal);
		const action = `Cannot open stream to "${peer}"`;
		this.#rooms.life.assertOpen(action);
		const session = findPeer(this.#rooms.registry, peer, action);
		if (session.leaving) throw new ConecError("PEER_UNKNOWN", `${action}: peer is leaving`, { peer });
		return await this.#rooms.streams.open(session, options);
	}

	/**
	 * From now on, `handler` gets the streams that Clients open to the Coordinator with this `protocol`. {@link ProtocolHandler} says what
	 * happens to a stream when its handler ends. A handler that must be there before the first Client goes into the options of
	 * {@link listen}. Streams from Client to Client never come here.
	 *
	 * @throws TypeError `OPTION_INVALID` if the name is not 1 to 64 of `a-z 0-9 . - /`, `handler` is not a function, or the protocol has a handler
	 * @throws ConecError `LIMIT_EXCEEDED` beyond `limits.protocols`; `COORDINATOR_CLOSED`
	 */
	handle(protocol: string, handler: ProtocolHandler): Handling {
		this.#rooms.life.assertOpen("Cannot handle a protocol");
		return this.#rooms.reception.handle(protocol, handler);
	}

	/**
	 * Ends the connection of a Client at once, and the Client does not come back by itself. Its id is free then, unless a kept key has a lease on it.
	 *
	 * With `retryAfterMs`, `spreadMs` or `alternatives` it is told to come back, and does so then and there. It has at most 2 s
	 * (`limits.lingerMs`) to hear that, and to end its streams. Meanwhile it opens no streams through this Coordinator. A second call of
	 * this kind has no effect, and one without these options only ends the connection at once. A Client may come sooner, as its application wants
	 * it or its network changes. `deny` of {@link reload} keeps a key out.
	 *
	 * @param how a text that the Client is told, or options
	 * @throws TypeError `ID_INVALID`; TypeError or RangeError `OPTION_INVALID`; ConecError `PEER_UNKNOWN`
	 */
	disconnect(peer: string, how: string | DisconnectOptions = {}): void {
		const { reason, comeBack } = disconnection(how);
		const session = findPeer(this.#rooms.registry, peer, `Cannot disconnect "${peer}"`);
		if (comeBack === undefined) session.end(CLOSE_CODES.DISCONNECTED, reason);
		else this.#rooms.door.dismiss(session, { reason, comeBack });
	}

	/**
	 * Replaces identity, authorities and deny list. Connections stay, except those of keys that are denied now. Peers end their direct channels to such a key, and attempts at them.
	 *
	 * @throws TypeError `OPTION_INVALID`; ConecError `CERTIFICATE_INVALID`, `CERTIFICATE_KEY_MISMATCH`, `COORDINATOR_CLOSED`. Nothing has changed then
	 */
	reload(options: ReloadOptions): void {
		this.#rooms.life.assertOpen("Cannot reload");
		this.#rooms.door.reload(options);
	}

	/**
	 * Says how two Clients reach each other, as far as they have reported it. In the report, `own` is the first. `undefined`: one of them is not connected.
	 *
	 * @throws TypeError `ID_INVALID`
	 */
	explain(a: string, b: string): PathReport | undefined {
		for (const id of [a, b]) checkId(id, "Cannot explain a path");
		const [own, peer] = [this.#rooms.registry.find(a), this.#rooms.registry.find(b)];
		return own === undefined || peer === undefined ? undefined : this.#rooms.introductions.explain(own, peer);
	}

	/** Yields each event from now on. For a slow listener 64 events are kept (`limits.statusEvents`); the oldest are dropped, and it is told how many. It ends with the Coordinator, or with `break`. */
	status(): AsyncIterable<CoordinatorStatus> {
		const { kept, natTest } = this.#parts;
		const present: CoordinatorStatus[] = [];
		if (kept.remark !== undefined) present.push({ type: "state-lock-weak", error: kept.remark });
		if (isConecError(natTest)) present.push({ type: "nat-test-unavailable", error: natTest });
		return this.#rooms.feed.listen(...present);
	}

	/**
	 * Watches which Clients are connected: first `members`, then every `join`, `update` and `leave` in order. A reader that is too slow for the
	 * changes that are kept (`limits.presenceLogBytes`) gets a new `members` in their place. It ends with the Coordinator, or with `break`.
	 */
	watchPeers(): AsyncIterable<PresenceEvent> {
		return this.#rooms.presence.listen();
	}

	/**
	 * Stops the Coordinator, in at most 3 s (`limits.closeTimeoutMs`). A second call waits for the same end. In this order:
	 * 1. The Clients are told, and handlers of protocols are told to end. It waits for those that have a stream, at most 2 s (`limits.lingerMs`).
	 * 2. It waits, at most as long, until the Clients have heard how the application ended its streams. Its other streams are reset with `COORDINATOR_CLOSED`.
	 * 3. Every connection ends.
	 *
	 * With `drain`, two things come before that. Nobody is let in any more, and the Clients are ended one after the other over
	 * `drain.spreadMs`, those without streams first. Each is told when and where to come back, and one with streams has at most 2 s
	 * (`limits.lingerMs`) from then. Meanwhile all else goes on. A further call without `drain` ends the draining at once.
	 *
	 * @throws TypeError or RangeError `OPTION_INVALID`, and nothing has changed then
	 */
	close(options: CloseOptions = {}): Promise<void> {
		return this.#rooms.life.close(checkCloseOptions(options));
	}

	/** Ends everything at once. Data on its way may be lost. `closed` tells the `error`, if one is given. */
	destroy(error?: Error): void {
		this.#rooms.life.destroy(error);
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.close();
	}
}

/** Counts what a Coordinator keeps; for tests. */
export function censusOfCoordinator(coordinator: Coordinator): CoordinatorCensus {
	return count(coordinator);
}

/** Does {@link Coordinator.listen} in a given runtime, or on a given transport with everything else from the machine. */
export async function listenOn(on: Runtime | TransportFactory, options: CoordinatorOptions = {}): Promise<Coordinator> {
	return await beginCoordinator(runtimeOf(on), options, construct);
}
