/**
 * Who is connected, as one listener of a walk has been told.
 *
 * @module
 */

import type { PeerInfo } from "../../src/session/peer-info.ts";
import type { PresenceEvent } from "../../src/session/presence-event.ts";
import type { Party } from "./party.ts";
import { ReadingGate } from "./reading-gate.ts";
import { accuses, codeOf, type Verdict } from "./verdict.ts";

/** See the module. Reads from the beginning. */
export class PresenceRecord {
	readonly party: Party;
	readonly peers: Map<string, PeerInfo> = new Map();
	/** "end": it was over, or was left. */
	reading: "open" | "end" | (string & {}) = "open";
	readonly #events: AsyncIterator<PresenceEvent>;
	readonly #verdict: Verdict;
	#lists = 0;
	#lastSeq = -1;
	/** Of the Coordinator: another one begins anew. */
	#epoch = "";
	readonly #gate: ReadingGate = new ReadingGate();

	constructor(party: Party, events: AsyncIterable<PresenceEvent>, verdict: Verdict) {
		this.party = party;
		this.#events = events[Symbol.asyncIterator]();
		this.#verdict = verdict;
		void this.#read();
	}

	get live(): boolean {
		return this.reading === "open";
	}

	pause(): void {
		this.#gate.pause();
	}

	resume(): void {
		this.#gate.resume();
	}

	/** Wants no more. */
	leave(): void {
		this.resume();
		void this.#events.return?.();
	}

	/** Compares it with the truth. */
	check(truth: ReadonlyMap<string, PeerInfo>): void {
		const [seen, real] = [this.peers, truth].map((peers) => JSON.stringify([...peers.values()].sort((a, b) => (a.id < b.id ? -1 : 1))));
		this.#verdict.must(seen === real, () => `presence at ${this.party.name} is ${seen}, the truth is ${real}`);
	}

	async #read(): Promise<void> {
		try {
			for (let next = await this.#events.next(); next.done !== true; next = await this.#events.next()) {
				this.#event(next.value);
				if (this.#gate.opened !== undefined) await this.#gate.opened;
			}
			this.reading = "end";
		} catch (error) {
			this.reading = codeOf(error);
			this.#verdict.must(!accuses(this.reading), () => `presence at ${this.party.name}: the Coordinator is said to break the rules: ${codeOf(error)}`);
		}
	}

	#event(event: PresenceEvent): void {
		const must = (holds: boolean, problem: string): void =>
			this.#verdict.must(holds, () => `presence at ${this.party.name}: ${problem}: ${JSON.stringify(event)}`);
		if (event.type === "members") {
			this.#lists++;
			must(event.epoch !== this.#epoch || event.seq >= this.#lastSeq, `a list from before ${this.#lastSeq}`);
			this.#epoch = event.epoch;
			this.#lastSeq = event.seq;
			this.peers.clear();
			for (const peer of event.members) this.peers.set(peer.id, peer);
			return;
		}
		must(this.#lists > 0, "it did not begin with the list");
		must(event.seq > this.#lastSeq, `a number that does not grow after ${this.#lastSeq}`);
		this.#lastSeq = event.seq;
		const known = this.peers.has(event.peer.id);
		must(known === (event.type !== "join"), event.type === "join" ? "joined twice" : "was not there");
		if (event.type === "leave") this.peers.delete(event.peer.id);
		else this.peers.set(event.peer.id, event.peer);
	}
}
