/**
 * How a Client comes back to its Coordinator, and what its status tells of it.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { Random } from "../../base/random.ts";
import type { ConecError } from "../../errors.ts";
import type { SocketAddress } from "../../transport/transport.ts";
import { type ComeBack, saysComeBack } from "../../wire/come-back.ts";
import type { CoordinatorLink } from "./coordinator-link.ts";
import type { Greeted } from "./handshake.ts";
import { LinkKeeper, type ReconnectOptions, setbackOf } from "./link-keeper.ts";

/** There is no connection to the Coordinator. Attempt number `attempt` since the loss begins in `inMs` milliseconds. `why`: the last failure. */
export interface ClientReconnecting {
	readonly type: "reconnecting";
	readonly attempt: number;
	readonly inMs: number;
	readonly why: ConecError;
}

/** The Client is connected to the Coordinator at `coordinatorAddress`, which sees it at `observedAddress`. */
export interface ClientConnected {
	readonly type: "connected";
	readonly observedAddress: SocketAddress;
	readonly coordinatorAddress: SocketAddress;
	/** This Client was connected before, and has come back by itself. */
	readonly again: boolean;
	/** The Coordinator has shown the same key as the one before. It may have been started anew. True the first time. */
	readonly sameCoordinator: boolean;
}

/** What coming back needs of its Client. */
export interface ComingBackParts {
	readonly clock: Clock;
	readonly random: Random;
	/** `undefined`: it does not come back. */
	readonly options: ReconnectOptions | undefined;
	readonly attemptMs: number;
	/** `alternatives`: places that the Coordinator has named. */
	readonly reach: (signal: AbortSignal, alternatives: readonly string[]) => Promise<Greeted>;
	readonly tell: (status: ClientReconnecting | ClientConnected) => void;
	/** The Coordinator has said welcome again. */
	readonly up: (greeted: Greeted) => void;
	/** No attempt can help, or the time for them is over. */
	readonly gaveUp: (why: ConecError) => void;
}

/** See the module. */
export class ComingBack {
	readonly #parts: ComingBackParts;
	readonly #keeper: LinkKeeper;
	/** What was told last, and when. */
	#waiting: { readonly status: ClientReconnecting; readonly atMs: number } | undefined;
	/** Places that the Coordinator has named last. */
	#alternatives: readonly string[] = [];
	#again = false;
	#sameCoordinator = true;

	constructor(parts: ComingBackParts) {
		const { clock, random, options = {}, attemptMs, reach } = parts;
		this.#parts = parts;
		this.#keeper = new LinkKeeper({
			...{ clock, random, options, attemptMs, reach: (signal) => reach(signal, this.#alternatives) },
			events: {
				reconnecting: ({ attempt, inMs, why }) => {
					const status = { type: "reconnecting", attempt, inMs, why } as const;
					this.#alternatives = why.alternatives ?? this.#alternatives;
					this.#waiting = { status, atMs: clock.now() };
					parts.tell(status);
				},
				up: (greeted) => {
					this.#waiting = undefined;
					this.#alternatives = [];
					parts.up(greeted);
				},
				ended: (why) => parts.gaveUp(why),
			},
		});
		this.#keeper.began();
	}

	/** The link is lost, for that reason. `said`: what the Coordinator has said about coming back. */
	begin(why: ConecError, said: ComeBack = {}): void {
		const { retryAfterMs, spreadMs, alternatives = [] } = said;
		this.#alternatives = alternatives;
		// The other places are open now. Whatever is said of coming back, it says that this Client may.
		const openInMs = alternatives.length > 0 ? 0 : (retryAfterMs ?? 0);
		this.#keeper.lost({ ...setbackOf(why), ...(saysComeBack(said) ? { retryAfterMs: openInMs, spreadMs } : {}) });
	}

	/** See `Client.reconnect`. */
	hurry(): void {
		this.#keeper.hurry();
	}

	/** Nothing is tried any more. */
	end(): void {
		this.#keeper.end();
	}

	/** The link is up again. */
	told(link: CoordinatorLink, before: CoordinatorLink): void {
		this.#again = true;
		this.#sameCoordinator = keyOf(link) === keyOf(before);
		this.#parts.tell(this.connected(link));
	}

	/** What is told of a link that is up. */
	connected({ observedAddress, connection }: CoordinatorLink): ClientConnected {
		const { remoteAddress: coordinatorAddress } = connection;
		return { type: "connected", observedAddress, coordinatorAddress, again: this.#again, sameCoordinator: this.#sameCoordinator };
	}

	/** What is told of now, while no link is up. */
	get present(): ClientReconnecting | undefined {
		if (this.#waiting === undefined) return undefined;
		const { status, atMs } = this.#waiting;
		return { ...status, inMs: Math.max(0, status.inMs - (this.#parts.clock.now() - atMs)) };
	}
}

function keyOf({ connection: { peer } }: CoordinatorLink): string | undefined {
	return peer.type === "certificate" ? peer.fingerprint : undefined;
}
