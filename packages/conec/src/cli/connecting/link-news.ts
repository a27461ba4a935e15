/**
 * What a command says when it loses its Coordinator and comes back: the same words for every command.
 *
 * @module
 */

import type { ClientStatus, ConecErrorCode, SocketAddress } from "../../index.ts";
import type { Clock } from "../surroundings/index.ts";
import type { Output } from "../terminal/index.ts";
import { printable } from "../text/index.ts";
import { formatSeconds, rounded } from "../words/index.ts";

/** What {@link LinkNews} knows of its Client. */
export interface NewsOf {
	readonly id: string;
	readonly fingerprint: string;
	/** How the Coordinator at that address is called. */
	readonly nameOf: (address: SocketAddress) => string;
	/** How many direct channels there are now. */
	readonly channels: () => number;
}

/** Turns the status of a Client that comes back into one line for a loss and one for the return. */
export class LinkNews {
	readonly #of: NewsOf;
	readonly #output: Output;
	readonly #clock: Clock;
	#coordinator: string;
	/** The loss that no attempt has followed yet. */
	#lost: Extract<ClientStatus, { readonly type: "disconnected" }> | undefined;
	#lostAtMs = 0;
	/** Refusals that were told since the loss. */
	#told: ConecErrorCode[] = [];
	#isAway = false;
	readonly #onReturn: Set<() => void> = new Set();

	constructor(coordinator: string, of: NewsOf, output: Output, clock: Clock) {
		this.#coordinator = coordinator;
		this.#of = of;
		this.#output = output;
		this.#clock = clock;
	}

	/** Whether the Coordinator is lost. */
	get isAway(): boolean {
		return this.#isAway;
	}

	/** Calls back whenever the Coordinator is there again, until the function that it gives is called. */
	onReturn(listener: () => void): () => void {
		this.#onReturn.add(listener);
		return () => void this.#onReturn.delete(listener);
	}

	/** Tells of it, if it is about the Coordinator. */
	take(status: ClientStatus): void {
		if (status.type === "disconnected" && status.info.by !== "local") this.#lose(status);
		else if (status.type === "reconnecting") this.#try(status);
		else if (status.type === "connected" && status.again) this.#return(status);
	}

	/** Whether it is a loss for now only shows when an attempt follows. The end of the Client is the command's to tell. */
	#lose(status: Extract<ClientStatus, { readonly type: "disconnected" }>): void {
		this.#lost = status;
		this.#isAway = true;
		this.#lostAtMs = this.#clock.nowMs();
		this.#told = [];
	}

	#try({ attempt, inMs, why }: Extract<ClientStatus, { readonly type: "reconnecting" }>): void {
		const lost = this.#lost;
		this.#lost = undefined;
		if (lost !== undefined) {
			const { code, by, reason } = lost.info;
			const why = reason === undefined || reason === "" ? "" : `: ${printable(reason)}`;
			this.#output.event("disconnected", { code, by, again: true });
			this.#output.note(
				`lost the Coordinator at ${this.#coordinator}${why}; trying to come back${inMs < TOLD_DELAY_MS ? "" : ` in ${formatSeconds(inMs / 1_000)}`}${this.#goesOn()}`,
				"warn",
			);
		}
		const { code } = why;
		if (NOT_THERE.includes(code)) return this.#output.note(`attempt ${attempt} in ${formatSeconds(inMs / 1_000)}: ${printable(why.message)}`, "debug");
		if (this.#told.includes(code) || this.#told.length >= MOST_TOLD) return;
		this.#told.push(code);
		this.#output.event("refused", { code, durationMs: rounded(inMs) });
		this.#output.note(`cannot come back yet: ${printable(why.message)}`, "warn");
	}

	#return(status: Extract<ClientStatus, { readonly type: "connected" }>): void {
		const { id, fingerprint, nameOf } = this.#of;
		const awayMs = this.#clock.nowMs() - this.#lostAtMs;
		this.#coordinator = nameOf(status.coordinatorAddress);
		this.#lost = undefined;
		this.#isAway = false;
		this.#output.event("connected", { id, fingerprint, coordinator: this.#coordinator, again: true, durationMs: rounded(awayMs) });
		this.#output.note(`connected to ${this.#coordinator} again, after ${formatSeconds(awayMs / 1_000)}`, "warn");
		for (const listener of [...this.#onReturn]) listener();
	}

	#goesOn(): string {
		return this.#of.channels() > 0 ? "; direct channels go on" : "";
	}
}

/** The Coordinator wants to be left alone for a while. A shorter one is no news, in milliseconds. */
const TOLD_DELAY_MS = 4_000;

/** Kinds of refusals that are told after one loss. */
const MOST_TOLD = 4;

/** Nobody answers yet. That is what a loss is, and no news. */
const NOT_THERE: readonly ConecErrorCode[] = [
	"COORDINATOR_LOST",
	"COORDINATOR_CLOSED",
	"COORDINATOR_UNREACHABLE",
	"CONNECTION_LOST",
	// It says when to come back: else nothing would follow.
	"DISCONNECTED",
	"HOST_UNRESOLVABLE",
	"LIMIT_EXCEEDED",
];
