/**
 * Connections of the memory network.
 *
 * @module
 */

import { Fifo } from "#conec/base/fifo";
import { ConecError } from "#conec/errors";
import type { ProvenIdentity } from "#conec/tls/proven-identity";
import type {
	ConnectionHeld,
	Frame,
	HeldStream,
	IncomingStream,
	Sharing,
	SocketAddress,
	StreamHandler,
	StreamOptions,
	Transport,
	TransportCloseInfo,
	TransportStats,
	TransportStream,
} from "#conec/transport/transport";
import { CLOSE_CODES, RESET_CODES } from "#conec/wire/codes";
import { FRAME_BYTES } from "#conec/wire/frames";
import { Line, type LineOptions } from "./line.ts";
import { Pacing } from "./pacing.ts";
import { createLink, type Link, type LinkOwner, MemoryHeld, MemoryIncoming, MemoryStream, refuseLink } from "./stream.ts";
import { createDefer, type Defer } from "./wire.ts";

/** What both ends of a connection have to know. */
export interface ConnectionOptions extends LineOptions {
	readonly windowBytes: number;
	readonly alpnProtocol: string;
	/** Whose end it is. */
	readonly transport: Transport;
	readonly peer: ProvenIdentity;
	/** Where the peer is at first. */
	readonly remoteAddress: SocketAddress;
	/** What a connection of this end may have received and not read. Nothing here keeps to it. */
	readonly connectionWindowBytes: number;
	/** Streams that the peer may have open. */
	readonly streams: number;
	readonly headerTimeoutMs: number;
	/** Set at the accepting end: it is closed with the code unless confirmed in time. */
	readonly undecided?: { readonly timeoutMs: number; readonly code: number };
	/** The connection is over. */
	readonly onClosed: (connection: MemoryConnection) => void;
}

/** One end of a connection. Two of them are tied together by {@link MemoryConnection.tie}. */
export class MemoryConnection implements LinkOwner {
	readonly transport: Transport;
	readonly peer: ProvenIdentity;
	readonly acceptedFrom: SocketAddress | undefined;
	readonly alpnProtocol: string;
	readonly closed: Promise<TransportCloseInfo>;
	readonly #options: ConnectionOptions;
	readonly defer: Defer;
	pacing: Pacing | undefined = undefined;
	onSlowed: (() => void) | undefined = undefined;
	#onTurn: () => void = () => {};
	/** To the peer. */
	readonly #line: Line;
	#peer!: MemoryConnection;
	#remoteAddress: SocketAddress;
	#onStream: ((stream: IncomingStream) => void) | undefined = undefined;
	#resolveClosed!: (info: TransportCloseInfo) => void;
	#state: "undecided" | "open" | "closed";
	#deadline: unknown = undefined;
	/** Who is told when a stream breaks with the connection; a stream is here until both its directions are over. */
	readonly #links: Map<Link, (error: ConecError) => void> = new Map();
	#holdsStreams = false;
	/** Streams that the peer opened and that wait for `onStream`, `confirm` or `holdStreams`. */
	readonly #unseen: Fifo<MemoryIncoming> = new Fifo();
	/** Streams of ours that wait for the peer's stream limit. */
	readonly #unsent: Fifo<Link> = new Fifo();
	/** Streams of ours that count against the peer's limit. */
	#live = 0;
	/** Headers that never came. */
	readonly #headerTimers: Set<unknown> = new Set();
	readonly #counts: { sentBytes: number; receivedBytes: number } = { sentBytes: 0, receivedBytes: 0 };

	constructor(options: ConnectionOptions) {
		this.#options = options;
		this.transport = options.transport;
		this.peer = options.peer;
		this.#remoteAddress = options.remoteAddress;
		this.acceptedFrom = options.undecided === undefined ? undefined : options.remoteAddress;
		this.alpnProtocol = options.alpnProtocol;
		this.defer = createDefer(options.clock);
		this.#line = new Line(options, () => this.fail(lostConnection()));
		this.#state = options.undecided === undefined ? "open" : "undecided";
		this.closed = new Promise((resolve) => {
			this.#resolveClosed = resolve;
		});
	}

