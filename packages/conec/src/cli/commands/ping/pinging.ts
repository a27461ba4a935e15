/**
 * Where pings go: at first over whatever path there is at once, and over the direct channel when there is one.
 *
 * @module
 */

import { type Channel, type Client, type ConecError, isConecError, type MessageStream, type SocketAddress } from "../../../index.ts";
import type { CommandContext } from "../../command-line/index.ts";
import { APPLICATION_CODES, type Connection, PROTOCOLS, turnAway } from "../../connecting/index.ts";
import type { Clock } from "../../surroundings/index.ts";
import type { PathChoice } from "../../words/index.ts";
import { inTime } from "./in-time.ts";

/** Why a way is taken: it is the first, or a better one, or the one before has ended and this is another one, or of the same kind again. */
export type Taken = "first" | "better" | "lost" | "again";

/** What is told while pings go on. */
export interface RouteEvents {
	/** Pings go this way from now on. */
	taken(path: "direct" | "proxied", address: SocketAddress | undefined, why: Taken): void;
	/** There is no direct channel for now. */
	unavailable(error: ConecError): void;
}

/** A stream to the peer, and how it is replaced. */
export class PingRoute {
	readonly #client: Client;
	readonly #isAway: () => boolean;
	readonly #peer: string;
	readonly #asked: PathChoice;
	readonly #signal: AbortSignal;
	readonly #clock: Clock;
	readonly #events: RouteEvents;
	readonly #over = new AbortController();
	#stream: MessageStream | undefined;
	#channel: Channel | undefined;
	/** The way of the stream that was lost. */
	#lostPath: "direct" | "proxied" | undefined;
	/** It was lost with the Coordinator: whoever was there comes back. */
	#hopes = false;
	#asking = false;
	#watching = false;

	constructor(
		{ client, isAway }: Pick<Connection, "client" | "isAway">,
		peer: string,
		asked: PathChoice,
		{ signal, surroundings }: Pick<CommandContext, "signal" | "surroundings">,
		events: RouteEvents,
	) {
		this.#client = client;
		this.#isAway = isAway;
		this.#peer = peer;
		this.#asked = asked;
		this.#signal = signal;
		this.#clock = surroundings.clock;
		this.#events = events;
	}

	/** Path of the latest stream. */
	get path(): "direct" | "proxied" | undefined {
		return this.#stream?.path;
	}

	/** Where the peer is, on a direct path. */
	get address(): SocketAddress | undefined {
		return this.path === "direct" ? this.#channel?.stats().remoteAddress : undefined;
	}

