/**
 * A direct channel to a peer: one QUIC connection between two Clients, and the streams on it.
 *
 * @module
 */

import { type Clock, systemClock } from "../../base/clock.ts";
import type { CloseInfo } from "../../base/close-info.ts";
import { throwIfAborted, within } from "../../base/signals.ts";
import { argumentError, ConecError } from "../../errors.ts";
import type { ClientLimits } from "../../limits.ts";
import { closeInfoOf } from "../../session/close-info-of.ts";
import type { ControlStream } from "../../session/control-stream.ts";
import { describeStream } from "../../session/describe-stream.ts";
import { STAYED } from "../../session/leaving-time.ts";
import { checkOpenStreamOptions, type OpenStreamOptions, survivesMs } from "../../session/open-stream-options.ts";
import type { LegWanted, Survivors } from "../../session/resumption/index.ts";
import { roundTripMs } from "../../session/round-trip.ts";
import { askConnection, Hearing, Silence } from "../../session/silence.ts";
import type { StreamIds } from "../../session/stream-ids.ts";
import { StreamSet } from "../../session/stream-set.ts";
import { fewerLegs, legsOver, type StreamBudgets } from "../../stream/flow.ts";
import type { FramedStream, StreamInit } from "../../stream/framed-stream.ts";
import type { LegWay } from "../../stream/leg-way.ts";
import type { MessageStream } from "../../stream/message-stream.ts";
import type { SocketAddress, Transport, TransportConnection } from "../../transport/transport.ts";
import { CLOSE_CODES, RESET_CODES } from "../../wire/codes.ts";
import type { DirectMessage } from "../../wire/direct-messages.ts";
import type { OpenDirect } from "../../wire/open.ts";

/** Figures of a direct channel. */
export interface ChannelStats {
	/** The smoothed round-trip time, in milliseconds. */
	readonly rttMs: number;
	/** The address of the peer now. */
	readonly remoteAddress: SocketAddress;
	/** Bytes of UDP payload that were sent. */
	readonly sentBytes: number;
	/** Bytes of UDP payload that were received. */
	readonly receivedBytes: number;
	/** Packets of this side that were lost. */
	readonly lostPackets: number;
	/** Live streams that either side opened. */
	readonly streams: number;
	/** When the channel was made. */
	readonly since: Date;
}

/** What a connection says of itself. */
export interface ChannelFigures extends Omit<ChannelStats, "streams" | "since"> {
	/** How long nothing has come. */
	readonly silentMs: number;
}

/** A direct channel to a peer. `client.openChannel` makes it, or the peer does. It goes on when the Coordinator is lost. Disposing is `close()`. */
export interface Channel extends AsyncDisposable {
	/** Id of the peer. Its certificate proves it. */
	readonly peer: string;
	/** `sha256:<hex>` of the key that the peer has shown. */
	readonly fingerprint: string;
	/**
	 * Opens a stream on this channel. Resolves when the peer's library has accepted it, within 10 s. It waits like `Client.openStream`.
	 *
	 * @throws TypeError `OPTION_INVALID`, also for `path: "proxied"`; RangeError `STREAM_ID_IN_USE`; `signal.reason` on abort, and then the stream is reset
	 * @throws ConecError `CHANNEL_CLOSED`, `PEER_BUSY`, `QUEUE_FULL`, `PROTOCOL_UNHANDLED`, `PEER_LOST`, `PEER_TIMEOUT`, `CLIENT_CLOSED`
	 */
	openStream(options?: OpenStreamOptions): Promise<MessageStream>;
	/** The figures of now. After the end, the last ones that are known. */
	stats(): ChannelStats;
	/** Closes the channel. It waits at most 2 s (`limits.lingerMs`) until the peer has heard how the application ended its streams, and resets all others with `CHANNEL_CLOSED`. A second call waits for the same end. Never rejects. */
	close(): Promise<void>;
	/** Resolves when the channel has ended, and says how. Never rejects. */
	readonly closed: Promise<CloseInfo>;
}