	/** Makes two ends one connection. */
	static tie(dialling: MemoryConnection, accepting: MemoryConnection): void {
		dialling.#peer = accepting;
		accepting.#peer = dialling;
		Line.tie(dialling.#line, accepting.#line);
	}

	/** Starts the time in which the accepting end must decide. */
	startDeadline(): void {
		const { undecided, clock } = this.#options;
		if (undecided !== undefined) {
			this.#deadline = clock.setTimeout(() => this.close(undecided.code, "not confirmed in time"), undecided.timeoutMs);
		}
	}

	get remoteAddress(): SocketAddress {
		return this.#remoteAddress;
	}

	get onStream(): (stream: IncomingStream) => void {
		return this.#onStream ?? (() => {});
	}

	set onStream(onStream: (stream: IncomingStream) => void) {
		this.#onStream = onStream;
		this.defer(() => this.#showStreams());
	}

	get connectionWindowBytes(): number {
		return this.#options.connectionWindowBytes;
	}

	openStream(header: Frame, handler: StreamHandler, options: StreamOptions = {}): TransportStream {
		const link = this.#createLink();
		const stream = new MemoryStream(this, link.backward, link.forward, handler, options);
		this.#begin(link, header, (error) => stream.lose(error));
		stream.start();
		return stream;
	}

	openHeldStream(header: Frame, later: boolean = false): HeldStream {
		const link = this.#createLink();
		this.adopt(link, () => {});
		if (this.#state !== "closed") link.forward.write(header.kind, header.payload);
		const held = new MemoryHeld(this, link, () => this.#start(link));
		if (!later) held.open();
		return held;
	}

	/** For tests: a stream whose header never becomes complete. FIN or a reset may follow. */
	openStalledStream(handler: StreamHandler): TransportStream {
		const link = this.#createLink();
		const stream = new MemoryStream(this, link.backward, link.forward, handler, {});
		this.adopt(link, (error) => stream.lose(error));
		stream.start();
		const peer = this.#peer;
		this.#line.wire.post(() => {
			peer.adopt(link, () => {});
			const timer = peer.#options.clock.setTimeout(() => {
				peer.#headerTimers.delete(timer);
				refuseLink(link, RESET_CODES.HEADER_TIMEOUT);
			}, peer.#options.headerTimeoutMs);
			peer.#headerTimers.add(timer);
			peer.#readHeader(link, () => undefined);
		});
		link.forward.start();
		return stream;
	}

	share(sharing: Sharing): void {
		if (this.pacing !== undefined) return;
		const { sharedWith } = sharing;
		this.pacing = (sharedWith instanceof MemoryConnection ? sharedWith.pacing : undefined) ?? new Pacing(this.#options.clock, sharing);
		this.onSlowed = sharing.onSlowed;
		const { onTurn } = sharing;
		if (onTurn !== undefined) this.#onTurn = () => this.defer(onTurn);
	}

	mayTake(): boolean {
		return this.pacing?.mayRead(this, this.#onTurn, this.onSlowed) ?? true;
	}

	took(bytes: number): void {
		this.pacing?.read(this, bytes);
	}

	confirm(): void {
		if (this.#state !== "undecided") {
			return;
		}
		this.#state = "open";
		this.#options.clock.clearTimeout(this.#deadline);
		this.#line.wire.post(() => this.#peer.#sendWaiting());
		this.defer(() => this.#showStreams());
	}

	holdStreams(hold: boolean): void {
		this.#holdsStreams = hold;
		if (!hold) this.defer(() => this.#showStreams());
	}

	/** One wire carries everything in the order in which it was done. Only what a handler is told later must have been told. */
	settled(): Promise<void> {
		return new Promise((resolve) => this.defer(resolve));
	}

	close(code: number, reason: string): void {
		if (this.#state === "closed") {
			return;
		}
		const peer = this.#peer;
		this.#line.wire.post(() => peer.#end({ by: "peer", closeCode: code, reason }));
		this.#end({ by: "local", closeCode: code, reason });
	}

	/** The network no longer carries anything: both ends notice, each on its own. */
	lose(): void {
		for (const end of [this, this.#peer]) {
			end.#line.cut();
			end.fail(lostConnection());
		}
	}

	/** This end has another port. The end that accepted follows, once it hears from there; the one that dialled takes nothing from a stranger. */
	moved(port: number): void {
		const peer = this.#peer;
		if (this.#options.undecided === undefined) {
			this.#line.wire.post(() => {
				peer.#remoteAddress = { ...peer.#remoteAddress, port };
			});
			return;
		}
		for (const end of [this, peer]) {
			end.#line.cut();
			end.#line.goSilent();
		}
	}

	/** Nothing passes, either way, until {@link resume}. Both ends give up after their idle limits. */
	stall(): void {
		for (const end of [this, this.#peer]) end.#line.hold();
	}

	/** What has waited passes, as it is sent again. */
	resume(): void {
		for (const end of [this, this.#peer]) end.#line.release();
	}

	/** The process at this end is killed: this end is over at once, and the other one hears nothing. */
	vanish(): void {
		const peer = this.#peer;
		for (const end of [this, peer]) end.#line.cut();
		peer.#line.goSilent();
		this.fail(lostConnection());
	}

	/** Ends this end with an error. */
	fail(error: ConecError): void {
		this.#end({ by: "error", reason: error.message, error });
	}

	stats(): TransportStats {
		return {
			rttMs: 2 * this.#options.delayMs,
			sentBytes: this.#counts.sentBytes,
			receivedBytes: this.#counts.receivedBytes,
			sentPackets: this.#line.sentPackets,
			receivedPackets: this.#line.receivedPackets,
			lostPackets: 0,
			congestionWindowBytes: this.#options.windowBytes,
			mtuBytes: 1_452,
			silentMs: this.#line.silentMs,
		};
	}

	/** Says who is to be told when a stream breaks with the connection. */
	adopt(link: Link, onLost: (error: ConecError) => void): void {
		if (this.#state === "closed") {
			this.defer(() => this.#abandon(link, onLost));
		} else {
			this.#links.set(link, onLost);
		}
	}

	count(what: "sentBytes" | "receivedBytes", bytes: number): void {
		this.#counts[what] += bytes;
	}

	/** What this end holds for the other. */
	get held(): ConnectionHeld {
		let unsentBytes = 0;
		let unreadBytes = 0;
		let acknowledgedBytes = 0;
		for (const link of this.#links.keys()) {
			const [outgoing, incoming] = link.opener === this ? [link.forward, link.backward] : [link.backward, link.forward];
			unsentBytes += outgoing.unsentBytes;
			acknowledgedBytes += outgoing.acknowledgedBytes;
			unreadBytes += incoming.unreadBytes;
		}
		return { unsentBytes, unreadBytes, acknowledgedBytes };
	}

	/** Streams that are not over, of both sides. */
	get liveStreams(): number {
		return this.#links.size;
	}

	#createLink(): Link {
		return createLink({
			opener: this,
			windowBytes: this.#options.windowBytes,
			toAcceptor: this.#line.wire,
			toOpener: this.#peer.#line.wire,
			defer: this.defer,
			onOver: (link) => {
				this.#links.delete(link);
				this.#peer.#links.delete(link);
				if (link.started) {
					this.#peer.#line.wire.post(() => {
						this.#live--;
						this.#sendWaiting();
					});
				}
			},
		});
	}

	#begin(link: Link, header: Frame, onLost: (error: ConecError) => void): void {
		this.adopt(link, onLost);
		if (this.#state === "closed") {
			return;
		}
		link.forward.writeUrgent(header.kind, header.payload); // so that nothing goes ahead of it
		this.#start(link);
	}

	/** Lets a stream begin as soon as the peer's stream limit allows it. */
	#start(link: Link): void {
		if (this.#state === "closed" || link.over) return;
		this.#unsent.push(link);
		this.#sendWaiting();
	}

	/** Streams that the peer lets this end have: one, until it has decided. */
	get #limit(): number {
		return this.#peer.#state === "undecided" ? 1 : this.#peer.#options.streams;
	}

	#sendWaiting(): void {
		while (this.#live < this.#limit && this.#unsent.length > 0) {
			const link = this.#unsent.shift() as Link;
			const peer = this.#peer;
			if (link.over) {
				continue;
			}
			link.started = true;
			this.#live++;
			this.#line.wire.post(() => peer.#receive(link));
			link.forward.start();
			link.backward.start();
			link.onStarted?.();
		}
	}

	/** A stream of the peer has begun: its header is read, and nothing more. */
	#receive(link: Link): void {
		if (this.#state === "closed") {
			return;
		}
		this.adopt(link, () => {});
		this.#readHeader(link, (frame) => {
			link.forward.pause();
			if (frame.payload.length > FRAME_BYTES) return this.#refuseHeader(link, "the first frame is too long");
			this.#unseen.push(new MemoryIncoming(this, link, frame));
			this.#showStreams();
		});
	}

