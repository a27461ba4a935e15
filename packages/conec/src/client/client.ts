/**
 * The Client.
 *
 * @module
 */

import { lookup as dnsLookup } from "node:dns/promises";
import { closeInfoOf } from "../entity/close-info-of.ts";
import type { ControlChannel } from "../entity/control-channel.ts";
import { describeStream } from "../entity/describe-stream.ts";
import { checkOpenStreamOptions, type OpenStreamOptions } from "../entity/open-stream-options.ts";
import { roundTripMs } from "../entity/round-trip.ts";
import { StatusFeed, type StatusLagged } from "../entity/status-feed.ts";
import { StreamSet, within } from "../entity/stream-set.ts";
import type { TransportFactory } from "../entity/transport-factory.ts";
import { argumentError, ConecError, type ConecErrorCode, isConecError } from "../errors.ts";
import type { Limits } from "../options.ts";
import type { BroadcastOptions, BroadcastStream } from "../stream/broadcast-stream.ts";
import type { CloseInfo } from "../stream/close-info.ts";
import type { StreamInit } from "../stream/framed-stream.ts";
import { IncomingStreams } from "../stream/incoming-streams.ts";
import type { MessageStream } from "../stream/message-stream.ts";
import { acceptMessageStream, rejectStream } from "../stream/open-stream.ts";
import type { LocalIdentity } from "../tls/identity.ts";
import { atTime, readValidity } from "../tls/validity.ts";
import type { IncomingStream, SocketAddress, Transport, TransportConnection } from "../transport/transport.ts";
import { BROADCAST_CAPABILITY } from "../wire/broadcast.ts";
import { CLOSE_CODES, RESET_CODES } from "../wire/codes.ts";
import type { ControlMessage, Ping, Pong } from "../wire/control.ts";
import { FRAME } from "../wire/frames.ts";
import { AUTOMATIC_STREAM_ID_MIN, idProblem } from "../wire/ids.ts";
import type { JsonValue } from "../wire/json.ts";
import { decodeOpenFromCoordinator, encodeOpen } from "../wire/open.ts";
import { BroadcastCounts, type BroadcastMembers } from "./broadcast-counts.ts";
import { type ClientOptions, clientIdentity, type ResolvedClientOptions, resolveClientOptions } from "./client-options.ts";
import { reachCoordinator } from "./connect.ts";
import type { Greeted } from "./handshake.ts";
import { broadcastOpen, checkBroadcastName, joinBroadcast } from "./join-broadcast.ts";
import type { Lookup } from "./race.ts";

/** What happens at a Client. */
export type ClientStatus =
	/** There is a connection to the Coordinator, which sees this Client at `observedAddress`. */
	| { readonly type: "connected"; readonly observedAddress: SocketAddress }
	/** The Coordinator has said that it stops, and why: it opens no more streams, and the connection ends within seconds. */
	| { readonly type: "draining"; readonly reason: string }
	/** There is none any more; streams through it have failed. */
	| { readonly type: "disconnected"; readonly info: CloseInfo }
	/** This listener was too slow. */
	| StatusLagged;

/** The way to the private constructor; set by the class. */
let construct: (parts: ClientParts) => Client;

