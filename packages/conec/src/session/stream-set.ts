/**
 * The live streams of an entity: their numbers, and how they end when it does.
 *
 * @module
 */

import { type Clock, systemClock } from "../base/clock.ts";
import type { CloseInfo } from "../base/close-info.ts";
import { type LinkedAbort, linkedAbort, throwIfAborted, within } from "../base/signals.ts";
import { ConecError, isConecError } from "../errors.ts";
import { cannotOpen, isFatal } from "../stream/exchange/index.ts";
import type { FramedStream, StreamInit } from "../stream/framed-stream.ts";
import { openMessageStream } from "../stream/open-stream.ts";
import type { TransportConnection } from "../transport/transport.ts";
import { RESET_CODES } from "../wire/codes.ts";
import type { OpenDirect, OpenToCoordinator } from "../wire/open.ts";
import type { OpenStreamOptions } from "./open-stream-options.ts";
import { type Place, Places, type PlacesLimits } from "./opens/index.ts";
import type { Heard } from "./silence.ts";
import { StreamIds } from "./stream-ids.ts";

/** How a {@link StreamSet} ends. */
export interface StreamSetEnd {
	/** What the streams that are not over fail with here, and at their peers. */
	readonly error: ConecError;
	readonly wireCode: number;
	/** How long the peers may take to hear how the application has ended its streams. */
	readonly lingerMs: number;
	/** Resolves when the next hop has heard of what was said before, unless a packet was lost: see `ControlStream.flush`. */
	readonly flush: (timeoutMs: number) => Promise<unknown>;
}

/** A stream of any kind. */
export interface LiveStream {
	readonly closed: Promise<CloseInfo>;
	/** The application has ended something in its own way, by `close`, `reset` or `stop`, and the peer may not know that yet. */
	readonly unheard: boolean;
	/** Resolves when it does, or nothing is left of the stream. Never rejects. */
	heard(): Promise<void>;
	/** It survives the loss of its connection. @default false */
	readonly resumable?: boolean;
	/** It has no connection now. @default false */
	readonly suspended?: boolean;
	/** Ends it at once: `error` here, `wireCode` at the other side. */
	destroy(error: ConecError, wireCode: number): void;
}

/** Streams that were opened and accepted here, until they are over. */
export class StreamSet {
	readonly #live: Set<LiveStream> = new Set();
	/** There has been a stream at all. */
	#used = false;
	readonly #ids: StreamIds;
	readonly #clock: Clock;
	readonly #opening: Set<LinkedAbort> = new Set();
	readonly #places: Places;
	#ended: ConecError | undefined;

	/** `ids`: shared by the sets of one entity. */
	constructor(ids: StreamIds = new StreamIds(), clock: Clock = systemClock, places: PlacesLimits = NO_LIMITS) {
		this.#ids = ids;
		this.#clock = clock;
		this.#places = new Places(places, clock);
	}

	/** Streams that are not over, those being opened included. */
	get size(): number {
		return this.#live.size + this.#opening.size;
	}