	#readHeader(link: Link, onFrame: (frame: Frame) => void): void {
		link.forward.read({
			ready: true,
			frame: onFrame,
			end: () => this.#refuseHeader(link, "the first frame was cut short"),
			reset: () => this.#refuseHeader(link, "the stream was reset before its first frame was whole"),
		});
	}

	/** A stream that begins with no frame: it ends, and an undecided connection with it. */
	#refuseHeader(link: Link, why: string): void {
		if (this.#state === "undecided") this.close(CLOSE_CODES.PROTOCOL_ERROR, why);
		else refuseLink(link, RESET_CODES.HEADER_INVALID);
	}

	#showStreams(): void {
		while (this.#onStream !== undefined && !this.#holdsStreams && this.#state !== "closed" && this.#unseen.length > 0) {
			this.#onStream(this.#unseen.shift() as MemoryIncoming);
		}
	}

	#abandon(link: Link, onLost: (error: ConecError) => void): void {
		const [outgoing, incoming] = link.opener === this ? [link.forward, link.backward] : [link.backward, link.forward];
		outgoing.abandonSending();
		incoming.abandonReading();
		onLost(new ConecError("CONNECTION_LOST", "The stream is lost: its connection is over"));
	}

	#end(info: TransportCloseInfo): void {
		if (this.#state === "closed") {
			return;
		}
		this.#state = "closed";
		this.#line.end();
		this.#options.clock.clearTimeout(this.#deadline);
		for (const timer of this.#headerTimers) {
			this.#options.clock.clearTimeout(timer);
		}
		this.#headerTimers.clear();
		this.#unseen.clear();
		this.#unsent.clear();
		const links = [...this.#links];
		this.#links.clear();
		this.#options.onClosed(this);
		this.defer(() => {
			for (const [link, onLost] of links) {
				this.#abandon(link, onLost);
			}
			this.#resolveClosed(info);
		});
	}
}

function lostConnection(): ConecError {
	return new ConecError("CONNECTION_LOST", "nothing came from there for too long");
}
