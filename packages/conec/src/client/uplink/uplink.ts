/**
 * The Client's link to its Coordinator, as a value that comes and goes. Services hear of it, and calls wait for it.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { deferred, onAbort, reasonOf, throwIfAborted } from "../../base/signals.ts";
import { ConecError, isConecError } from "../../errors.ts";
import { RESET_CODES } from "../../wire/codes.ts";
import type { CoordinatorLink } from "./coordinator-link.ts";

/** A part of a Client that uses the link. A link that is up is the present one until the service is told that it is down. */
export interface LinkService {
	/** A link is up, and nothing has come over it yet. `before`: the one before it, if this is not the first. */
	up?(link: CoordinatorLink, before: CoordinatorLink | undefined): void;
	/** The link is down. What only this link could bring about fails with the error. */
	down?(error: ConecError): void;
}

/** What an uplink is made with. */
export interface UplinkParts {
	readonly clock: Clock;
	/** How many calls wait for a link at once. */
	readonly waitingCalls: number;
	/** Whether calls wait for the next link while there is none. */
	readonly waits: boolean;
	/** Throws if this Client is closing or over. */
	readonly assertOpen: (action: string) => void;
	/** Whether there will be another link when this one is lost. */
	readonly comesBack: () => boolean;
	/** With which error calls fail that will have no link. */
	readonly lostError: () => ConecError;
	/** Told of each link in this order, and of its end in the reverse order. */
	readonly services: readonly LinkService[];
}

/** How long a call waits for a link, and what ends the wait. */
export interface LinkWait {
	/** In the time of the Client's clock. */
	readonly untilMs: number;
	readonly signal?: AbortSignal | undefined;
}

/** See the module. */
export class Uplink {
	readonly #parts: UplinkParts;
	#link: CoordinatorLink;
	readonly #waiting: Set<(outcome: CoordinatorLink | ConecError) => void> = new Set();
	#ended: ConecError | undefined;

	/** `link`: the first one, of which services are told with {@link begin}. */
	constructor(parts: UplinkParts, link: CoordinatorLink) {
		this.#parts = parts;
		this.#link = link;
	}

	/** The present link, or the last one while there is none: its state is "over" then. */
	get link(): CoordinatorLink {
		return this.#link;
	}

	/** The present link, if there is one. */
	get present(): CoordinatorLink | undefined {
		return this.#link.state === "over" ? undefined : this.#link;
	}

	/** Whether there is a link that takes streams, or will be one. */
	get hopeful(): boolean {
		return this.#link.state === "open" || this.comesBack;
	}

	/** Whether another link follows when this one is lost. */
	get comesBack(): boolean {
		return this.#ended === undefined && this.#parts.comesBack();
	}

	/** Calls that wait for a link. */
	get waiting(): number {
		return this.#waiting.size;
	}

	/** Tells the services of the first link. */
	begin(): void {
		for (const service of this.#parts.services) service.up?.(this.#link, undefined);
	}

	/** Another link is up. */
	up(link: CoordinatorLink): void {
		const before = this.#link;
		this.#link = link;
		link.streams.adopt(before.streams);
		for (const service of this.#parts.services) service.up?.(link, before);
		this.#tell(link);
	}

	/** The link is lost. */
	down(error: ConecError): void {
		for (const service of this.#parts.services.toReversed()) service.down?.(error);
		this.#link.destroy(error, RESET_CODES.NONE);
	}

	/** No link follows: calls that wait fail. */
	end(error: ConecError): void {
		this.#ended ??= error;
		this.#tell(error);
	}

	/**
	 * The link that takes streams and questions now. `undefined`: there will be one, and {@link next} waits for it.
	 *
	 * @throws ConecError `CLIENT_CLOSED`; `COORDINATOR_LOST` and `COORDINATOR_CLOSED` (it is about to end the connection) where calls do not wait
	 */
	now(action: string): CoordinatorLink | undefined {
		this.#parts.assertOpen(action);
		if (this.#link.state === "open") return this.#link;
		if (this.#parts.waits && this.comesBack) return undefined;
		if (this.#link.state === "draining") throw new ConecError("COORDINATOR_CLOSED", `${action}: the Coordinator is ending the connection`);
		throw new ConecError(this.#parts.lostError().code, `${action}: the Coordinator is lost`);
	}

	/** Like {@link now}, and waits for the next link. Rejects with `COORDINATOR_LOST` when it is late, `QUEUE_FULL`, `signal.reason`, or with how the Client ends. */
	async ready(action: string, wait: LinkWait): Promise<CoordinatorLink> {
		throwIfAborted(wait.signal);
		return this.now(action) ?? (await this.next(action, wait));
	}

	/** The next link. Rejects like {@link ready}. */
	async next(action: string, { untilMs, signal }: LinkWait): Promise<CoordinatorLink> {
		const { clock, waitingCalls } = this.#parts;
		throwIfAborted(signal);
		if (this.#ended !== undefined) throw this.#ended;
		if (this.#waiting.size >= waitingCalls)
			throw new ConecError("QUEUE_FULL", `${action}: ${waitingCalls} calls wait for the Coordinator already (limits.waitingCalls)`);
		const { promise, resolve, reject } = deferred<CoordinatorLink>();
		const settle = (outcome: CoordinatorLink | ConecError): void => (outcome instanceof ConecError ? reject(outcome) : resolve(outcome));
		const late = (): void => reject(new ConecError("COORDINATOR_LOST", `${action}: the Coordinator is lost, and was not back in time`));
		const timer = untilMs === Number.POSITIVE_INFINITY ? undefined : clock.setTimeout(late, Math.max(0, untilMs - clock.now()));
		const forget = onAbort(signal, () => reject(signal === undefined ? undefined : reasonOf(signal)));
		this.#waiting.add(settle);
		try {
			return await promise;
		} finally {
			this.#waiting.delete(settle);
			clock.clearTimeout(timer);
			forget();
		}
	}

	/**
	 * Asks the Coordinator something that may be asked twice. If the link is lost meanwhile, it asks again on the next one. Rejects like
	 * {@link ready}, or as `work` does.
	 *
	 * @param work Is given the link and how many milliseconds are left.
	 */
	async ask<T>(action: string, wait: LinkWait, work: (link: CoordinatorLink, leftMs: number) => Promise<T>): Promise<T> {
		for (;;) {
			throwIfAborted(wait.signal);
			const link = this.now(action) ?? (await this.next(action, wait));
			try {
				return await work(link, Math.max(0, wait.untilMs - this.#parts.clock.now()));
			} catch (error) {
				if (!isConecError(error) || error.code !== "COORDINATOR_LOST" || !this.#parts.waits || !this.comesBack) throw error;
			}
			// It may not be known yet that this one is lost.
			if (this.#link === link) await this.next(action, wait);
		}
	}

	/** In the order of their calls. */
	#tell(outcome: CoordinatorLink | ConecError): void {
		const waiting = [...this.#waiting];
		this.#waiting.clear();
		for (const settle of waiting) settle(outcome);
	}
}