/** What a channel is made of. */
export interface ChannelParts {
	readonly peer: string;
	/** Of the key that the peer has shown. */
	readonly fingerprint: string;
	readonly connection: TransportConnection;
	/** The socket that it goes over. */
	readonly transport: Transport;
	readonly control: ControlStream<DirectMessage>;
	/** This side dialled, so this side may move (RFC 9000, 9). */
	readonly dialled: boolean;
	/** Of the attempt that it came from; probes on its behalf carry it. */
	readonly token: string;
	readonly ids: StreamIds;
	readonly limits: ClientLimits;
	/** @default the machine's */
	readonly clock?: Clock;
	/** What its streams share with all others of the process. @default with each other only */
	readonly budgets?: StreamBudgets | undefined;
	/** @default no stream survives the loss of the channel */
	readonly survivors?: Survivors | undefined;
	/** The channel takes no more streams: it is being closed, by either side, or is over. Called once. */
	readonly onLeaving: (channel: DirectChannel) => void;
	/** It is over. Called once, after `onLeaving`. */
	readonly onEnd: (channel: DirectChannel, info: CloseInfo) => void;
}

/** See {@link Channel}; with the handles of its owner. */
export class DirectChannel implements Channel {
	readonly peer: string;
	readonly fingerprint: string;
	readonly token: string;
	readonly dialled: boolean;
	readonly closed: Promise<CloseInfo>;
	readonly connection: TransportConnection;
	readonly transport: Transport;
	/** Nothing comes back on it, and it is not given up yet. */
	stalled = false;
	/** Streams of this side may be on it that can go elsewhere. So a silence is to be noticed soon. */
	watchful = false;
	/** Called when a stream is opened, or has come. */
	onUse: () => void = () => {};
	readonly #control: ControlStream<DirectMessage>;
	readonly #streams: StreamSet;
	readonly #hearing: Hearing;
	readonly #silence: Silence;
	readonly #limits: ClientLimits;
	readonly #budgets: StreamBudgets | undefined;
	readonly #survivors: Survivors | undefined;
	readonly #clock: Clock;
	readonly #since: Date;
	readonly #onLeaving: (channel: DirectChannel) => void;
	#state: ChannelState = { type: "open" };
	/** Ends a channel whose peer has said that it leaves and then does not. */
	#leaveTimer: unknown;
	/** How it is over, where the connection itself does not say it. */
	#verdict: CloseInfo | undefined;
	#figures: ChannelFigures | undefined;