/** A participant with an id, connected to its Coordinator. */
export class Client implements AsyncDisposable {
	/** Its name among the peers. */
	readonly id: string;
	/** `sha256:<hex>` of the SubjectPublicKeyInfo of its certificate. */
	readonly fingerprint: string;
	/** Accepted streams that peers and the Coordinator opened. One consumer at a time; `break` releases it. Ends after `close`; fails when the Coordinator is lost. */
	readonly incomingStreams: AsyncIterable<MessageStream>;
	/** How it ended: closed, destroyed, superseded, or disconnected. Never rejects. */
	readonly closed: Promise<CloseInfo>;
	readonly #limits: Limits;
	readonly #coordinatorLimits: Limits;
	readonly #transport: Transport;
	readonly #connection: TransportConnection;
	readonly #control: ControlChannel;
	readonly #streams: StreamSet = new StreamSet();
	readonly #incoming: IncomingStreams;
	readonly #feed: StatusFeed<ClientStatus>;
	readonly #observedAddress: SocketAddress;
	readonly #counts: BroadcastCounts;
	readonly #broadcasts: boolean;
	#nextBroadcastId = AUTOMATIC_STREAM_ID_MIN;
	/** The Coordinator has said `close`. */
	#draining = false;
	#state: { readonly type: "open" } | { readonly type: "closing"; readonly done: Promise<void> } | { readonly type: "over"; readonly code: ConecErrorCode } = {
		type: "open",
	};
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
		const { createQuicTransport } = await import("../transport/quic.ts");
		return await connectOn(createQuicTransport, options);
	}

	static {
		construct = (parts) => new Client(parts);
	}

	private constructor({ options, identity, transport, greeted }: ClientParts) {
		const { limits } = options;
		const { welcome } = greeted;
		this.id = options.id;
		this.fingerprint = identity.fingerprint;
		this.#limits = limits;
		this.#coordinatorLimits = { ...limits, messageBytes: Math.min(limits.messageBytes, welcome.limits.messageBytes) };
		this.#transport = transport;
		this.#connection = greeted.connection;
		this.#control = greeted.control;
		this.#observedAddress = welcome.observedAddress;
		this.#counts = new BroadcastCounts((message) => this.#control.send(message), limits);
		this.#broadcasts = welcome.capabilities.includes(BROADCAST_CAPABILITY);
		this.#incoming = new IncomingStreams(limits.incomingStreams);
		this.incomingStreams = this.#incoming;
		this.#feed = new StatusFeed(limits.statusEvents);
		this.closed = new Promise((resolve) => {
			this.#resolveClosed = resolve;
		});
		greeted.listen({
			message: (message) => this.#received(message),
			broken: (closeCode, reason) => this.#connection.close(closeCode, reason),
		});
		this.#connection.onStream = (incoming) => this.#onStream(incoming);
		void this.#connection.closed.then((info) => this.#lost(closeInfoOf(info, "COORDINATOR_LOST")));
		if (options.endAtExpiry && options.trust.roots !== undefined) this.#endAtExpiry();
	}

	/**
	 * Opens a stream to a peer, or to this Client itself. Resolves when the peer's library has accepted it, within 10 s.
	 *
	 * Rejects with TypeError `ID_INVALID` or `OPTION_INVALID`, RangeError `STREAM_ID_IN_USE`; `PEER_UNKNOWN`, `PEER_BUSY`,
	 * `PEER_LOST`, `PEER_TIMEOUT`, `COORDINATOR_LOST`, `CLIENT_CLOSED`; `DIRECT_UNAVAILABLE` for `path: "direct"`, as there are
	 * no direct channels yet; `signal.reason`, and then the stream is reset.
	 */
	async openStream(peer: string, options: OpenStreamOptions = {}): Promise<MessageStream> {
		checkOpenStreamOptions(options, this.#limits.metadataBytes);
		const problem = idProblem(peer);
		if (problem !== undefined) throw argumentError("type", "ID_INVALID", `Cannot open stream to ${JSON.stringify(peer)}: the id ${problem}`);
		options.signal?.throwIfAborted();
		this.#assertOpen(`Cannot open stream to "${peer}"`);
		if (options.path === "direct") throw new ConecError("DIRECT_UNAVAILABLE", `Cannot open stream to "${peer}": there is no direct channel`, { peer });
		return await this.#streams.open(this.#connection, options, (id) => ({
			init: this.#init(peer, id, options.metadata, describeStream(id, "to", peer)),
			payload: encodeOpen({ to: peer, id, metadata: options.metadata }),
		}));
	}

	/**
	 * Opens a stream to the Coordinator itself; `stream.peer` is null there.
	 *
	 * Rejects like {@link openStream}, but never with `PEER_UNKNOWN` or `DIRECT_UNAVAILABLE`; `COORDINATOR_CLOSED` while it stops.
	 */
	async openCoordinatorStream(options: OpenStreamOptions = {}): Promise<MessageStream> {
		checkOpenStreamOptions(options, this.#limits.metadataBytes);
		options.signal?.throwIfAborted();
		this.#assertOpen("Cannot open stream to the Coordinator");
		return await this.#streams.open(this.#connection, options, (id) => ({
			init: this.#init(null, id, options.metadata, describeStream(id, "to", null)),
			payload: encodeOpen({ id, metadata: options.metadata }),
		}));
	}

	/**
	 * Joins a broadcast: what one member sends, all get, in one order. Resolves when the Coordinator has taken this member, within 10 s.
	 *
	 * Rejects with TypeError `BROADCAST_NAME_INVALID`, TypeError or RangeError `OPTION_INVALID`; `BROADCAST_REFUSED`, `LIMIT_EXCEEDED`,
	 * `PROTOCOL_UNSUPPORTED` if the Coordinator has no broadcasts, `PEER_TIMEOUT`, `COORDINATOR_LOST`, `COORDINATOR_CLOSED`,
	 * `CLIENT_CLOSED`; `signal.reason`.
	 */
	async joinBroadcast(name: string, options: BroadcastOptions = {}): Promise<BroadcastStream> {
		const open = broadcastOpen(name, options);
		options.signal?.throwIfAborted();
		this.#assertBroadcasts(`Cannot join broadcast "${name}"`);
		const id = this.#nextBroadcastId++;
		const context = { connection: this.#connection, limits: this.#limits, sendLimits: this.#coordinatorLimits, id };
		return await joinBroadcast(open, { ...context, keep: (member) => this.#streams.add(member) }, options.signal);
	}

	/**
	 * How many members a broadcast has; one that sends and receives counts as both. Right at once: when joining or closing has resolved, it counts.
	 *
	 * Rejects with TypeError `BROADCAST_NAME_INVALID`; `BROADCAST_UNKNOWN`, `QUEUE_FULL` beyond 64 calls at once (`limits.requests`),
	 * `PROTOCOL_UNSUPPORTED`, `PEER_TIMEOUT`, `COORDINATOR_LOST`, `COORDINATOR_CLOSED`, `CLIENT_CLOSED`.
	 */
	async countBroadcast(name: string): Promise<BroadcastMembers> {
		checkBroadcastName(name, "Cannot count broadcast");
		this.#assertBroadcasts(`Cannot count broadcast "${name}"`);
		return await this.#counts.ask(name);
	}

	/** The present state, then what happens. Bounded (`limits.statusEvents`): a slow listener loses the oldest and hears how many. Ends with the Client; `break` releases it. */
	status(): AsyncIterable<ClientStatus> {
		return this.#state.type === "over" ? this.#feed.listen() : this.#feed.listen({ type: "connected", observedAddress: this.#observedAddress });
	}

	/**
	 * Leaves: tells the Coordinator, waits at most 2 s (`limits.lingerMs`) for streams that the application closed, resets all
	 * others with `CLIENT_CLOSED`, and frees the id. At most 3 s (`limits.closeTimeoutMs`). Idempotent.
	 */
	close(): Promise<void> {
		if (this.#state.type === "open") this.#state = { type: "closing", done: this.#close() };
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

	async #close(): Promise<void> {
		const { lingerMs, closeTimeoutMs } = this.#limits;
		const deadline = performance.now() + closeTimeoutMs;
		const error = clientClosed("Cannot go on");
		this.#incoming.close(error, RESET_CODES.CLIENT_CLOSED);
		this.#control.send({ type: "close", reason: LEAVING });
		await this.#streams.end({
			error,
			wireCode: RESET_CODES.CLIENT_CLOSED,
			lingerMs: Math.min(lingerMs, closeTimeoutMs),
			flush: (timeoutMs) => this.#control.ping(timeoutMs),
		});
		const left = Math.max(0, deadline - performance.now());
		// For the notice to be repeated where it was lost: it is not acknowledged.
		const drainMs = Math.min(left, Math.max(MIN_DRAIN_MS, 4 * this.#rttMs()));
		await within(left, this.#transport.close(CLOSE_CODES.CLIENT_CLOSED, LEAVING, drainMs));
		this.#over({ by: "local" }, error);
	}

	/** The connection to the Coordinator has ended. */
	#lost(info: CloseInfo): void {
		if (this.#state.type === "over") return;
		// While closing it is our own doing, or has come a moment earlier than that.
		if (this.#state.type === "closing" && info.by === "local") return;
		this.#feed.emit({ type: "disconnected", info });
		const code = info.code === "SUPERSEDED" ? "SUPERSEDED" : "COORDINATOR_LOST";
		this.#over(info, new ConecError(code, `Lost the Coordinator${info.reason === undefined ? "" : `: ${info.reason}`}`));
	}

	/** The end of it all; everything that waits is told. */
	#over(info: CloseInfo, error: ConecError): void {
		if (this.#state.type === "over") return;
		this.#state = { type: "over", code: error.code };
		this.#control.end();
		this.#counts.end(error);
		if (error.code === "CLIENT_CLOSED") this.#incoming.close(error, RESET_CODES.CLIENT_CLOSED);
		else this.#incoming.destroy(error, RESET_CODES.NONE);
		this.#streams.destroy(error, RESET_CODES.CLIENT_CLOSED);
		void this.#transport.close(CLOSE_CODES.CLIENT_CLOSED, info.reason ?? LEAVING, 0).catch(() => undefined);
		this.#feed.end();
		this.#resolveClosed(info);
	}

	#rttMs(): number {
		return this.#state.type === "over" ? 0 : roundTripMs(this.#connection);
	}

	#received(message: Exclude<ControlMessage, Ping | Pong>): void {
		if (message.type === "broadcast-counted" || message.type === "broadcast-unknown") return this.#counts.answered(message);
		if (message.type !== "close") return this.#connection.close(CLOSE_CODES.PROTOCOL_ERROR, `"${message.type}" after the welcome`);
		if (this.#state.type === "over" || this.#draining) return;
		this.#draining = true;
		this.#feed.emit({ type: "draining", reason: message.reason });
	}

	#onStream(incoming: IncomingStream): void {
		if (incoming.header.kind !== FRAME.OPEN) return incoming.refuse(RESET_CODES.HEADER_INVALID);
		const open = decodeOpenFromCoordinator(incoming.header.payload, this.#limits.metadataBytes);
		if (!open.ok) return rejectStream(incoming, "PROTOCOL_ERROR", open.error);
		if (this.#state.type !== "open") return rejectStream(incoming, "CLIENT_CLOSED", "the Client is leaving");
		if (!this.#incoming.hasRoom) return rejectStream(incoming, "PEER_BUSY", "the peer's application has no room for another stream");
		const { from, id, metadata } = open.value;
		const stream = acceptMessageStream(incoming, this.#init(from ?? null, id, metadata, describeStream(id, "from", from ?? null)));
		this.#streams.add(stream);
		this.#incoming.push(stream);
	}

	#init(peer: string | null, id: number, metadata: JsonValue | undefined, describe: string): StreamInit {
		const limits = peer === null ? this.#coordinatorLimits : this.#limits;
		return { peer, id, path: peer === null ? "direct" : "proxied", metadata, limits, describe, lostCode: "COORDINATOR_LOST" };
	}

	#endAtExpiry(): void {
		const leaf = this.#connection.peerCertificates[0];
		if (leaf === undefined) return;
		const cancel = atTime(readValidity(leaf).toMs, () => this.#connection.close(CLOSE_CODES.CERTIFICATE_EXPIRED, "the Coordinator's certificate has expired"));
		void this.#connection.closed.then(cancel);
	}

	#assertBroadcasts(action: string): void {
		this.#assertOpen(action);
		if (!this.#broadcasts) throw new ConecError("PROTOCOL_UNSUPPORTED", `${action}: the Coordinator has no broadcasts`);
	}

	#assertOpen(action: string): void {
		if (this.#state.type === "open") {
			if (this.#draining) throw new ConecError("COORDINATOR_CLOSED", `${action}: the Coordinator is stopping`);
			return;
		}
		if (this.#state.type === "over" && this.#state.code !== "CLIENT_CLOSED") throw new ConecError(this.#state.code, `${action}: the Coordinator is lost`);
		throw clientClosed(action);
	}
}

/** {@link Client.connect} on any transport and resolver; for tests. */
export async function connectOn(createTransport: TransportFactory, options: ClientOptions, lookup: Lookup = resolveAll): Promise<Client> {
	const resolved = resolveClientOptions(options);
	resolved.signal?.throwIfAborted();
	const identity = await clientIdentity(options);
	resolved.signal?.throwIfAborted();
	const { localAddress, limits, keepAliveIntervalMs, keyLog } = resolved;
	const transport = createTransport({ host: localAddress, port: 0, limits, role: "client", keepAliveIntervalMs, keyLog });
	try {
		return construct({ options: resolved, identity, transport, greeted: await reachCoordinator(transport, identity, resolved, lookup) });
	} catch (error) {
		transport.destroy();
		throw error;
	}
}

/** What a Client is made of once it is welcome. */
interface ClientParts {
	readonly options: ResolvedClientOptions;
	readonly identity: LocalIdentity;
	readonly transport: Transport;
	readonly greeted: Greeted;
}

const resolveAll: Lookup = (host) => dnsLookup(host, { all: true, verbatim: true });

const MIN_DRAIN_MS = 20;

const LEAVING = "the Client leaves";

function clientClosed(action: string): ConecError {
	return new ConecError("CLIENT_CLOSED", `${action}: the Client is closed`);
}
