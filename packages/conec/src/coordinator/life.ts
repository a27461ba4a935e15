/**
 * The life of a Coordinator: it is open, it may drain, it closes, it is over. This says what can be done now, and ends the parts that the Coordinator
 * has given it.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import type { CloseInfo } from "../base/close-info.ts";
import { Lifetime } from "../base/lifetime.ts";
import type { Random } from "../base/random.ts";
import { deferred, within } from "../base/signals.ts";
import { ConecError, isConecError } from "../errors.ts";
import type { CoordinatorLimits } from "../limits.ts";
import { leavingTimeMs } from "../session/leaving-time.ts";
import type { StatusFeed } from "../session/status-feed.ts";
import type { Transport } from "../transport/transport.ts";
import { CLOSE_CODES, RESET_CODES } from "../wire/codes.ts";
import type { ComeBack } from "../wire/come-back.ts";
import type { CoordinatorState } from "./admission/index.ts";
import type { Broadcasts } from "./broadcast/index.ts";
import { Drain, type DrainOptions } from "./drain.ts";
import type { Introductions } from "./introduction/index.ts";
import type { OwnStreams } from "./own-streams/index.ts";
import type { PresenceService } from "./presence/index.ts";
import type { Registry, Session } from "./sessions/index.ts";
import type { CoordinatorStatus } from "./status.ts";

/** How a Coordinator ends. */
export interface CoordinatorEnd {
	/** What the application is told. */
	readonly info: CloseInfo;
	/** What everything fails with that still waits. */
	readonly error: ConecError;
}

/** The parts that end gracefully, where there is time for that. */
export interface CoordinatorLifeHost {
	readonly limits: CoordinatorLimits;
	readonly clock: Clock;
	readonly random: Random;
	readonly transport: Transport;
	readonly kept: CoordinatorState;
	readonly registry: Registry<Session>;
	readonly streams: OwnStreams;
	readonly broadcasts: Broadcasts;
	readonly presence: PresenceService;
	readonly introductions: () => Introductions;
	readonly feed: StatusFeed<CoordinatorStatus>;
}

/** See the module. */
export class CoordinatorLife {
	/** See `Coordinator.closed`. */
	readonly closed: Promise<CloseInfo>;
	readonly #host: CoordinatorLifeHost;
	readonly #parts: Lifetime<CoordinatorEnd> = new Lifetime();
	#state: State = { type: "open" };

	constructor(host: CoordinatorLifeHost) {
		const { transport, kept, feed } = host;
		this.#host = host;
		this.closed = new Promise((resolve) => this.own(({ info }) => resolve(info)));
		this.own(() => feed.end());
		// All connections in one call: one by one, a Client would see its peer go before it sees that the Coordinator goes.
		this.own(({ info }) => void transport.close(CLOSE_CODES.COORDINATOR_CLOSED, info.reason ?? STOPPING, 0).catch(() => undefined));
		this.own(() => kept.destroy());
	}

	/** Ends a part when the Coordinator is over, those that were given later first; after them the sockets, and last those who listen to the status. */
	own(end: (how: CoordinatorEnd) => void): void {
		this.#parts.own(end);
	}

	/** It takes nothing more. One that drains still takes what its Clients want. */
	get closing(): boolean {
		return this.#state.type === "closing" || this.#state.type === "over";
	}

	/** It lets nobody in any more, and this is what they are told of coming back. `undefined`: it does. */
	get stopping(): ComeBack | undefined {
		if (this.#state.type === "open") return undefined;
		return this.#state.type === "over" ? {} : (this.#state.drain?.comeBackOfOne() ?? {});
	}

	/** Throws `COORDINATOR_CLOSED` unless it is open. */
	assertOpen(action: string): void {
		if (this.closing) throw coordinatorClosed(action);
	}

	/** See `Coordinator.close`. */
	close(options?: DrainOptions): Promise<void> {
		if (this.#state.type === "open") {
			const { promise: done, resolve } = deferred<void>();
			// The state comes first: a handler that is told to end may call anything at once.
			if (options === undefined) {
				this.#state = { type: "closing", done, drain: undefined };
				resolve(this.#close(undefined));
			} else {
				const { clock, random, registry, limits } = this.#host;
				const drain = new Drain(options, { clock, random, registry, lingerMs: limits.lingerMs, reason: STOPPING });
				this.#state = { type: "draining", done, drain };
				resolve(drain.over.then(() => this.#drained(done, drain)));
			}
		} else if (this.#state.type === "draining" && options === undefined) this.#state.drain.end();
		return this.#state.type === "closing" || this.#state.type === "draining" ? this.#state.done : Promise.resolve();
	}

	/** See `Coordinator.destroy`. */
	destroy(error: Error | undefined): void {
		if (this.#state.type === "over") return;
		const code = isConecError(error) ? { code: error.code } : {};
		const drain = this.#state.type === "draining" ? this.#state.drain : undefined;
		this.#state = { type: "over" };
		drain?.end();
		this.#parts.end({
			info: { by: "local", ...code, ...(error === undefined ? {} : { reason: error.message }) },
			error: coordinatorClosed("Cannot continue"),
		});
	}

	async #drained(done: Promise<void>, drain: Drain): Promise<void> {
		if (this.#state.type !== "draining") return;
		this.#state = { type: "closing", done, drain };
		await this.#close(drain.comeBack());
	}

	async #close(comeBack: ComeBack | undefined): Promise<void> {
		const { limits, clock, transport, kept, registry, streams, broadcasts, presence, introductions } = this.#host;
		const deadline = clock.now() + limits.closeTimeoutMs;
		const error = coordinatorClosed("Cannot continue");
		streams.stop(error);
		introductions().stop();
		for (const session of registry.holders()) session.control.send({ type: "close", reason: STOPPING, ...comeBack });
		const flush = (timeoutMs: number): Promise<unknown> =>
			Promise.all([...registry.holders()].filter((session) => session.used).map((session) => session.control.flush(timeoutMs)));
		broadcasts.end(RESET_CODES.COORDINATOR_CLOSED);
		await streams.settled();
		const lingerMs = Math.min(limits.lingerMs, leavingTimeMs(limits.closeTimeoutMs, Math.max(0, deadline - clock.now())));
		await streams.end({ error, wireCode: RESET_CODES.COORDINATOR_CLOSED, lingerMs, flush });
		// Nobody has left: it is the Coordinator that goes.
		presence.end();
		const left = Math.max(0, deadline - clock.now());
		await within(left, transport.close(CLOSE_CODES.COORDINATOR_CLOSED, STOPPING, Math.min(left, DRAIN_MS)), clock);
		for (const session of [...registry.holders()]) session.forget();
		await within(Math.max(MIN_SAVE_MS, deadline - clock.now()), kept.close(), clock);
		this.destroy(undefined);
	}
}

type State =
	| { readonly type: "open" }
	/** Nobody is let in, and Clients go one after the other. */
	| { readonly type: "draining"; readonly done: Promise<void>; readonly drain: Drain }
	| { readonly type: "closing"; readonly done: Promise<void>; readonly drain: Drain | undefined }
	| { readonly type: "over" };

/** For the notice to be repeated where it was lost: it is not acknowledged. */
const DRAIN_MS = 250;

/** Saving the leases may take this long even when everything before it took all the time there was. */
const MIN_SAVE_MS = 100;

/** What Clients are told when the Coordinator goes of its own will. */
const STOPPING = "the Coordinator stops";

function coordinatorClosed(action: string): ConecError {
	return new ConecError("COORDINATOR_CLOSED", `${action}: the Coordinator is closed`);
}
