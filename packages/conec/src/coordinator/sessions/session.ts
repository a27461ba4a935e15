/**
 * One connected Client, as its Coordinator sees it: from `welcome` until the connection is over.
 *
 * @module
 */

import { Allowance } from "../../base/allowance.ts";
import type { Clock } from "../../base/clock.ts";
import type { CloseInfo } from "../../base/close-info.ts";
import type { PoolKeys } from "../../base/fair-pool.ts";
import type { CoordinatorLimits } from "../../limits.ts";
import { closeInfoOf } from "../../session/close-info-of.ts";
import type { ControlStream } from "../../session/control-stream.ts";
import { STAYED } from "../../session/leaving-time.ts";
import { Turnstile, type WorkShare } from "../../session/pace/index.ts";
import type { PeerInfo } from "../../session/peer-info.ts";
import { roundTripMs } from "../../session/round-trip.ts";
import { askConnection, Hearing, Silence } from "../../session/silence.ts";
import type { IncomingStream, SocketAddress, TransportConnection } from "../../transport/transport.ts";
import { BROADCAST_CAPABILITY } from "../../wire/broadcast.ts";
import { type ChannelMessageOfClient, isChannelMessageOfClient } from "../../wire/channel-messages.ts";
import { CLOSE_CODES, RESET_CODES } from "../../wire/codes.ts";
import type { BroadcastCount, ControlMessage, PeerCheck, Ping, Pong } from "../../wire/control.ts";
import type { JsonValue } from "../../wire/json.ts";
import { PRESENCE_CAPABILITY, type SetMetadata } from "../../wire/presence.ts";
import type { Whom } from "../defence/index.ts";

/** Facts about a connected Client. */
export interface ClientInfo {
	/** The Client's id. */
	readonly id: string;
	/** `sha256:<hex>` of the SubjectPublicKeyInfo of its certificate. */
	readonly fingerprint: string;
	/** The address that its packets come from now. */
	readonly address: SocketAddress;
	/** When it connected. */
	readonly connectedAt: Date;
	/** Its live streams: those with the Coordinator, and those that the Coordinator proxies from or to it. */
	readonly streams: number;
	/** The round-trip time, in milliseconds. */
	readonly rttMs: number;
	/** What the Client says about itself. It may change, and it is untrusted. `undefined`: nothing. */
	readonly metadata: JsonValue | undefined;
}

/** What a session is made of. */
export interface SessionParts {
	readonly id: string;
	readonly fingerprint: string;
	readonly key: "kept" | "ephemeral";
	/** To whom its places in shared pools count. */
	readonly poolKeys: PoolKeys;
	readonly metadata: JsonValue | undefined;
	/** What the Client listed in its hello. */
	readonly capabilities: readonly string[];
	readonly connection: TransportConnection;
	readonly control: ControlStream;
	/** It takes part in direct channels: so does this Coordinator. */
	readonly direct: boolean;
}

/** What all sessions of a Coordinator share. */
export interface SessionHost {
	readonly limits: Pick<CoordinatorLimits, "metadataUpdatesPerMinute" | "closeTimeoutMs" | "openSilenceMs">;
	readonly clock: Clock;
	/** What their control messages, watches and joinings together may take of this thread. */
	readonly work: WorkShare;
	/** The Client has changed its metadata. */
	readonly changed: (session: Session) => void;
	/** How often a change of it counts now, see `limits.metadataUpdatesPerMinute`. */
	readonly changeCost: (session: Session) => number;
	/** Frees the id. Called once, at the very moment the session ends. */
	readonly release: (session: Session) => void;
	/** Deals with a stream that the Client opened. */
	readonly onStream: (session: Session, incoming: IncomingStream) => void;
	/** Deals with what it says of direct channels. */
	readonly onChannelMessage: (session: Session, message: ChannelMessageOfClient) => void;
	/** Something has come on the control stream. */
	readonly onHeard: (session: Session) => void;
	/** Joinings and watches of it wait. */
	readonly onOpensSlowed: (session: Session) => void;
	/** Answers a question of the Client. */
	readonly onRequest: (session: Session, message: BroadcastCount | PeerCheck) => void;
}