	/** Streams that end with their connection. */
	get ordinary(): number {
		let count = 0;
		for (const { resumable } of this.#live) if (resumable !== true) count++;
		return count;
	}

	/** Numbers in use. */
	get ids(): number {
		return this.#ids.size;
	}

	/**
	 * Opens a stream within `timeoutMs` (`limits.requestTimeoutMs`). `init` and `open` are made for its number. Waits while there
	 * is no place for it, see {@link Places}. `others`: those from whom something must come while it waits.
	 *
	 * Rejects like `openMessageStream`, with `STREAM_ID_IN_USE`, `QUEUE_FULL`, with the error of {@link end}, or with that of a silent one.
	 */
	async open(
		connection: TransportConnection,
		options: OpenStreamOptions,
		make: (id: number) => { init: StreamInit; open: OpenToCoordinator | OpenDirect },
		others: readonly Heard[] = [],
		timeoutMs?: number,
	): Promise<FramedStream> {
		throwIfAborted(options.signal);
		if (this.#ended !== undefined) throw this.#ended;
		const id = this.#ids.reserve(options.id);
		const abort = linkedAbort(options.signal);
		this.#opening.add(abort);
		let made: StreamInit | undefined;
		let place: Place | undefined;
		let forget: readonly (() => void)[] = [];
		try {
			const { init, open } = make(id);
			made = init;
			const silent = (error: ConecError): void => abort.abort(error);
			forget = others.map((other) => other.watch(() => `Cannot open ${init.describe}`, silent));
			const withinMs = timeoutMs ?? init.limits.requestTimeoutMs;
			const untilMs = this.#clock.now() + withinMs;
			place = this.#places.take(init.peer) ?? (await this.#placeFor(init, withinMs, abort.signal));
			const leftMs = Math.max(0, Math.floor(untilMs - this.#clock.now()));
			const stream = await openMessageStream(connection, open, init, { early: options.early, signal: abort.signal, timeoutMs: leftMs });
			const taken = place;
			void stream.answered.then(() => taken.answered());
			this.add(stream, id, place);
			return stream;
		} catch (error) {
			this.#ids.release(id);
			place?.free();
			// A connection that has ended a moment ago says only that.
			if (made?.lostCode !== undefined && isConecError(error) && error.code === "CONNECTION_LOST")
				throw new ConecError(made.lostCode, `Cannot open ${made.describe}: the connection is lost`, { cause: error });
			throw error;
		} finally {
			for (const one of forget) one();
			this.#opening.delete(abort);
			abort.unlink();
		}
	}

	/** Keeps a stream until it is over. Until then it has its number and its place, if it was opened here. */
	add(stream: LiveStream, id?: number, place?: Place): void {
		if (this.#ended !== undefined && stream.resumable !== true) stream.destroy(this.#ended, RESET_CODES.NONE);
		this.#used = true;
		this.#live.add(stream);
		// The first to wait for `closed`: whoever does so later finds the number free.
		void stream.closed.then(() => {
			this.#live.delete(stream);
			if (id !== undefined) this.#ids.release(id);
			place?.free();
		});
	}

	/** Keeps the streams of another set that have survived the loss of its connection. */
	adopt(other: StreamSet): void {
		for (const stream of other.#live) if (stream.resumable === true) this.add(stream);
	}

	/** A stream that is not kept here goes over its connection, too. */
	carries(): void {
		this.#used = true;
	}

	#placeFor(init: StreamInit, withinMs: number, signal: AbortSignal): Promise<Place> {
		return this.#places.wait(init.peer, {
			timeoutMs: withinMs,
			signal,
			late: () => cannotOpen({ lostCode: "CONNECTION_LOST", ...init }, "PEER_TIMEOUT", `no place for another stream within ${withinMs} ms`),
			full: () =>
				cannotOpen({ lostCode: "CONNECTION_LOST", ...init }, "QUEUE_FULL", `${this.#places.waiting} calls wait for a place already (limits.waitingCalls)`),
		});
	}

	/** No stream is opened any more; then: waits until the peers have heard how the application ended its streams, and resets what is left. */
	async end(how: StreamSetEnd): Promise<void> {
		const clock = this.#clock;
		const deadline = clock.now() + how.lingerMs;
		const left = (): number => Math.max(0, deadline - clock.now());
		this.#refuse(how.error);
		if (!this.#used) return;
		const unheard = [...this.#live].filter((stream) => stream.unheard && stream.suspended !== true);
		if (unheard.length > 0) await within(left(), Promise.all(unheard.map((stream) => stream.heard())), clock);
		// What we acknowledged or reset, also on streams that are over here, must not be overtaken by the end of the connection.
		if (left() > 0) await how.flush(left());
		if (this.#live.size > 0) this.destroy(how.error, how.wireCode);
		// The second time also for a packet that the first one overtook, as it was lost and had to be sent again.
		if (left() > 0) await how.flush(left());
	}

	/** Ends all at once. A stream that survives the loss of its connection ends only where the code says that its peer is gone, or with `wireCodeOfSurvivors`. */
	destroy(error: ConecError, wireCode: number, wireCodeOfSurvivors?: number): void {
		this.#refuse(error);
		for (const stream of this.#live) {
			if (!this.#survives(stream, wireCodeOfSurvivors ?? wireCode))
				stream.destroy(error, stream.resumable === true ? (wireCodeOfSurvivors ?? wireCode) : wireCode);
		}
	}

	#survives(stream: LiveStream, wireCode: number): boolean {
		return stream.resumable === true && !isFatal(wireCode);
	}

	#refuse(error: ConecError): void {
		this.#ended ??= error;
		for (const abort of this.#opening) abort.abort(error);
	}
}

const NO_LIMITS: PlacesLimits = { waiting: Number.POSITIVE_INFINITY, live: () => Number.POSITIVE_INFINITY };
