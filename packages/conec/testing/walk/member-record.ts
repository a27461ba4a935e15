/**
 * One member of a broadcast in a walk: what it sends, and every event that it gets.
 *
 * @module
 */

import type { Clock } from "../../src/base/clock.ts";
import type { CloseInfo } from "../../src/base/close-info.ts";
import type { BroadcastEvent, BroadcastOptions, BroadcastStream } from "../../src/stream/broadcast-stream.ts";
import type { Party } from "./party.ts";
import { ReadingGate } from "./reading-gate.ts";
import { codeOf, type Verdict } from "./verdict.ts";

interface Sending {
	readonly atMs: number;
	state: "waiting" | "sent" | "failed";
}

/** A stretch of numbers that a member has lost. */
export interface Gap {
	readonly lost: number;
	readonly fromSeq: number;
	readonly toSeq: number;
}

/** See the module. Reads from the beginning. */
export class BroadcastMemberRecord {
	readonly key: number;
	readonly party: Party;
	readonly stream: BroadcastStream;
	readonly options: BroadcastOptions;
	readonly joinedAtMs: number;
	/** In which it has joined first. */
	readonly epoch: string;
	/** How often it has joined again by itself. */
	rejoined = 0;
	/** Text of the messages, by number. */
	readonly messages: Map<number, string> = new Map();
	readonly gaps: Gap[] = [];
	readonly sends: Sending[] = [];
	/** Who is in it, where it asked to hear of that. */
	readonly present: Map<string, unknown> = new Map();
	/** The number of its first list of members. */
	firstMembersSeq: number | undefined;
	/** Messages that came before that. */
	earlier = 0;
	/** Lost before that, by gaps: a reader that was too slow for them. */
	earlierLost = 0;
	lastSeq = 0;
	reading: "open" | "end" | (string & {}) = "open";
	ending: "waiting" | "done" | (string & {}) | undefined;
	closing: "waiting" | "done" | (string & {}) | undefined;
	closed: CloseInfo | undefined;
	/** Where it has joined again and something may be missing. */
	#wholeTo: number | undefined;
	readonly #verdict: Verdict;
	readonly #clock: Clock;
	readonly #gate: ReadingGate = new ReadingGate();

	constructor(key: number, party: Party, stream: BroadcastStream, options: BroadcastOptions, verdict: Verdict, clock: Clock) {
		this.key = key;
		this.party = party;
		this.stream = stream;
		this.options = options;
		this.joinedAtMs = clock.now();
		this.epoch = stream.epoch;
		this.lastSeq = options.since !== undefined && stream.recovered === true ? options.since.seq : 0;
		this.#verdict = verdict;
		this.#clock = clock;
		void stream.closed.then((info) => {
			this.closed = info;
		});
		if (options.mode === "send") this.reading = "end";
		else void this.#read();
	}

	get name(): string {
		return `member ${this.key} of "${this.stream.name}" ${this.epoch}, ${this.party.name}`;
	}

	/** It says so wherever something is missing, up to this number. */
	get wholeTo(): number {
		return this.#wholeTo ?? this.lastSeq;
	}

	get live(): boolean {
		return this.closed === undefined && this.closing === undefined;
	}

	get maySend(): boolean {
		return this.options.mode !== "receive" && this.ending === undefined && this.live;
	}

	send(size: number): void {
		const index = this.sends.length;
		const sending: Sending = { atMs: this.#clock.now(), state: "waiting" };
		this.sends.push(sending);
		const late = this.#clock.setTimeout(() => {
			// While the Coordinator is away, it waits for that.
			if (!this.party.hasBeenAway) this.#verdict.wrong(`${this.name}: message ${index} waits for more than ${SEND_MS} ms`);
		}, SEND_MS);
		const settled = (state: "sent" | "failed"): void => {
			sending.state = state;
			this.#clock.clearTimeout(late);
		};
		this.stream.send(`${this.key}/${index} `.padEnd(size, ".")).then(
			() => settled("sent"),
			() => settled("failed"),
		);
	}

	finish(): void {
		this.ending ??= "waiting";
		this.stream.finish().then(
			() => {
				this.ending = "done";
			},
			(error: unknown) => {
				this.ending = codeOf(error);
			},
		);
	}

	close(): void {
		this.closing ??= "waiting";
		this.resume();
		this.stream.close().then(
			() => {
				this.closing = "done";
			},
			(error: unknown) => {
				this.closing = codeOf(error);
			},
		);
	}

	pause(): void {
		this.#gate.pause();
	}

	resume(): void {
		this.#gate.resume();
	}

	async #read(): Promise<void> {
		try {
			for await (const event of this.stream) {
				this.#event(event);
				if (this.#gate.opened !== undefined) await this.#gate.opened;
			}
			this.reading = "end";
		} catch (error) {
			this.reading = codeOf(error);
		}
	}

	#event(event: BroadcastEvent): void {
		const must = (holds: boolean, problem: string): void => this.#verdict.must(holds, () => `${this.name}: ${problem}: ${brief(event)}`);
		if (event.type === "rejoined") {
			this.rejoined++;
			if (event.recovered) return;
			// What it knows has a hole from here on, so only the first part is compared with what others have seen. It may be in another epoch.
			this.#wholeTo ??= this.lastSeq;
			this.lastSeq = 0;
			return;
		}
		const first = event.type === "gap" ? event.fromSeq : event.seq;
		// A list of members stands for a place that may have had its number told already.
		must(event.type === "members" ? first >= this.lastSeq : first > this.lastSeq, `a number that does not grow after ${this.lastSeq}`);
		this.lastSeq = Math.max(this.lastSeq, event.type === "gap" ? event.toSeq : event.seq);
		switch (event.type) {
			case "message":
				if (this.#wholeTo !== undefined) return;
				must(event.epoch === this.epoch, "another epoch");
				if (this.firstMembersSeq === undefined) this.earlier++;
				this.messages.set(event.seq, `${event.sender}: ${Buffer.from(event.data).toString()}`);
				return;
			case "gap":
				must(event.lost > 0 && event.toSeq >= event.fromSeq, "an empty gap");
				if (this.#wholeTo !== undefined) return;
				this.gaps.push(event);
				if (this.firstMembersSeq === undefined) this.earlierLost += event.lost;
				return;
			case "members":
				if (this.#wholeTo === undefined) this.firstMembersSeq ??= event.seq;
				this.present.clear();
				for (const peer of event.members) this.present.set(peer.id, peer.metadata);
				return;
			case "join":
				must(!this.present.has(event.peer.id), "joined twice");
				this.present.set(event.peer.id, event.peer.metadata);
				return;
			case "update":
				must(this.present.has(event.peer.id), "changed, but is not here");
				this.present.set(event.peer.id, event.peer.metadata);
				return;
			case "leave":
				must(this.present.delete(event.peer.id), "left, but was not here");
				return;
		}
	}
}

/** Slow readers hold senders up for 10 s in a minute, those with "block" for 5 s more; a link may be dead for 25 s. */
const SEND_MS = 45_000;

function brief(event: BroadcastEvent): string {
	return event.type === "message" ? `message ${event.seq} of ${event.sender}` : JSON.stringify(event);
}
