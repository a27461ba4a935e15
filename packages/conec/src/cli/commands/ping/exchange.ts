/**
 * Messages there and back, one after another.
 *
 * @module
 */

import { isConecError, type MessageStream } from "../../../index.ts";
import type { CommandContext } from "../../command-line/index.ts";
import { APPLICATION_CODES, turnAway } from "../../connecting/index.ts";
import { CliError, EXIT_CODES } from "../../outcome/index.ts";
import { type Clock, delay } from "../../surroundings/index.ts";
import { quoted } from "../../text/index.ts";
import { inTime } from "./in-time.ts";
import type { PingRoute } from "./pinging.ts";

/** What became of a message. */
export type Exchanged =
	| { readonly type: "answered"; readonly path: "direct" | "proxied"; readonly roundTripMs: number }
	/** Nothing came back in time. */
	| { readonly type: "unanswered"; readonly path: "direct" | "proxied" };

/** Sends messages on a route and waits for each to come back. */
export class PingExchange {
	readonly #route: PingRoute;
	readonly #peer: string;
	readonly #timeoutMs: number;
	readonly #signal: AbortSignal;
	readonly #clock: Clock;
	#stream: MessageStream | undefined;
	/** Messages on this stream that have not come back in time, oldest first: they may still come. */
	#owed: Uint8Array[] = [];

	/** `timeoutMs`: how long an answer may take. */
	constructor(route: PingRoute, peer: string, timeoutMs: number, { signal, surroundings }: Pick<CommandContext, "signal" | "surroundings">) {
		this.#route = route;
		this.#peer = peer;
		this.#timeoutMs = timeoutMs;
		this.#signal = signal;
		this.#clock = surroundings.clock;
	}

	/** Sends message number `index` and waits for it to come back. If its way is lost and there is another, it is sent again there. */
	async exchange(index: number): Promise<Exchanged> {
		const message = new Uint8Array(MESSAGE_BYTES);
		new DataView(message.buffer).setUint32(0, index);
		let path = this.#stream?.path ?? "proxied";
		const exchanged = await inTime(this.#clock, this.#timeoutMs, this.#signal, async (signal): Promise<Exchanged> => {
			for (let way = 1; ; way += 1) {
				try {
					const stream = await this.#route.stream(signal);
					path = stream.path;
					if (stream !== this.#stream) this.#owed = [];
					this.#stream = stream;
					return { type: "answered", path, roundTripMs: await this.#thereAndBack(stream, message, signal) };
				} catch (error) {
					if (way === MOST_WAYS || !isConecError(error) || !this.#route.failed(error)) throw error;
				}
				// Who is not back yet is asked again, and not at once.
				if (way > 1) await delay(this.#clock, PAUSE_MS, signal);
			}
		});
		return exchanged === "late" ? { type: "unanswered", path } : exchanged;
	}

	/** Ends the stream as it should be; one that owes answers is not waited for. */
	async end(): Promise<void> {
		if (this.#owed.length > 0) this.#route.abandon();
		else await this.#route.end(this.#timeoutMs);
	}

	async #thereAndBack(stream: MessageStream, message: Uint8Array, signal: AbortSignal): Promise<number> {
		const sentAtMs = this.#clock.nowMs();
		await stream.send(message, { signal });
		this.#owed.push(message);
		for (;;) {
			const answer = await stream.receive({ signal });
			const roundTripMs = this.#clock.nowMs() - sentAtMs;
			const expected = this.#owed.shift();
			if (answer === null || expected === undefined || Buffer.compare(answer, expected) !== 0) {
				turnAway(stream, APPLICATION_CODES.protocolError);
				throw new CliError(EXIT_CODES.peer, `Cannot measure the round trip to ${quoted(this.#peer)}: it did not answer with what was sent`);
			}
			if (expected === message) return roundTripMs;
		}
	}
}

const MESSAGE_BYTES = 64;

/** How often one message is sent, if its time is not over before. */
const MOST_WAYS = 1_000;

/** Before a way is tried again, in milliseconds. */
const PAUSE_MS = 250;
