/**
 * What a command says when a stream loses its way to the peer and finds one again, or takes another one: the same words for every command.
 *
 * @module
 */

import type { MessageStream, SocketAddress, StreamChange } from "../../index.ts";
import type { Clock, Timer } from "../surroundings/index.ts";
import type { Output } from "../terminal/index.ts";
import { quoted } from "../text/index.ts";
import { formatSeconds, pathPhrase, rounded } from "../words/index.ts";
import type { LinkNews } from "./link-news.ts";
import { addressField } from "./path.ts";

/** What {@link StreamNews} knows of its stream. */
export interface NewsOfStream {
	readonly peer: string;
	/** Where the peer is, on a direct path. */
	readonly address: () => SocketAddress | undefined;
	/** Whether another line about this peer may be written. */
	readonly shows: () => boolean;
	/** How long it may be without a way, at most. */
	readonly patienceMs: number;
	/** It has been for so long. @default it ends by itself */
	readonly giveUp?: (() => void) | undefined;
}

/** Turns the status of one stream into one line for a pause that somebody notices, one for its end, and one for another path. */
export class StreamNews {
	readonly #of: NewsOfStream;
	readonly #link: Pick<LinkNews, "isAway" | "onReturn">;
	readonly #output: Output;
	readonly #clock: Clock;
	#timer: Timer | undefined;
	#patience: Timer | undefined;
	#suspended = false;
	/** The pause was told. */
	#told = false;
	readonly #forget: () => void;

	constructor(of: NewsOfStream, link: Pick<LinkNews, "isAway" | "onReturn">, output: Output, clock: Clock) {
		this.#of = of;
		this.#link = link;
		this.#output = output;
		this.#clock = clock;
		this.#forget = link.onReturn(() => this.#wait());
	}

	/** Tells of it. */
	take(change: StreamChange): void {
		if (change.type === "suspended") this.#suspend(change);
		else this.#go(change);
	}

	/** The stream is over: the command says how it ended. */
	end(): void {
		this.#timer?.cancel();
		this.#patience?.cancel();
		this.#suspended = false;
		this.#forget();
	}

	#suspend({ path }: Extract<StreamChange, { readonly type: "suspended" }>): void {
		const { giveUp, patienceMs } = this.#of;
		this.#patience?.cancel();
		if (giveUp !== undefined) this.#patience = this.#clock.after(patienceMs, giveUp, "background");
		if (!this.#of.shows()) return;
		this.#suspended = true;
		this.#told = false;
		this.#output.event("pause", { peer: this.#of.peer, path });
		this.#wait();
	}

	/** A short pause is no news. Nor is it one that the Coordinator is lost: that was told. The pause is, if it lasts when the Coordinator is back. */
	#wait(): void {
		this.#timer?.cancel();
		if (!this.#suspended || this.#told) return;
		this.#timer = this.#clock.after(NOTICED_MS, () => this.#tell(), "background");
	}

	#tell(): void {
		if (this.#link.isAway) return;
		this.#told = true;
		this.#output.note(`lost the way to ${quoted(this.#of.peer)}; trying to go on for up to ${formatSeconds(this.#of.patienceMs / 1_000)}`, "warn");
	}

	#go({ type, from, to, pauseMs }: Exclude<StreamChange, { readonly type: "suspended" }>): void {
		const { peer, shows } = this.#of;
		const wasTold = this.#told;
		const wasSuspended = this.#suspended;
		this.#timer?.cancel();
		if (type === "resumed") this.#patience?.cancel();
		[this.#suspended, this.#told] = [false, false];
		if (!wasSuspended && !shows()) return;
		const address = to === "direct" ? this.#of.address() : undefined;
		const words = pathPhrase(to, address);
		const event = type === "resumed" ? "pause-end" : "path";
		this.#output.event(event, { peer, path: to, address: addressField(address), durationMs: rounded(pauseMs) });
		if (wasTold) this.#output.note(`going on with ${quoted(peer)}: ${words}, after ${formatSeconds(pauseMs / 1_000)}`, "warn");
		else if (from !== to) this.#output.note(`going on with ${quoted(peer)}: ${words}`);
		else this.#output.note(`going on with ${quoted(peer)}: ${words}, after ${formatSeconds(pauseMs / 1_000)}`, "debug");
	}
}

/** A pause that is shorter is not told to people, in milliseconds. */
const NOTICED_MS = 4_000;

/** Tells of the stream until it is over. Never rejects. */
export async function followStream(stream: Pick<MessageStream, "status" | "suspended" | "path">, news: StreamNews): Promise<void> {
	const changes = stream.status();
	// It may have lost its way before anybody listened, for example while somebody was asked whether to take it.
	if (stream.suspended) news.take({ type: "suspended", path: stream.path });
	for await (const status of changes) if (status.type !== "lagged") news.take(status);
	news.end();
}
