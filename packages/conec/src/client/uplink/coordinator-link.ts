/**
 * A Client's end of its connection to the Coordinator: the control stream, and the streams that go through it.
 *
 * @module
 */

import { type Clock, systemClock } from "../../base/clock.ts";
import type { CloseInfo } from "../../base/close-info.ts";
import type { ConecError } from "../../errors.ts";
import type { ClientLimits } from "../../limits.ts";
import { closeInfoOf } from "../../session/close-info-of.ts";
import type { ControlStream } from "../../session/control-stream.ts";
import { describeStream } from "../../session/describe-stream.ts";
import { endAtExpiry } from "../../session/end-at-expiry.ts";
import { STAYED } from "../../session/leaving-time.ts";
import { type OpenStreamOptions, survivesMs } from "../../session/open-stream-options.ts";
import type { Arrival } from "../../session/protocols/index.ts";
import type { LegWanted, Survivors } from "../../session/resumption/index.ts";
import { roundTripMs } from "../../session/round-trip.ts";
import { askConnection, type Heard, Hearing, Silence } from "../../session/silence.ts";
import type { StreamIds } from "../../session/stream-ids.ts";
import { StreamSet, type StreamSetEnd } from "../../session/stream-set.ts";
import type { StreamBudgets } from "../../stream/flow.ts";
import type { StreamInit } from "../../stream/framed-stream.ts";
import type { LegWay } from "../../stream/leg-way.ts";
import type { MessageStream } from "../../stream/message-stream.ts";
import { rejectStream } from "../../stream/open-stream.ts";
import type { IncomingStream, SocketAddress, TransportConnection } from "../../transport/transport.ts";
import { BROADCAST_CAPABILITY } from "../../wire/broadcast.ts";
import { type ChannelMessageOfCoordinator, DIRECT_CAPABILITY, isChannelMessageOfCoordinator } from "../../wire/channel-messages.ts";
import { CLOSE_CODES, RESET_CODES } from "../../wire/codes.ts";
import { type ComeBack, saysComeBack } from "../../wire/come-back.ts";
import type { ControlMessage, Ping, Pong, Welcome } from "../../wire/control.ts";
import { FRAME } from "../../wire/frames.ts";
import { decodeOpenFromCoordinator, type OpenDirect, type OpenToCoordinator, sharedPriority } from "../../wire/open.ts";
import { PRESENCE_CAPABILITY } from "../../wire/presence.ts";
import type { Greeted } from "./handshake.ts";
import { PeerSilences } from "./peer-silences.ts";
import { type ClientRequests, clientRequests } from "./questions.ts";
import { SilentLink } from "./silent-link.ts";

/** What the owner of a link is told and asked. */
export interface LinkEvents {
	/** The Coordinator stops, or sends this Client away, and why. Called once. */
	draining(reason: string, comeBack: ComeBack | undefined): void;
	/** About direct channels, and no answer that somebody waits for. Never called unless the Coordinator has the capability. */
	channel(message: ChannelMessageOfCoordinator): void;
	/** A peer or the Coordinator has opened a stream. */
	arrived(arrival: Arrival): void;
	/** The connection has ended. Called once, the last call. */
	lost(info: CloseInfo): void;
}

/** What a link is made of. */
export interface LinkParts {
	readonly greeted: Greeted;
	readonly limits: ClientLimits;
	readonly ids: StreamIds;
	/** End the connection when the Coordinator's certificate expires. */
	readonly endAtExpiry: boolean;
	/** @default the machine's */
	readonly clock?: Clock;
	/** What its streams share with all others of the process. @default with each other only */
	readonly budgets?: StreamBudgets;
	/** @default no stream survives the loss of the link */
	readonly survivors?: Survivors;
	readonly events: LinkEvents;
}

/** See the module. Made when the Coordinator has said welcome. */
export class CoordinatorLink {
	readonly welcome: Welcome;
	readonly connection: TransportConnection;
	readonly streams: StreamSet;
	/** As the Coordinator sees this Client. */
	observedAddress: SocketAddress;
	readonly #greeted: Greeted;
	readonly #clock: Clock;
	readonly #budgets: StreamBudgets | undefined;
	readonly #survivors: Survivors | undefined;
	readonly #control: ControlStream;
	readonly #limits: ClientLimits;
	/** What holds for messages that the Coordinator itself takes. */
	readonly sendLimits: ClientLimits;
	readonly #events: LinkEvents;
	readonly #requests: ClientRequests;
	readonly #hearing: Hearing;
	readonly #silence: Silence;
	readonly #peers: PeerSilences;
	readonly #quiet: SilentLink;
	#state: "open" | "draining" | "over" = "open";
	#verifying = false;
	/** Ends the connection to a Coordinator that has said that it stops and then does not. */
	#leaveTimer: unknown;
	/** How it is over, where the connection itself does not say it. */
	#verdict: CloseInfo | undefined;
	#comeBack: ComeBack | undefined;