/** One connected Client. */
export class Session {
	readonly id: string;
	readonly fingerprint: string;
	readonly key: "kept" | "ephemeral";
	/** To whom its places in shared pools count: its key, its address, its network. */
	readonly poolKeys: PoolKeys;
	readonly capabilities: readonly string[];
	readonly connection: TransportConnection;
	readonly control: ControlStream;
	/** It takes part in direct channels. */
	readonly direct: boolean;
	readonly #connectedAtMs: number;
	/** Live proxied streams to this Client. */
	proxiedFrom = 0;
	/** Live streams from or to it. */
	streams = 0;
	/** The Coordinator's application has had a stream with it. */
	used = false;
	readonly #host: SessionHost;
	// Most Clients are idle most of the time. So what an idle one does not need is made when it is needed.
	#silence: Silence | undefined;
	#dearOpens: Turnstile | undefined;
	#proxiedTo: Map<string, number> | undefined;
	readonly #updates: Allowance;
	readonly #hearing: Hearing;
	#metadata: JsonValue | undefined;
	#over = false;
	#leaving = false;
	/** Ends a Client that has said that it leaves and then does not. */
	#leaveTimer: unknown;
	/** When that is, once it has said so. */
	#leavesByMs: number | undefined;
	#stayed = false;
	#pokedMs = Number.NEGATIVE_INFINITY;
	#opened = 0;

	constructor(parts: SessionParts, host: SessionHost) {
		this.id = parts.id;
		this.fingerprint = parts.fingerprint;
		this.key = parts.key;
		this.poolKeys = parts.poolKeys;
		this.#metadata = parts.metadata;
		this.capabilities = parts.capabilities;
		this.connection = parts.connection;
		this.control = parts.control;
		this.direct = parts.direct;
		this.#host = host;
		this.#connectedAtMs = host.clock.wallMs();
		this.#hearing = new Hearing(parts.connection);
		this.#updates = new Allowance(host.limits.metadataUpdatesPerMinute, host.clock.now());
		this.connection.onStream = (incoming) => {
			this.#opened++;
			// It had come in before the connection was closed from here, and is looked at after that.
			if (this.#over) incoming.refuse(RESET_CODES.DISCONNECTED);
			else host.onStream(this, incoming);
		};
		void this.connection.closed.then(() => this.forget());
	}

	/** Of its connection, for those who open streams to it. */
	get silence(): Silence {
		const { clock, limits } = this.#host;
		this.#silence ??= new Silence({
			...{ clock, silenceMs: limits.openSilenceMs, code: "PEER_LOST", whom: "the peer", peer: this.id },
			ask: askConnection(this.#hearing, clock, () => this.control.poke()),
		});
		return this.#silence;
	}

