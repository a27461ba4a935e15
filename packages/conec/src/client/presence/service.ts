/**
 * Presence at a Client: the list of the peers, watches of it, and the Client's own metadata.
 *
 * @module
 */

import { type Clock, systemClock } from "../../base/clock.ts";
import { SharedRuns } from "../../base/shared-runs.ts";
import { abortable, inTime, throwIfAborted } from "../../base/signals.ts";
import { ConecError } from "../../errors.ts";
import type { ClientLimits } from "../../limits.ts";
import { checkMetadata } from "../../session/open-stream-options.ts";
import type { PeerInfo } from "../../session/peer-info.ts";
import type { PresenceEvent } from "../../session/presence-event.ts";
import type { StreamIds } from "../../session/stream-ids.ts";
import { flowOf } from "../../stream/flow.ts";
import type { TransportStream } from "../../transport/transport.ts";
import { FRAME } from "../../wire/frames.ts";
import type { JsonValue } from "../../wire/json.ts";
import { encodeOpen } from "../../wire/open.ts";
import { PRESENCE_CAPABILITY } from "../../wire/presence.ts";
import type { CoordinatorLink, Uplink } from "../uplink/index.ts";
import { LastingWatch } from "./lasting-watch.ts";
import { PresenceWatch, type WatchHost } from "./watch.ts";

/** What presence needs of its Client. */
export interface PresenceParts {
	readonly uplink: PresenceUplink;
	/** The Client's own metadata at the beginning. */
	readonly metadata: JsonValue | undefined;
	readonly limits: ClientLimits;
	readonly ids: StreamIds;
	/** @default the machine's */
	readonly clock?: Clock;
}

/** What presence needs of the uplink. */
export type PresenceUplink = Pick<Uplink, "ask" | "comesBack" | "next"> & {
	readonly link: PresenceLink & Pick<CoordinatorLink, "state" | "welcome">;
	now(action: string): PresenceLink | undefined;
};

/** What presence needs of a link. */
export type PresenceLink = Pick<CoordinatorLink, "can" | "connection">;

/** See the module. */
export class ClientPresence {
	readonly #parts: PresenceParts;
	readonly #clock: Clock;
	readonly #host: WatchHost;
	readonly #watches: Set<PresenceWatch> = new Set();
	readonly #lists: SharedRuns<PeerInfo[]> = new SharedRuns(() => this.#list());
	readonly #updates: SharedRuns<void> = new SharedRuns(() => this.#update());
	/** The metadata that the Coordinator will get next. */
	#wanted: JsonValue | undefined;
	/** That which it has. */
	#known: JsonValue | undefined;
	/** Calls that want it changed. */
	#changing = 0;
	#ended: ConecError | undefined;

	constructor(parts: PresenceParts) {
		this.#parts = parts;
		this.#known = parts.metadata;
		this.#clock = parts.clock ?? systemClock;
		this.#host = {
			limits: parts.limits,
			clock: this.#clock,
			open: (watch, resume, handler) => {
				const { connection } = this.#able(WATCH);
				const id = parts.ids.reserve(undefined);
				const header = { kind: FRAME.OPEN, payload: encodeOpen({ watch: "peers", id, resume }) };
				let wire: TransportStream;
				try {
					wire = connection.openStream(header, handler, { messageBytes: 1 });
				} catch (error) {
					parts.ids.release(id);
					throw new ConecError("COORDINATOR_LOST", `${WATCH}: the connection is lost`, { cause: error });
				}
				this.#watches.add(watch);
				const release = (): void => {
					parts.ids.release(id);
					this.#watches.delete(watch);
				};
				const { shares, acks } = flowOf(connection, parts.limits, this.#clock, true);
				return { link: { wire, shares, acks }, release };
			},
		};
	}

	/** Watches; for tests. */
	get size(): number {
		return this.#watches.size;
	}