	/** The stream for the next ping: a direct one as soon as that can be. Rejects like `openStream`. */
	async stream(signal: AbortSignal = this.#signal): Promise<MessageStream> {
		const current = this.#stream;
		if (current === undefined) return await this.#begin(signal);
		const channel = this.#channel;
		if (this.#asked !== "auto" || current.path === "direct" || channel === undefined) return current;
		try {
			this.#stream = await this.#openOn(channel, signal);
		} catch (error) {
			if (!isConecError(error)) throw error;
			// It has just ended; the stream that there is will do.
			this.#channel = undefined;
			return current;
		}
		finish(current).catch(() => turnAway(current, APPLICATION_CODES.failed));
		this.#events.taken("direct", this.address, "better");
		return this.#stream;
	}

	/** The latest stream, or the opening of another one, has failed. Whether there may be another way, which {@link stream} then takes. */
	failed(error: unknown): boolean {
		const was = this.#stream;
		if (!isConecError(error)) return false;
		if (was === undefined) return this.#hopes && (LOST.includes(error.code) || NOT_BACK.includes(error.code));
		if (!LOST.includes(error.code)) return false;
		const hopes = this.#losesAll(error);
		const hasOther = this.#asked === "auto" && (was.path === "direct" || this.#channel !== undefined);
		if (!hasOther && !hopes) return false;
		if (was.path === "direct") this.#channel = undefined;
		turnAway(was, APPLICATION_CODES.failed);
		[this.#lostPath, this.#hopes, this.#stream] = [was.path, hopes, undefined];
		return true;
	}

	/** Ends the stream as it should be, and the attempt at a channel. A peer that takes longer than `limitMs` to end its side is not waited for. */
	async end(limitMs: number): Promise<void> {
		this.#over.abort();
		const stream = this.#stream;
		if (stream === undefined) return;
		try {
			if ((await inTime(this.#clock, limitMs, this.#signal, (signal) => finish(stream, signal))) === "late") this.abandon();
		} catch (error) {
			// All answers are here.
			if (!isConecError(error) || !this.#losesAll(error)) throw error;
			this.abandon();
		}
	}

	/** Ends the stream and the attempt at a channel at once. */
	abandon(): void {
		this.#over.abort();
		if (this.#stream !== undefined) turnAway(this.#stream, APPLICATION_CODES.cancelled);
	}

	/** Gives an attempt at a channel up. */
	stop(): void {
		this.#over.abort();
	}

	/** The loss of the Coordinator is why, and the Client comes back. */
	#losesAll({ code }: ConecError): boolean {
		return code === "COORDINATOR_LOST" || this.#isAway();
	}

	async #begin(signal: AbortSignal): Promise<MessageStream> {
		if (this.#asked === "direct") this.#channel = await this.#client.openChannel(this.#peer, { signal });
		const live = this.#asked === "proxied" ? undefined : (this.#channel ?? this.#client.channels().find(({ peer }) => peer === this.#peer));
		this.#channel = live;
		this.#stream =
			live === undefined ? await this.#client.openStream(this.#peer, { protocol: PROTOCOLS.ping, path: "proxied", signal }) : await this.#openOn(live, signal);
		const { path } = this.#stream;
		this.#hopes = false;
		this.#events.taken(path, this.address, this.#lostPath === undefined ? "first" : this.#lostPath === path ? "again" : "lost");
		if (this.#asked === "auto" && live === undefined) {
			void this.#ask();
			void this.#watch();
		}
		return this.#stream;
	}

	#openOn(channel: Channel, signal: AbortSignal): Promise<MessageStream> {
		return channel.openStream({ protocol: PROTOCOLS.ping, signal });
	}

	/** Asks again when there is new hope: the peer has opened a channel, or this side is at another address. */
	async #watch(): Promise<void> {
		if (this.#watching) return;
		this.#watching = true;
		for await (const status of this.#client.status()) {
			if (this.#over.signal.aborted) return;
			const hope = (status.type === "channel" && status.peer === this.#peer && status.state === "up") || status.type === "moved";
			if (hope && this.#channel === undefined) void this.#ask();
		}
	}

	async #ask(): Promise<void> {
		if (this.#asking) return;
		this.#asking = true;
		try {
			const channel = await this.#client.openChannel(this.#peer, { signal: this.#over.signal });
			this.#channel = channel;
			void channel.closed.then(() => {
				if (this.#channel === channel) this.#channel = undefined;
			});
		} catch (error) {
			if (!this.#over.signal.aborted && isConecError(error)) this.#events.unavailable(error);
		} finally {
			this.#asking = false;
		}
	}
}

async function finish(stream: MessageStream, signal?: AbortSignal): Promise<void> {
	const options = signal === undefined ? {} : { signal };
	const [, rest] = await Promise.all([stream.close(options), stream.receive(options)]);
	// An answer that was given up on.
	if (rest !== null) turnAway(stream, APPLICATION_CODES.cancelled);
}

/** Codes of a path that is gone. */
const LOST: readonly string[] = ["PEER_LOST", "CHANNEL_CLOSED", "COORDINATOR_LOST", "PEER_TIMEOUT"];

/** Codes of a peer that was lost with the Coordinator, and may be back later than this side. */
const NOT_BACK: readonly string[] = ["PEER_UNKNOWN", "DIRECT_UNAVAILABLE", "CONNECTION_LOST"];
