/**
 * Presence at a Client: the list of the peers, watches of it, and the Client's own metadata.
 *
 * @module
 */

import { type Clock, systemClock } from "../../base/clock.ts";
import { SharedRuns } from "../../base/shared-runs.ts";
import { ConecError } from "../../errors.ts";
import type { ClientLimits } from "../../limits.ts";
import { checkMetadata } from "../../session/open-stream-options.ts";
import type { PeerInfo } from "../../session/peer-info.ts";
import type { PresenceEvent } from "../../session/presence-event.ts";
import type { StreamIds } from "../../session/stream-ids.ts";
import { abortable } from "../../stream/framed-stream.ts";
import type { TransportConnection, TransportStream } from "../../transport/transport.ts";
import { FRAME } from "../../wire/frames.ts";
import type { JsonValue } from "../../wire/json.ts";
import { encodeOpen } from "../../wire/open.ts";
import { type MetadataRefused, type MetadataSet, PRESENCE_CAPABILITY, type SetMetadata } from "../../wire/presence.ts";
import { PresenceWatch, type WatchHost } from "./watch.ts";

/** What presence needs of its Client. */
export interface PresenceParts {
	readonly connection: TransportConnection;
	/** Sends a control message. */
	readonly send: (message: SetMetadata) => void;
	readonly limits: ClientLimits;
	/** Longest metadata that the Coordinator takes. */
	readonly metadataBytes: number;
	/** What the Coordinator listed in its welcome. */
	readonly capabilities: readonly string[];
	readonly ids: StreamIds;
	/** @default the machine's */
	readonly clock?: Clock;
	/** Throws if the Client cannot do that now. */
	readonly assertOpen: (action: string) => void;
}

/** See the module. */
export class ClientPresence {
	readonly #parts: PresenceParts;
	readonly #clock: Clock;
	readonly #host: WatchHost;
	readonly #watches: Set<PresenceWatch> = new Set();
	readonly #lists: SharedRuns<PeerInfo[]> = new SharedRuns(() => this.#list());
	readonly #updates: SharedRuns<void> = new SharedRuns(() => this.#update());
	/** What the Coordinator is to know next. */
	#wanted: JsonValue | undefined;
	#request: Request | undefined;
	#lastRequest = 0;
	#ended: ConecError | undefined;

	constructor(parts: PresenceParts) {
		this.#parts = parts;
		this.#clock = parts.clock ?? systemClock;
		this.#host = {
			limits: parts.limits,
			clock: this.#clock,
			open: (watch, handler, options) => {
				this.#assertAble(WATCH);
				const id = parts.ids.reserve(undefined);
				let stream: TransportStream;
				try {
					stream = parts.connection.openStream({ kind: FRAME.OPEN, payload: encodeOpen({ watch: "peers", id }) }, handler, options);
				} catch (error) {
					parts.ids.release(id);
					throw new ConecError("COORDINATOR_LOST", `${WATCH}: the connection is lost`, { cause: error });
				}
				this.#watches.add(watch);
				const release = (): void => {
					parts.ids.release(id);
					this.#watches.delete(watch);
				};
				return { stream, release };
			},
		};
	}

	/** Watches, and what waits for the Coordinator; for tests. */
	get size(): number {
		return this.#watches.size + (this.#request === undefined ? 0 : 1);
	}

	/** See `Client.peers`. */
	async peers(signal: AbortSignal | undefined): Promise<PeerInfo[]> {
		signal?.throwIfAborted();
		this.#assertAble(LIST);
		const list = this.#lists.run();
		// Each caller has an array of its own.
		return [...(await this.#inTime(LIST, signal === undefined ? list : abortable(list, signal)))];
	}

	/** See `Client.watchPeers`. */
	watch(): AsyncIterableIterator<PresenceEvent> {
		return new PresenceWatch(this.#host);
	}

	/** See `Client.updateMetadata`. */
	async update(metadata: JsonValue | undefined): Promise<void> {
		checkMetadata(metadata, Math.min(this.#parts.limits.metadataBytes, this.#parts.metadataBytes));
		this.#assertAble(UPDATE);
		// A copy: it may have to wait.
		this.#wanted = structuredClone(metadata);
		await this.#inTime(UPDATE, this.#updates.run());
	}

	/** An answer of the Coordinator. One that nobody waits for is ignored. */
	received(message: MetadataSet | MetadataRefused): void {
		if (message.request !== this.#request?.id) return;
		if (message.type === "metadata-set") return this.#request.settle(undefined);
		const { code, message: reason = "refused", retryAfterMs } = message;
		this.#request.settle(new ConecError(code, `${UPDATE}: ${reason}`, { retryAfterMs }));
	}

	/** The Client goes: everything that waits is told. */
	end(error: ConecError): void {
		this.#ended ??= error;
		for (const watch of [...this.#watches]) watch.end(error);
		this.#request?.settle(error);
	}

	/** A call that waits behind another one has no more time for that. */
	async #inTime<T>(action: string, answered: Promise<T>): Promise<T> {
		const { requestTimeoutMs } = this.#parts.limits;
		let timer: unknown;
		const late = new Promise<never>((_, reject) => {
			const error = new ConecError("PEER_TIMEOUT", `${action}: no answer within ${requestTimeoutMs} ms`);
			timer = this.#clock.setTimeout(() => reject(error), requestTimeoutMs);
		});
		try {
			return await Promise.race([answered, late]);
		} finally {
			this.#clock.clearTimeout(timer);
		}
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
			this.#clock.clearTimeout(timer);
			await watch.return();
		}
	}

	async #update(): Promise<void> {
		const { send, limits } = this.#parts;
		this.#assertAble(UPDATE);
		const id = ++this.#lastRequest;
		const answered = new Promise<void>((resolve, reject) => {
			const late = new ConecError("PEER_TIMEOUT", `${UPDATE}: no answer within ${limits.requestTimeoutMs} ms`);
			const timer = this.#clock.setTimeout(() => this.#request?.settle(late), limits.requestTimeoutMs);
			this.#request = {
				id,
				settle: (error) => {
					this.#clock.clearTimeout(timer);
					this.#request = undefined;
					if (error === undefined) resolve();
					else reject(error);
				},
			};
		});
		send({ type: "metadata", request: id, metadata: this.#wanted });
		await answered;
	}

	#assertAble(action: string): void {
		this.#parts.assertOpen(action);
		if (this.#ended !== undefined) throw this.#ended;
		if (!this.#parts.capabilities.includes(PRESENCE_CAPABILITY))
			throw new ConecError("PROTOCOL_UNSUPPORTED", `${action}: the Coordinator does not know presence`);
	}
}

interface Request {
	readonly id: number;
	/** Once. */
	readonly settle: (error: ConecError | undefined) => void;
}

const LIST = "Cannot list the peers";
const WATCH = "Cannot watch the peers";
const UPDATE = "Cannot change the metadata";