	constructor({
		peer,
		fingerprint,
		connection,
		transport,
		control,
		dialled,
		token,
		ids,
		limits,
		clock = systemClock,
		budgets,
		survivors,
		onLeaving,
		onEnd,
	}: ChannelParts) {
		this.peer = peer;
		this.fingerprint = fingerprint;
		this.token = token;
		this.dialled = dialled;
		this.connection = connection;
		this.transport = transport;
		this.#control = control;
		this.#clock = clock;
		this.#since = new Date(clock.wallMs());
		this.#streams = new StreamSet(ids, clock, { waiting: limits.waitingCalls, live: () => Number.POSITIVE_INFINITY });
		this.#hearing = new Hearing(connection);
		const ask = askConnection(this.#hearing, clock, () => this.poke());
		this.#silence = new Silence({ clock, silenceMs: limits.openSilenceMs, ask, code: "PEER_LOST", whom: "the peer", peer });
		this.#limits = limits;
		this.#budgets = budgets;
		this.#survivors = survivors;
		this.#onLeaving = onLeaving;
		this.closed = connection.closed.then((ended) => {
			const info = this.#verdict ?? closeInfoOf(ended, "PEER_LOST");
			const wasOpen = this.#state.type === "open";
			this.#state = { type: "over", info };
			clock.clearTimeout(this.#leaveTimer);
			control.end();
			this.#streams.destroy(this.#gone(info), RESET_CODES.NONE);
			if (wasOpen) onLeaving(this);
			onEnd(this, info);
			return info;
		});
	}

	/** Whether streams of the peer are accepted: what it opened before it said that it leaves may come after that. */
	get takesStreams(): boolean {
		return this.#state.type === "open" || this.#state.type === "left";
	}

	/** Whether a stream lives on it, or is being opened. */
	get inUse(): boolean {
		return this.#streams.size > 0 || legsOver(this.connection) > 0;
	}

	/** Smoothed round trip; 0 when it is over. */
	get rttMs(): number {
		return roundTripMs(this.connection);
	}

	/** `timeoutMs`: what is left of the time that the application gives it. */
	async openStream(options: OpenStreamOptions = {}, timeoutMs?: number): Promise<MessageStream> {
		checkOpenStreamOptions(options, this.#limits.metadataBytes);
		if (options.path === "proxied")
			throw argumentError("type", "OPTION_INVALID", `Cannot open stream to "${this.peer}": a stream of a direct channel is never "proxied"`);
		throwIfAborted(options.signal);
		if (this.#state.type !== "open") throw this.#gone(this.#state.type === "over" ? this.#state.info : (this.#verdict ?? { by: "local" }));
		const make = (id: number): { init: StreamInit; open: OpenDirect } => {
			const open = { id, metadata: options.metadata, protocol: options.protocol, priority: options.priority };
			const init = this.init(open, describeStream(id, "to", this.peer));
			const { path = "auto", priority } = options;
			const forMs = survivesMs(options);
			const survival = forMs === undefined ? undefined : this.#survivors?.opening({ peer: this.peer, id, path, priority }, forMs);
			return { init: survival === undefined ? init : { ...init, survival }, open };
		};
		const opening = this.#streams.open(this.connection, options, make, [this.#silence], timeoutMs);
		this.onUse();
		return await opening;
	}

	/** What a stream of this channel begins with. */
	init({ id, metadata, protocol, priority }: OpenDirect, describe: string): StreamInit {
		const [limits, clock, budgets] = [this.#limits, this.#clock, this.#budgets];
		return { peer: this.peer, id, path: "direct", metadata, protocol, priority, limits, describe, lostCode: "PEER_LOST", clock, budgets };
	}

	/** The way of a further leg of a stream that was opened here. */
	way({ id, priority }: LegWanted): LegWay {
		this.carries();
		const open = { id, priority };
		return { connection: this.connection, open, init: this.init(open, describeStream(id, "to", this.peer)) };
	}

	/** A further leg of a stream has come. */
	carries(): void {
		this.#streams.carries();
		this.#clock.soon(() => this.onUse());
	}

	/** Keeps a stream that the peer opened. */
	add(stream: FramedStream): void {
		this.#streams.add(stream);
		this.onUse();
	}

	stats(): ChannelStats {
		const { rttMs, sentBytes, receivedBytes, lostPackets, remoteAddress } = this.figures();
		return { rttMs, sentBytes, receivedBytes, lostPackets, remoteAddress, streams: this.#streams.size, since: this.#since };
	}

	/** What the connection itself says of now, or has said last. It is asked a few times a second, and that once. */
	figures(): ChannelFigures {
		if (this.#state.type !== "over") {
			try {
				const { rttMs, sentBytes, receivedBytes, lostPackets, silentMs } = this.connection.stats();
				this.#figures = { rttMs, sentBytes, receivedBytes, lostPackets, silentMs, remoteAddress: this.connection.remoteAddress };
			} catch {
				// It is over, which nobody has been told yet.
			}
		}
		return this.#figures ?? { rttMs: 0, sentBytes: 0, receivedBytes: 0, lostPackets: 0, silentMs: 0, remoteAddress: this.connection.remoteAddress };
	}

	/** Whether the peer's process answers on this path. Never rejects. */
	ping(timeoutMs: number): Promise<boolean> {
		return this.#control.ping(timeoutMs);
	}

	/** How long no packet of the peer has come, in milliseconds. */
	silentMs(): number {
		return this.#hearing.silentMs();
	}

	/** Says something that needs no answer: it shows a new address of this side to the peer. */
	poke(): void {
		this.#control.poke();
	}

	/** Makes the machine of the peer answer: NATs keep the way open, and this side hears whether the peer is there. */
	keepAlive(): void {
		this.#control.keepAlive();
	}

	close(): Promise<void> {
		return this.end(CHANNEL_CLOSED, RESET_CODES.CHANNEL_CLOSED);
	}

	[Symbol.asyncDispose](): Promise<void> {
		return this.close();
	}

	/** {@link close} for another reason: `error` is what streams fail with here, `wireCode` what they are reset with, and `closeCode` ends the connection. */
	end(error: (peer: string) => ConecError, wireCode: number, closeCode: number = CLOSE_CODES.NORMAL): Promise<void> {
		const { type } = this.#state;
		if (type === "open" || type === "left") {
			this.#clock.clearTimeout(this.#leaveTimer);
			this.#state = { type: "leaving", done: this.#end(error(this.peer), wireCode, closeCode) };
			if (type === "open") this.#onLeaving(this);
		}
		return this.#state.type === "leaving" ? this.#state.done : Promise.resolve();
	}

	/** Ends it at once: streams fail with `PEER_LOST` here, and there when they hear of it. */
	fail(reason: string): void {
		const verdict: CloseInfo = { by: "error", code: "PEER_LOST", reason };
		this.#verdict ??= verdict;
		this.#cease();
		this.#streams.destroy(this.#gone(verdict), RESET_CODES.PEER_LOST);
		this.destroy(CLOSE_CODES.PATH_LOST, reason);
	}

	/** Ends it at once, as the peer is not welcome any more: no stream is taken from it or opened from now on, also none that is on its way here. */
	bar(reason: string): void {
		if (this.#state.type === "ending" || this.#state.type === "over") return;
		this.#cease();
		// Before the connection: from its end they would hear only that it is lost.
		this.#streams.destroy(this.#gone({ by: "local", code: "DISCONNECTED", reason }), RESET_CODES.DISCONNECTED, RESET_CODES.FORBIDDEN);
		this.destroy(CLOSE_CODES.DISCONNECTED, reason);
	}

	/** Ends it at once, with everything that this Client has: `error` is what its streams fail with. */
	abandon(error: ConecError): void {
		this.#cease();
		this.#streams.destroy(error, RESET_CODES.CLIENT_CLOSED);
		this.destroy(CLOSE_CODES.CLIENT_CLOSED, error.message);
	}

	/** Ends the connection at once. */
	destroy(closeCode: number, reason: string): void {
		this.#cease();
		this.connection.close(closeCode, reason);
	}

	/** The peer has said `close`: it takes no more streams, and is given as long to end the connection as this side would take. */
	peerLeaves(): void {
		if (this.#state.type !== "open") return;
		this.#state = { type: "left" };
		this.#leaveTimer = this.#clock.setTimeout(() => {
			// It has left, whichever side says so in the end.
			this.#verdict ??= { by: "peer", reason: STAYED };
			this.destroy(CLOSE_CODES.NORMAL, STAYED);
		}, this.#limits.closeTimeoutMs);
		this.#onLeaving(this);
	}

	/** No stream is taken or opened from now on, also while the connection has yet to end. */
	#cease(): void {
		const { type } = this.#state;
		// Whoever closes it gracefully waits until the connection is over.
		if (type === "leaving" || type === "ending" || type === "over") return;
		this.#clock.clearTimeout(this.#leaveTimer);
		this.#state = { type: "ending" };
		if (type === "open") this.#onLeaving(this);
	}

	async #end(error: ConecError, wireCode: number, closeCode: number): Promise<void> {
		const { lingerMs, closeTimeoutMs } = this.#limits;
		const untilMs = this.#clock.now() + Math.min(lingerMs, closeTimeoutMs);
		const leftMs = (): number => Math.max(0, untilMs - this.#clock.now());
		this.#control.send({ type: "close", reason: "the channel is closed" });
		// Those that can go elsewhere do so in order, so that nothing has to be sent again.
		await fewerLegs(this.connection, () => this.#streams.ordinary + (this.#survivors?.staying(this.peer) ?? 0), leftMs(), this.#clock);
		await this.#streams.end({ error, wireCode, lingerMs: leftMs(), flush: (timeoutMs) => this.#control.flush(timeoutMs) });
		this.destroy(closeCode, "");
		await within(closeTimeoutMs, this.closed, this.#clock);
	}

	#gone(info: CloseInfo): ConecError {
		const { peer } = this;
		if (info.code === undefined) return CHANNEL_CLOSED(peer);
		return new ConecError(info.code, `Lost the direct channel to "${peer}"${info.reason === undefined ? "" : `: ${info.reason}`}`, { peer });
	}
}

/** Whether this side, or the peer, wanted the channel to end. A peer that has given up a dead one says so with another code. */
export function endedOnPurpose({ by, code }: CloseInfo): boolean {
	return by === "local" || (by === "peer" && (code === undefined || code === "CLIENT_CLOSED"));
}

type ChannelState =
	| { readonly type: "open" }
	/** The peer takes no more streams. */
	| { readonly type: "left" }
	/** This side takes none, and is about to end the connection. */
	| { readonly type: "leaving"; readonly done: Promise<void> }
	/** The connection is ending, and nobody waits for anything. */
	| { readonly type: "ending" }
	| { readonly type: "over"; readonly info: CloseInfo };

const CHANNEL_CLOSED = (peer: string): ConecError => new ConecError("CHANNEL_CLOSED", `Cannot continue: the direct channel to "${peer}" is closed`, { peer });
