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
import type { CoordinatorLink } from "../uplink/index.ts";
import { PresenceWatch, type WatchHost } from "./watch.ts";

/** What presence needs of its Client. */
export interface PresenceParts {
	/** The link of now to the Coordinator. */
	readonly link: () => PresenceLink;
	readonly limits: ClientLimits;
	readonly ids: StreamIds;
	/** @default the machine's */
	readonly clock?: Clock;
	/** Throws unless the Coordinator is there and this Client is not leaving. */
	readonly assertConnected: (action: string) => void;
}

/** What presence needs of a link. */
export type PresenceLink = Pick<CoordinatorLink, "can" | "connection" | "requests" | "welcome">;

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
	#ended: ConecError | undefined;

	constructor(parts: PresenceParts) {
		this.#parts = parts;
		this.#clock = parts.clock ?? systemClock;
		this.#host = {
			limits: parts.limits,
			clock: this.#clock,
			open: (watch, resume, handler) => {
				this.#assertAble(WATCH);
				const id = parts.ids.reserve(undefined);
				const { connection } = parts.link();
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
		this.#assertAble(LIST);
		const list = this.#lists.run();
		// Each caller gets its own array.
		return [...(await this.#inTime(LIST, abortable(list, signal)))];
	}

	/** See `Client.watchPeers`. */
	watch(): AsyncIterableIterator<PresenceEvent> {
		return new PresenceWatch(this.#host);
	}

	/** See `Client.updateMetadata`. */
	async update(metadata: JsonValue | undefined): Promise<void> {
		checkMetadata(metadata, Math.min(this.#parts.limits.metadataBytes, this.#parts.link().welcome.limits.metadataBytes));
		this.#assertAble(UPDATE);
		// A copy, because it may have to wait.
		this.#wanted = structuredClone(metadata);
		await this.#inTime(UPDATE, this.#updates.run());
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

	async #list(): Promise<PeerInfo[]> {
		const { requestTimeoutMs } = this.#parts.limits;
		const watch = new PresenceWatch(this.#host);
		const late = new ConecError("PEER_TIMEOUT", `${LIST}: not complete within ${requestTimeoutMs} ms`);
		const timer = this.#clock.setTimeout(() => watch.end(late), requestTimeoutMs);
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
		this.#assertAble(UPDATE);
		const answer = await this.#parts.link().requests.request({
			action: UPDATE,
			ask: (request) => ({ type: "metadata", request, metadata: this.#wanted }),
			isAnswer: (message) => message.type === "metadata-set" || message.type === "metadata-refused",
			withinMs: this.#parts.limits.requestTimeoutMs,
		});
		if (answer.type === "metadata-set") return;
		const { code, message: reason = "refused", retryAfterMs } = answer;
		throw new ConecError(code, `${UPDATE}: ${reason}`, { retryAfterMs });
	}

	#assertAble(action: string): void {
		this.#parts.assertConnected(action);
		if (this.#ended !== undefined) throw this.#ended;
		if (!this.#parts.link().can(PRESENCE_CAPABILITY))
			throw new ConecError("PROTOCOL_UNSUPPORTED", `${action}: the Coordinator does not support lists of peers`);
	}
}

const LIST = "Cannot list the peers";
const WATCH = "Cannot watch the peers";
const UPDATE = "Cannot change the metadata";
