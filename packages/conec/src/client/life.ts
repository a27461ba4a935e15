/**
 * The life of a Client. It is open, while its link to the Coordinator comes and goes; without reconnecting, it may go on with its direct
 * channels when the link is lost; it closes; it is over. This says what can be done now, and ends the parts that the Client has given it.
 *
 * @module
 */

import type { Clock } from "../base/clock.ts";
import type { CloseInfo } from "../base/close-info.ts";
import { Lifetime } from "../base/lifetime.ts";
import { within } from "../base/signals.ts";
import { ConecError, type ConecErrorCode, isConecError } from "../errors.ts";
import type { ClientLimits } from "../limits.ts";
import { leavingTimeMs } from "../session/leaving-time.ts";
import type { StatusFeed } from "../session/status-feed.ts";
import type { Transport } from "../transport/transport.ts";
import { CLOSE_CODES, RESET_CODES } from "../wire/codes.ts";
import type { DirectChannels } from "./direct/index.ts";
import type { ClientStatus } from "./status.ts";
import type { CoordinatorLink } from "./uplink/index.ts";

/** How a Client ends. */
export interface ClientEnd {
	/** What the application is told. */
	readonly info: CloseInfo;
	/** What everything fails with that still waits. */
	readonly error: ConecError;
}

/** What a life needs of its Client. */
export interface ClientLifeHost {
	readonly limits: ClientLimits;
	readonly clock: Clock;
	readonly transport: Transport;
	readonly link: () => CoordinatorLink;
	readonly direct: () => DirectChannels;
	/** The Client begins to close: nothing more comes in. Resolves when handlers of protocols have ended, or have had their time. */
	readonly closing: (error: ConecError) => Promise<unknown>;
	/** The link is lost, and direct channels go on. */
	readonly down: (error: ConecError) => void;
	/** Begins to come back after a loss. It may end the Client at once, if no attempt can help. `undefined`: it does not come back by itself. */
	readonly comeBack: ((why: ConecError) => void) | undefined;
	readonly feed: StatusFeed<ClientStatus>;
}

/** See the module. */
export class ClientLife {
	/** See `Client.closed`. */
	readonly closed: Promise<CloseInfo>;
	readonly #host: ClientLifeHost;
	readonly #parts: Lifetime<ClientEnd> = new Lifetime();
	#state: ClientState = { type: "open" };
	/** How the last link was lost. */
	#lost: CloseInfo | undefined;
	/** While that is being looked at. */
	#losing = false;

	constructor(host: ClientLifeHost) {
		const { transport, feed } = host;
		this.#host = host;
		this.closed = new Promise((resolve) => this.own(({ info }) => resolve(info)));
		this.own(() => feed.end());
		this.own(({ info }) => {
			transport.onDatagram = undefined;
			void transport.close(CLOSE_CODES.CLIENT_CLOSED, info.reason ?? LEAVING, 0).catch(() => undefined);
		});
	}

	/** Ends a part when the Client is over, those that were given later first; after them the socket, and last those who listen to the status. */
	own(end: (how: ClientEnd) => void): void {
		this.#parts.own(end);
	}

	/** It takes no more streams. */
	get leaving(): boolean {
		return this.#state.type === "closing" || this.#state.type === "over";
	}

	get over(): boolean {
		return this.#state.type === "over";
	}

	/** How the last link was lost, while there is none. */
	get lostInfo(): CloseInfo | undefined {
		return this.#host.link().state === "over" ? this.#lost : undefined;
	}

	/** Whether it comes back by itself after a loss. */
	get comesBack(): boolean {
		return this.#state.type === "open" && this.#host.comeBack !== undefined;
	}

	/** With what fails that would need the Coordinator. */
	get lostError(): ConecError {
		return this.#state.type === "disconnected" ? this.#state.error : new ConecError("COORDINATOR_LOST", "Lost the Coordinator");
	}