	constructor(parts: LinkParts) {
		const { greeted, limits, ids, events, clock = systemClock } = parts;
		const { welcome, connection, control } = greeted;
		this.#greeted = greeted;
		this.#clock = clock;
		this.#budgets = parts.budgets;
		this.#survivors = parts.survivors;
		this.welcome = welcome;
		this.connection = connection;
		this.observedAddress = welcome.observedAddress;
		this.streams = new StreamSet(ids, clock, {
			waiting: limits.waitingCalls,
			live: (peer) => (peer === null ? Number.POSITIVE_INFINITY : welcome.limits.streamsPerPair),
		});
		this.#control = control;
		this.#limits = limits;
		this.sendLimits = { ...limits, messageBytes: Math.min(limits.messageBytes, welcome.limits.messageBytes) };
		this.#events = events;
		this.#requests = clientRequests((message) => control.send(message), limits, clock);
		this.#hearing = new Hearing(connection);
		const ask = askConnection(this.#hearing, clock, () => control.poke());
		this.#silence = new Silence({ clock, silenceMs: limits.openSilenceMs, ask, code: "COORDINATOR_LOST", whom: "the Coordinator" });
		this.#peers = new PeerSilences(this.#requests, limits.openSilenceMs, clock);
		const says = { poke: () => control.poke(), keepAlive: () => control.keepAlive() };
		this.#quiet = new SilentLink({ clock, connection, streams: this.streams, ...says });
		void connection.closed.then((info) => {
			this.#state = "over";
			this.#quiet.end();
			clock.clearTimeout(this.#leaveTimer);
			control.end();
			events.lost(this.#verdict ?? closeInfoOf(info, "COORDINATOR_LOST"));
		});
		if (parts.endAtExpiry) endAtExpiry(connection, "the Coordinator's", clock);
	}

	/** Begins to tell the events, those first that came with the welcome. Once, when the owner is ready for them. */
	listen(): void {
		const { connection } = this;
		this.#greeted.listen({ message: (message) => this.#received(message), broken: (closeCode, reason) => connection.close(closeCode, reason) });
		connection.onStream = (incoming) => this.#onStream(incoming);
	}

	/** "draining": the Coordinator has said that it is about to end the connection. "over": the connection has ended. */
	get state(): "open" | "draining" | "over" {
		return this.#state;
	}

	/** When and where to come back, as the Coordinator said with its farewell. It stays when the connection has ended. `undefined`: it has said nothing of that. */
	get comeBack(): ComeBack | undefined {
		return this.#comeBack;
	}

	/** Whether both sides have a capability. */
	can(capability: string): boolean {
		return this.welcome.capabilities.includes(capability);
	}

	/** Smoothed round trip; 0 when it is over. */
	get rttMs(): number {
		return roundTripMs(this.connection);
	}

	/** Sends a control message; nothing happens when the connection is over. */
	send(message: Exclude<ControlMessage, Ping | Pong>): void {
		this.#control.send(message);
	}

	/** Questions to the Coordinator that wait for an answer. */
	get requests(): Pick<ClientRequests, "ask" | "request" | "size"> {
		return this.#requests;
	}

	/** Says something that needs no answer, now: it shows a new address of this Client to the Coordinator. */
	poke(): void {
		this.#control.poke();
	}

	/** Makes the Coordinator say something, and gives the link up if nothing comes from its machine within `withinMs`. Calls at the same time share a question. */
	verify(withinMs: number): void {
		if (this.#verifying) return;
		this.#verifying = true;
		void this.#lives(withinMs).then((lives) => {
			this.#verifying = false;
			if (!lives) this.#giveUp({ by: "error", code: "COORDINATOR_LOST", reason: UNANSWERED });
		});
	}

	/** A machine whose process is busy acknowledges all the same. What has come may have come long ago, and have waited here: so it is asked again, but not for ever. */
	async #lives(withinMs: number): Promise<boolean> {
		for (let questions = 0; questions < MOST_QUESTIONS; questions++) {
			const sinceMs = this.#clock.now();
			if ((await this.#control.ping(withinMs)) || this.#state === "over") return true;
			const waitedMs = this.#clock.now() - sinceMs;
			// One that has failed at once is one on a connection that is over, and says better why.
			if (waitedMs < withinMs / 2) return true;
			if (this.#hearing.silentMs() >= waitedMs) return false;
		}
		return true;
	}

	/** Opens a stream through the Coordinator to a peer, or to the Coordinator itself (`null`), within `timeoutMs`. `others`: from whom something must come meanwhile, beside the Coordinator. Rejects like `Client.openStream`. */
	openStream(peer: string | null, options: OpenStreamOptions, others: readonly Heard[] = [], timeoutMs?: number): Promise<MessageStream> {
		const make = (id: number): { init: StreamInit; open: OpenToCoordinator } => {
			const open = { id, metadata: options.metadata, protocol: options.protocol, priority: options.priority };
			const init = this.#init(peer, open, describeStream(id, "to", peer));
			const { path = "auto", priority } = options;
			const forMs = survivesMs(options);
			const survival = forMs === undefined ? undefined : this.#survivors?.opening({ peer, id, path, priority }, forMs);
			return { init: survival === undefined ? init : { ...init, survival }, open: peer === null ? open : { to: peer, ...open } };
		};
		this.#quiet.used();
		return this.streams.open(this.connection, options, make, [this.#silence, ...others], timeoutMs);
	}

	/** The way of a further leg of a stream that was opened here. */
	way({ peer, id, priority }: LegWanted): LegWay {
		this.streams.carries();
		this.#quiet.used();
		const open = { id, priority };
		return { connection: this.connection, open: peer === null ? open : { to: peer, ...open }, init: this.#init(peer, open, describeStream(id, "to", peer)) };
	}

	/** A peer, as the Coordinator hears it. */
	peer(id: string): Heard {
		return this.#peers.of(id);
	}

	/** No answer is waited for any more, and nothing is asked: all that wait are told. */
	endRequests(error: ConecError): void {
		this.#requests.end(error);
	}

	/** Announces that this Client leaves and ends the streams as `how` says. */
	async leave(reason: string, how: Omit<StreamSetEnd, "flush">): Promise<void> {
		this.#control.send({ type: "close", reason });
		await this.streams.end({ ...how, flush: (timeoutMs) => this.#control.flush(timeoutMs) });
	}

	/** Forgets what is waited for and ends the streams; the connection is closed by who owns the socket. */
	destroy(error: ConecError, wireCode: number): void {
		this.#control.end();
		this.#requests.end(error);
		this.streams.destroy(error, wireCode);
	}

	#giveUp(verdict: CloseInfo): void {
		this.#verdict ??= verdict;
		this.connection.close(CLOSE_CODES.NORMAL, verdict.reason ?? "");
	}

	#received(message: Exclude<ControlMessage, Ping | Pong>): void {
		if (this.#state === "over") return;
		if (isChannelMessageOfCoordinator(message) && this.can(DIRECT_CAPABILITY)) {
			if (!this.#requests.answered(message)) this.#events.channel(message);
			return;
		}
		const counted = (message.type === "broadcast-counted" || message.type === "broadcast-unknown") && this.can(BROADCAST_CAPABILITY);
		const changed = (message.type === "metadata-set" || message.type === "metadata-refused") && this.can(PRESENCE_CAPABILITY);
		// One that nobody waits for is passed over.
		if (counted || changed || message.type === "peer-checked") return void this.#requests.answered(message);
		if (message.type !== "close") return this.connection.close(CLOSE_CODES.PROTOCOL_ERROR, `"${message.type}" after the welcome`);
		if (this.#state === "draining") return;
		this.#state = "draining";
		this.#leaveTimer = this.#clock.setTimeout(() => {
			// It has left, whichever side says so in the end.
			this.#giveUp({ by: "peer", code: "COORDINATOR_CLOSED", reason: STAYED });
		}, this.#limits.closeTimeoutMs);
		const { retryAfterMs, spreadMs, alternatives } = message;
		this.#comeBack = saysComeBack(message) ? { retryAfterMs, spreadMs, alternatives } : undefined;
		this.#events.draining(message.reason, this.#comeBack);
	}

	#onStream(incoming: IncomingStream): void {
		this.#quiet.used();
		if (incoming.header.kind !== FRAME.OPEN) return incoming.refuse(RESET_CODES.HEADER_INVALID);
		const open = decodeOpenFromCoordinator(incoming.header.payload, this.#limits.metadataBytes);
		if (!open.ok) return rejectStream(incoming, "PROTOCOL_ERROR", open.error);
		const { from = null, id } = open.value;
		// A peer may not put its stream ahead of those of others on this connection. The Coordinator may.
		const priority = from === null ? open.value.priority : sharedPriority(open.value.priority);
		const init = this.#init(from, { ...open.value, priority }, describeStream(id, "from", from));
		const { resume, fromKey } = open.value;
		this.#events.arrived({ incoming, init, resume, fromKey, accepted: (stream) => this.streams.add(stream), legCame: () => this.streams.carries() });
	}

	#init(peer: string | null, { id, metadata, protocol, priority }: OpenDirect, describe: string): StreamInit {
		const limits = peer === null ? this.sendLimits : this.#limits;
		const path = peer === null ? "direct" : "proxied";
		return {
			peer,
			id,
			path,
			metadata,
			protocol,
			priority,
			limits,
			describe,
			lostCode: "COORDINATOR_LOST",
			clock: this.#clock,
			budgets: this.#budgets,
			severalPeers: true,
		};
	}
}

const MOST_QUESTIONS = 3;

const UNANSWERED = "nothing has come from it since this machine has slept or has changed its network";
