/**
 * The streams of one process that survive the loss of their legs, whichever end opened them. They belong to no connection.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { type Random, randomHex } from "../../base/random.ts";
import type { ConecError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { StreamChange, StreamPath } from "../../stream/changes.ts";
import { type LegWay, linkOf, type StreamKeeper, type Survival, streamOptions } from "../../stream/leg-way.ts";
import { rejectStream } from "../../stream/open-stream.ts";
import { RESET_CODES } from "../../wire/codes.ts";
import type { OpenResume } from "../../wire/open.ts";
import { SURVIVES_MOST_MS } from "../open-stream-options.ts";
import type { Arrival } from "../protocols/index.ts";
import { OldestFirst } from "./oldest-first.ts";
import type { Proof } from "./proof.ts";
import { Accepted, LEGS_PER_SECOND, type LegWanted, Opened, type Survivor, type SurvivorTable } from "./survivor.ts";
import { Tokens } from "./tokens.ts";

/** What {@link Survivors} are made of. */
export interface SurvivorsParts {
	readonly limits: Pick<Limits, "suspendedStreams" | "doneStreams" | "statusEvents">;
	readonly clock: Clock;
	readonly random: Random;
	/** A way that there is now. */
	readonly way: (wanted: LegWanted) => LegWay | undefined;
	/** Hears what happens to each of them. @default nobody */
	readonly changed?: (stream: ChangedStream) => void;
}

/** A stream that was suspended, resumed or moved. */
export interface ChangedStream {
	readonly peer: string | null;
	readonly id: number;
	/** Who has opened it. */
	readonly openedBy: "local" | "peer";
	readonly change: StreamChange;
}

/** See the module. */
export class Survivors implements SurvivorTable {
	readonly #parts: SurvivorsParts;
	readonly #all: Set<Survivor> = new Set();
	readonly #accepted: Tokens<Accepted> = new Tokens();
	/** Those that were opened here, by peer. */
	readonly #opened: Map<string | null, Set<Opened>> = new Map();
	readonly #suspended: OldestFirst<string | null, Survivor>;
	readonly #done: OldestFirst<string | null, Survivor>;

	constructor(parts: SurvivorsParts) {
		this.#parts = parts;
		this.#suspended = new OldestFirst(parts.limits.suspendedStreams);
		this.#done = new OldestFirst(parts.limits.doneStreams);
	}

	/** Streams that are not gone, at either end. */
	get size(): number {
		return this.#all.size;
	}

	/** How a stream that is opened here survives for `forMs` without a leg. `priority`, `id` and `peer` are those of its OPEN. */
	opening(wanted: LegWanted, forMs: number): Survival {
		const { random } = this.#parts;
		return { forMs, token: randomHex(random, 16), keeper: new Opened(this, wanted), fraction: () => random.fraction() };
	}