	/** See `Client.close`. */
	close(): Promise<void> {
		// The state comes first: what is told while things end must find it.
		if (this.#state.type === "open" || this.#state.type === "disconnected")
			this.#state = { type: "closing", done: Promise.resolve().then(() => this.#close()) };
		return this.#state.type === "closing" ? this.#state.done : Promise.resolve();
	}

	/** See `Client.destroy`. */
	destroy(error: Error | undefined): void {
		const code = isConecError(error) ? { code: error.code } : {};
		this.#over({ by: "local", ...code, ...(error === undefined ? {} : { reason: error.message }) }, clientClosed("Cannot continue"));
	}

	/** The connection to the Coordinator has ended. */
	lost(info: CloseInfo): void {
		const { feed, link, direct } = this.#host;
		if (this.#state.type === "over") return;
		// While closing it is our own doing, or has come a moment earlier than that.
		if (this.#state.type === "closing" && info.by === "local") return;
		feed.emit({ type: "disconnected", info });
		const code = info.code === "SUPERSEDED" ? "SUPERSEDED" : "COORDINATOR_LOST";
		const error = new ConecError(code, `Lost the Coordinator${info.reason === undefined ? "" : `: ${info.reason}`}`);
		const closing = this.#state.type === "closing";
		this.#lost = info;
		// A key that is not welcome any more has no channels either: its peers may be where nobody can tell them.
		const unwelcome = (code === "SUPERSEDED" && !this.comesBack) || (info.by === "peer" && info.code === "CERTIFICATE_REFUSED");
		if (unwelcome || (closing && direct().idle)) return this.#over(info, error);
		// Direct channels are closed as gracefully as ever.
		if (closing) return link().destroy(error, RESET_CODES.NONE);
		if (this.comesBack) return this.#away(info, error);
		this.#state = { type: "disconnected", info, error };
		this.#host.down(error);
		this.endIfNothingIsLeft();
	}

	/** No attempt to come back follows. */
	gaveUp(why: ConecError): void {
		if (this.#state.type !== "open") return;
		const lost = this.#losing ? this.#lost : undefined;
		const error = lost === undefined || why.code === "SUPERSEDED" ? why : new ConecError("COORDINATOR_LOST", why.message, { cause: why });
		this.#over(lost ?? { by: "error", code: why.code, reason: why.message }, error);
	}

	#away(info: CloseInfo, error: ConecError): void {
		this.#host.down(error);
		this.#losing = true;
		this.#host.comeBack?.(new ConecError(info.code ?? "COORDINATOR_LOST", error.message));
		this.#losing = false;
	}

	/** A direct channel, or an attempt at one, is over: without the Coordinator the Client may be, too. */
	endIfNothingIsLeft(): void {
		if (this.#state.type === "disconnected" && this.#host.direct().idle) this.#over(this.#state.info, this.#state.error);
	}

	/** Streams can be opened, on some path. Throws `CLIENT_CLOSED`, or how the Client has lost the Coordinator. */
	assertOpen(action: string): void {
		if (this.#state.type === "open" || this.#state.type === "disconnected") return;
		if (this.#state.type === "over" && this.#state.code !== "CLIENT_CLOSED") throw new ConecError(this.#state.code, `${action}: the Coordinator is lost`);
		throw clientClosed(action);
	}

	async #close(): Promise<void> {
		if (this.#state.type !== "closing") return;
		const { limits, clock, transport, closing } = this.#host;
		const { lingerMs, closeTimeoutMs } = limits;
		const [link, direct] = [this.#host.link(), this.#host.direct()];
		const deadline = clock.now() + closeTimeoutMs;
		const error = clientClosed("Cannot continue");
		await closing(error);
		// Destroyed meanwhile.
		if (this.over) return;
		const leavingMs = leavingTimeMs(closeTimeoutMs, Math.max(0, deadline - clock.now()));
		const how = { error, wireCode: RESET_CODES.CLIENT_CLOSED, lingerMs: Math.min(lingerMs, leavingMs) };
		await within(leavingMs, Promise.all([direct.close(error), link.state === "over" ? undefined : link.leave(LEAVING, how)]), clock);
		const left = Math.max(0, deadline - clock.now());
		// For the notice to be repeated where it was lost, as it is not acknowledged; nobody waits for that.
		const drainMs = Math.min(left, Math.max(MIN_DRAIN_MS, 4 * link.rttMs));
		await within(left, transport.close(CLOSE_CODES.CLIENT_CLOSED, LEAVING, drainMs, "sent"), clock);
		this.#over({ by: "local" }, error);
	}

	/** The end of it all; everything that waits is told. */
	#over(info: CloseInfo, error: ConecError): void {
		if (this.#state.type === "over") return;
		this.#state = { type: "over", code: error.code };
		this.#parts.end({ info, error });
	}
}

type ClientState =
	| { readonly type: "open" }
	/** The Coordinator is gone for good; direct channels are not. */
	| { readonly type: "disconnected"; readonly info: CloseInfo; readonly error: ConecError }
	| { readonly type: "closing"; readonly done: Promise<void> }
	| { readonly type: "over"; readonly code: ConecErrorCode };

const MIN_DRAIN_MS = 20;

/** What the others are told when a Client leaves of its own will. */
const LEAVING = "the Client leaves";

function clientClosed(action: string): ConecError {
	return new ConecError("CLIENT_CLOSED", `${action}: the Client is closed`);
}