	/** See `Client.peers`. */
	async peers(signal: AbortSignal | undefined): Promise<PeerInfo[]> {
		throwIfAborted(signal);
		const list = this.#lists.run();
		// Each caller gets its own array.
		return [...(await this.#inTime(LIST, abortable(list, signal)))];
	}

	/** See `Client.watchPeers`. */
	watch(): AsyncIterableIterator<PresenceEvent> {
		return new LastingWatch({
			begin: () => new PresenceWatch(this.#host),
			comesBack: () => this.#ended === undefined && this.#parts.uplink.comesBack,
			link: () => this.#parts.uplink.link,
			next: (signal) => this.#parts.uplink.next(WATCH, { untilMs: Number.POSITIVE_INFINITY, signal }),
		});
	}

	/** The latest metadata of this Client: what a Coordinator is told to which it comes anew. */
	get metadata(): JsonValue | undefined {
		return this.#changing > 0 ? this.#wanted : this.#known;
	}

	/** See `Client.updateMetadata`. */
	async update(metadata: JsonValue | undefined): Promise<void> {
		checkMetadata(metadata, Math.min(this.#parts.limits.metadataBytes, this.#parts.uplink.link.welcome.limits.metadataBytes));
		this.#parts.uplink.now(UPDATE);
		// A copy, because it may have to wait.
		this.#wanted = structuredClone(metadata);
		this.#changing++;
		try {
			await this.#inTime(UPDATE, this.#updates.run());
		} finally {
			this.#changing--;
		}
	}

	/** The link is lost: watches begin anew on the next one, if there will be one. What waits for an answer hears it from the link. */
	down(): void {
		const error = new ConecError("COORDINATOR_LOST", `${WATCH}: the Coordinator is lost`);
		for (const watch of [...this.#watches]) watch.end(error);
	}

	/** The Client goes: those who read are told. What waits for an answer hears it from the link. */
	end(error: ConecError): void {
		this.#ended ??= error;
		for (const watch of [...this.#watches]) watch.end(error);
	}

	/** A call that waits behind another one does not get more time. */
	#inTime<T>(action: string, answered: Promise<T>): Promise<T> {
		const { requestTimeoutMs } = this.#parts.limits;
		return inTime(answered, requestTimeoutMs, () => new ConecError("PEER_TIMEOUT", `${action}: no answer within ${requestTimeoutMs} ms`), this.#clock);
	}

	#list(): Promise<PeerInfo[]> {
		const { limits, uplink } = this.#parts;
		return uplink.ask(LIST, { untilMs: this.#clock.now() + limits.requestTimeoutMs }, (_, leftMs) => this.#listIn(leftMs));
	}

	async #listIn(leftMs: number): Promise<PeerInfo[]> {
		const { requestTimeoutMs } = this.#parts.limits;
		const watch = new PresenceWatch(this.#host);
		const late = new ConecError("PEER_TIMEOUT", `${LIST}: not complete within ${requestTimeoutMs} ms`);
		const timer = this.#clock.setTimeout(() => watch.end(late), leftMs);
		try {
			const { value } = await watch.next();
			if (value?.type === "members") return [...value.members];
			throw this.#ended ?? new ConecError("PROTOCOL_ERROR", `${LIST}: the Coordinator did not begin with the list`);
		} finally {
			await watch.return();
			this.#clock.clearTimeout(timer);
		}
	}

	async #update(): Promise<void> {
		const { limits, uplink } = this.#parts;
		let asked: JsonValue | undefined;
		const answer = await uplink.ask(UPDATE, { untilMs: this.#clock.now() + limits.requestTimeoutMs }, async (link, withinMs) => {
			this.#assertAble(UPDATE, link);
			return await link.requests.request({
				action: UPDATE,
				ask: (request) => {
					asked = this.#wanted;
					return { type: "metadata", request, metadata: asked };
				},
				isAnswer: (message) => message.type === "metadata-set" || message.type === "metadata-refused",
				withinMs,
			});
		});
		if (answer.type === "metadata-set") {
			this.#known = asked;
			return;
		}
		const { code, message: reason = "refused", retryAfterMs } = answer;
		throw new ConecError(code, `${UPDATE}: ${reason}`, { retryAfterMs });
	}

	/** The link of now. Throws `COORDINATOR_LOST` if there is none. */
	#able(action: string): PresenceLink {
		const link = this.#parts.uplink.now(action);
		if (link === undefined) throw new ConecError("COORDINATOR_LOST", `${action}: the Coordinator is lost`);
		this.#assertAble(action, link);
		return link;
	}

	#assertAble(action: string, link: PresenceLink): void {
		if (this.#ended !== undefined) throw this.#ended;
		if (!link.can(PRESENCE_CAPABILITY)) throw new ConecError("PROTOCOL_UNSUPPORTED", `${action}: the Coordinator does not support lists of peers`);
	}
}

const LIST = "Cannot list the peers";
const WATCH = "Cannot watch the peers";
const UPDATE = "Cannot change the metadata";