	/**
	 * A path to a peer is better, or is not good any more: streams that were opened here and may take either path go to `to` from now on, and those
	 * that have another connection go over now. Gives how many could not yet.
	 *
	 * @param urgent The present path seems to carry nothing.
	 */
	go(peer: string, to: StreamPath, urgent: boolean): number {
		let left = 0;
		for (const stream of [...(this.#opened.get(peer) ?? [])]) if (!stream.go(to, urgent)) left++;
		return left;
	}

	/** Streams to a peer that were opened here and stay where they are now: on the direct path, as the application wants them only there. */
	staying(peer: string): number {
		let count = 0;
		for (const { stays } of this.#opened.get(peer) ?? []) if (stays) count++;
		return count;
	}

	/** There is a way to a peer, or to all, that there was not before: suspended streams try it at once. `path`: where it goes. */
	wayIsThere(peer?: string, path?: StreamPath): void {
		const sets = peer === undefined ? [...this.#opened.values()] : [this.#opened.get(peer) ?? []];
		for (const set of sets) for (const stream of [...set]) stream.wayIsThere(path);
	}

	/** Notices that a listener of one stream may leave unread. */
	get statusEvents(): number {
		return this.#parts.limits.statusEvents;
	}

	/** A way that there is now. */
	way(wanted: LegWanted): LegWay | undefined {
		return this.#parts.way(wanted);
	}

	/**
	 * OPEN has come from a peer. A new stream is given to `next`. A further leg goes to its stream, or is answered with REJECT.
	 */
	arrive(arrival: Arrival, proof: Proof, next: (arrival: Arrival) => void): void {
		const { incoming, init, resume } = arrival;
		if (resume === undefined || !("token" in resume)) return next(arrival);
		const known = this.#accepted.find(proof, resume.token);
		if ("generation" in resume) return this.#further(arrival, resume, known);
		if (known !== undefined) return incoming.refuse(RESET_CODES.MOVED);
		// A peer whose key is not known cannot be known again.
		if (proof.peer !== null && proof.key === undefined) return next(arrival);
		const { clock, random } = this.#parts;
		const keeper = new Accepted(this, { proof, token: resume.token, id: init.id, clock });
		next({ ...arrival, init: { ...init, survival: { forMs: SURVIVES_MOST_MS, keeper, fraction: () => random.fraction() } } });
	}

	/** Ends those of which the peer has nothing to hear any more. The others have the time that their owner gives them. */
	leave(error: ConecError, wireCode: number): void {
		for (const { stream } of [...this.#all]) if (stream?.unheard === false) stream.end(error, wireCode);
	}

	/** Ends all of them at once. */
	end(error: ConecError, wireCode: number): void {
		for (const survivor of [...this.#all]) survivor.stream?.end(error, wireCode);
	}

	// What the streams tell.

	/** One begins. */
	began(survivor: Survivor): void {
		this.#all.add(survivor);
		if (survivor instanceof Accepted) this.#accepted.add(survivor);
		if (!(survivor instanceof Opened)) return;
		const others = this.#opened.get(survivor.peer);
		if (others === undefined) this.#opened.set(survivor.peer, new Set([survivor]));
		else others.add(survivor);
	}

	/** No leg carries it, or one does again. */
	suspended(survivor: Survivor, yes: boolean): void {
		const { peer } = survivor;
		if (!yes) this.#suspended.delete(peer, survivor);
		else this.#suspended.add(peer, survivor)?.stream?.expire("too many streams have no connection");
	}

	/** Something has happened to it that the application may want to know. */
	changed(survivor: Survivor, change: StreamChange): void {
		const { peer, id } = survivor;
		this.#parts.changed?.({ peer, id, openedBy: survivor instanceof Opened ? "local" : "peer", change });
	}

	/** It is over, and the peer may not know that. */
	done(survivor: Survivor): void {
		const { peer } = survivor;
		this.#suspended.delete(peer, survivor);
		this.#done.add(peer, survivor)?.stream?.expire("");
	}

	/** Nothing is left of it. */
	gone(survivor: Survivor): void {
		const { peer } = survivor;
		this.#suspended.delete(peer, survivor);
		this.#done.delete(peer, survivor);
		this.#all.delete(survivor);
		if (survivor instanceof Accepted) this.#accepted.delete(survivor);
		if (!(survivor instanceof Opened)) return;
		const others = this.#opened.get(peer);
		others?.delete(survivor);
		if (others?.size === 0) this.#opened.delete(peer);
	}

	#further({ incoming, init, legCame }: Arrival, leg: Extract<OpenResume, { readonly generation: number }>, known: Accepted | undefined): void {
		const unknown = (): void => rejectStream(incoming, "RESUME_UNKNOWN", "the stream is not known here");
		if (known?.stream === undefined) return unknown();
		if (!known.mayHaveLeg()) return rejectStream(incoming, "LIMIT_EXCEEDED", `a stream may have ${LEGS_PER_SECOND} new connections a second`);
		const { connection } = incoming;
		const offered = known.stream.offer(leg, (handler) => linkOf(incoming.accept(handler, streamOptions(init)), connection, init));
		if (offered === "taken") legCame();
		else if (offered.refuse === RESET_CODES.RESUME_UNKNOWN) unknown();
		else incoming.refuse(offered.refuse);
	}
}

/** Says which path the further legs of a stream take that was opened here, and opens one there now, if there is a way: see `Exchange.move`. False: none is opened now. For tests. */
export function moveStream(keeper: StreamKeeper | undefined, to: StreamPath, urgent: boolean = false): boolean {
	return keeper instanceof Opened && keeper.mayMove && keeper.move(to, urgent);
}