	/** Where watches and joinings of broadcasts wait for their turn. At most as many as it may have streams. */
	get dearOpens(): Turnstile {
		if (this.#dearOpens === undefined) {
			const { clock, work, onOpensSlowed } = this.#host;
			this.#dearOpens = new Turnstile({
				...{ perSecond: DEAR_OPENS_PER_SECOND, burst: DEAR_OPENS_AT_ONCE, clock, work },
				slowed: () => onOpensSlowed(this),
				// What cannot be served yet waits where it costs nothing.
				crowded: (is) => this.connection.holdStreams(is),
			});
			if (this.#over) this.#dearOpens.end();
		}
		return this.#dearOpens;
	}

	/** Live proxied streams from this Client, by the peer they go to. */
	get proxiedTo(): Map<string, number> {
		this.#proxiedTo ??= new Map();
		return this.#proxiedTo;
	}

	/** Who it is, where what is done to it is counted. */
	get whom(): Whom {
		const { id, fingerprint, connection } = this;
		return { id, fingerprint, address: (connection.acceptedFrom ?? connection.remoteAddress).address };
	}

	/** What the Client says about itself; untrusted. */
	get metadata(): JsonValue | undefined {
		return this.#metadata;
	}

	/** What other Clients may know of it. */
	get peer(): PeerInfo {
		const { id, fingerprint } = this;
		return { id, fingerprint, ...(this.#metadata === undefined ? {} : { metadata: this.#metadata }) };
	}

	/** A control message of this Client. */
	received(message: Exclude<ControlMessage, Ping | Pong>): void {
		if (message.type === "close") return this.#leaves();
		if (this.direct && isChannelMessageOfClient(message)) return this.#host.onChannelMessage(this, message);
		if (message.type === "metadata" && this.capabilities.includes(PRESENCE_CAPABILITY)) return this.#setMetadata(message);
		if (message.type === "peer-check") return this.#host.onRequest(this, message);
		if (message.type === "broadcast-count" && this.capabilities.includes(BROADCAST_CAPABILITY)) return this.#host.onRequest(this, message);
		this.end(CLOSE_CODES.PROTOCOL_ERROR, `"${message.type}" is not allowed there`);
	}

	/** Anything at all has come on the control stream. */
	gotMessage(): void {
		if (!this.#over && this.direct) this.#host.onHeard(this);
	}

	/** How often something has come that only its process can have said: control frames, and streams that it opened. */
	get heard(): number {
		return this.control.heardFrames + this.#opened;
	}

	/** How long no packet has come from it, in milliseconds. */
	quietMs(): number {
		return this.#hearing.silentMs();
	}

	/** Whether its process answers within that time. Never rejects. */
	answers(timeoutMs: number): Promise<boolean> {
		return this.control.ping(timeoutMs);
	}

	/** Resolves when its connection is over. Never rejects. */
	get over(): Promise<unknown> {
		return this.connection.closed;
	}

	/** It has said that it leaves: in how many milliseconds it has, at the latest. `undefined`: it stays. */
	leavesInMs(): number | undefined {
		return this.#leavesByMs === undefined ? undefined : Math.max(0, this.#leavesByMs - this.#host.clock.now());
	}

	/** It was silent while another key asked for its id. For it that is a loss: if it lives after all, it comes back, and is told who has the id. */
	putOut(): void {
		this.end(CLOSE_CODES.PATH_LOST, "it was silent while another Client asked for its id");
	}

	/** It has said `close`: no more streams are opened to it. Its id is free when its connection has ended. */
	get leaving(): boolean {
		return this.#leaving;
	}

	/** How long nothing has come from it, in milliseconds. If that is a while, it is made to say something, at most once a second. */
	silentMs(): number {
		const silentMs = this.#hearing.silentMs();
		const nowMs = this.#host.clock.now();
		if (silentMs >= this.#host.limits.openSilenceMs / 5 && nowMs - this.#pokedMs >= POKE_GAP_MS) {
			this.#pokedMs = nowMs;
			this.control.poke();
		}
		return silentMs;
	}

	/** How its connection has ended. Never rejects. */
	get closed(): Promise<CloseInfo> {
		// It has left, whichever side says so in the end.
		return this.connection.closed.then((info) => (this.#stayed ? { by: "peer", code: "CLIENT_CLOSED", reason: STAYED } : closeInfoOf(info, "PEER_LOST")));
	}

	/** Where the handshake was with: proven, unlike what the connection shows once it has moved. */
	get acceptedFrom(): SocketAddress | undefined {
		return this.connection.acceptedFrom;
	}

	/** Closes the connection and frees the id at once. */
	end(closeCode: number, reason: string): void {
		if (this.#over) return;
		this.forget();
		this.connection.close(closeCode, reason);
	}

	/** Frees the id, as the connection is over or about to be closed together with all others. */
	forget(): void {
		if (this.#over) return;
		this.#over = true;
		this.#host.clock.clearTimeout(this.#leaveTimer);
		this.control.end();
		this.#dearOpens?.end();
		this.#host.release(this);
	}

	#leaves(): void {
		if (this.#leaving || this.#over) return;
		this.#leaving = true;
		this.#leavesByMs = this.#host.clock.now() + this.#host.limits.closeTimeoutMs;
		this.#leaveTimer = this.#host.clock.setTimeout(() => {
			this.#stayed = true;
			this.end(CLOSE_CODES.NORMAL, STAYED);
		}, this.#host.limits.closeTimeoutMs);
	}

	#setMetadata({ request, metadata }: SetMetadata): void {
		if (this.#over) return;
		const allowed = this.#updates.take(this.#host.clock.now(), this.#host.changeCost(this));
		if (allowed.type === "refused") {
			const { retryAfterMs } = allowed;
			return this.control.send({
				type: "metadata-refused",
				request,
				code: "LIMIT_EXCEEDED",
				message: "too many changes of metadata in a minute",
				retryAfterMs,
			});
		}
		this.#metadata = metadata;
		this.#host.changed(this);
		this.control.send({ type: "metadata-set", request });
	}

	/** Facts for the application. */
	info(): ClientInfo {
		return {
			id: this.id,
			fingerprint: this.fingerprint,
			address: this.connection.remoteAddress,
			connectedAt: new Date(this.#connectedAtMs),
			streams: this.streams,
			rttMs: roundTripMs(this.connection),
			metadata: this.metadata,
		};
	}
}

/** Watches and joinings, which cost far more than they look like: each makes the Coordinator write a list, or tell others. */
const DEAR_OPENS_PER_SECOND = 100;
const DEAR_OPENS_AT_ONCE = 1_000;

/** A little less than the pause between two questions of a Client. */
const POKE_GAP_MS = 900;
