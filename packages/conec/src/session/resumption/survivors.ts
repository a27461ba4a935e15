/**
 * The streams of one process that survive the loss of their legs, whichever end opened them. They belong to no connection.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { type Random, randomHex } from "../../base/random.ts";
import { RateLimit } from "../../base/rate-limit.ts";
import type { ConecError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import { type KeptStream, type LegWay, linkOf, type StreamKeeper, type Survival, streamOptions } from "../../stream/leg-way.ts";
import { rejectStream } from "../../stream/open-stream.ts";
import { RESET_CODES } from "../../wire/codes.ts";
import type { OpenResume } from "../../wire/open.ts";
import type { Arrival } from "../protocols/index.ts";
import { OldestFirst } from "./oldest-first.ts";
import type { Proof } from "./proof.ts";
import { type Named, Tokens } from "./tokens.ts";

/** Where a leg of a stream that was opened here may go. */
export interface LegWanted {
	readonly peer: string | null;
	/** Number of the stream. */
	readonly id: number;
	readonly priority?: number | undefined;
	/** "auto": the better one of those that there are. */
	readonly path: "auto" | "direct" | "proxied";
}

/** What {@link Survivors} are made of. */
export interface SurvivorsParts {
	readonly limits: Pick<Limits, "suspendedStreams" | "doneStreams">;
	readonly clock: Clock;
	readonly random: Random;
	/** A way that there is now. */
	readonly way: (wanted: LegWanted) => LegWay | undefined;
}

/** The most that a peer's stream may be without a leg. */
const MOST_MS = 24 * 60 * 60 * 1_000;
/** Legs of one stream that a peer may open within a second. */
const LEGS_PER_SECOND = 10;

/** See the module. */
export class Survivors {
	readonly #parts: SurvivorsParts;
	readonly #all: Set<Survivor> = new Set();
	readonly #accepted: Tokens<Accepted> = new Tokens();
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

	/** A way that there is now. */
	way(wanted: LegWanted): LegWay | undefined {
		return this.#parts.way(wanted);
	}

	/** There are ways again that there were not: streams that were opened here and have no leg need not wait for their next attempt. */
	wayIsThere(): void {
		for (const { stream } of [...this.#all]) stream?.wayIsThere();
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
		const keeper = new Accepted(this, proof, resume.token, clock);
		next({ ...arrival, init: { ...init, survival: { forMs: MOST_MS, keeper, fraction: () => random.fraction() } } });
	}

	/** Ends those that the application has not closed. The others have the time that their owner gives them. */
	leave(error: ConecError, wireCode: number): void {
		for (const { stream } of [...this.#all]) if (stream?.closing === false) stream.end(error, wireCode);
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
	}

	/** No leg carries it, or one does again. */
	suspended(survivor: Survivor, yes: boolean): void {
		const { peer } = survivor;
		if (!yes) this.#suspended.delete(peer, survivor);
		else this.#suspended.add(peer, survivor)?.stream?.expire("too many streams have no connection");
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
	}

	#further({ incoming, init, legCame }: Arrival, leg: Extract<OpenResume, { readonly generation: number }>, known: Accepted | undefined): void {
		const unknown = (): void => rejectStream(incoming, "RESUME_UNKNOWN", "the stream is not known here");
		if (known?.stream === undefined) return unknown();
		if (!known.mayMove()) return rejectStream(incoming, "LIMIT_EXCEEDED", `a stream may have ${LEGS_PER_SECOND} new connections a second`);
		const { connection } = incoming;
		const offered = known.stream.offer(leg, (handler) => linkOf(incoming.accept(handler, streamOptions(init)), connection, init));
		if (offered === "taken") legCame();
		else if (offered.refuse === RESET_CODES.RESUME_UNKNOWN) unknown();
		else incoming.refuse(offered.refuse);
	}
}

/** What is known of one stream. */
abstract class Survivor implements StreamKeeper {
	abstract readonly peer: string | null;
	stream: KeptStream | undefined = undefined;
	protected readonly survivors: Survivors;

	constructor(survivors: Survivors) {
		this.survivors = survivors;
	}

	began(stream: KeptStream): void {
		this.stream = stream;
		this.survivors.began(this);
	}

	suspended(yes: boolean): void {
		this.survivors.suspended(this, yes);
	}

	done(): void {
		this.survivors.done(this);
	}

	gone(): void {
		this.survivors.gone(this);
	}

	abstract way(): LegWay | undefined;
}

/** At the end that opened the stream. */
class Opened extends Survivor {
	readonly #wanted: LegWanted;
	/** The path that further legs take. A stream that was to go directly only stays so. */
	prefers: LegWanted["path"];

	constructor(survivors: Survivors, wanted: LegWanted) {
		super(survivors);
		this.#wanted = wanted;
		this.prefers = wanted.path;
	}

	get peer(): string | null {
		return this.#wanted.peer;
	}

	way(): LegWay | undefined {
		const path = this.#wanted.path === "direct" ? "direct" : this.prefers;
		return this.survivors.way({ ...this.#wanted, path });
	}
}

/** At the end that accepted it. */
class Accepted extends Survivor implements Named {
	readonly proof: Proof;
	readonly token: string;
	readonly #clock: Clock;
	#legs: RateLimit | undefined = undefined;

	constructor(survivors: Survivors, proof: Proof, token: string, clock: Clock) {
		super(survivors);
		this.proof = proof;
		this.token = token;
		this.#clock = clock;
	}

	get peer(): string | null {
		return this.proof.peer;
	}

	/** Whether the peer may open another leg now. It is counted. */
	mayMove(): boolean {
		this.#legs ??= new RateLimit(LEGS_PER_SECOND);
		return this.#legs.take(this.#clock.now());
	}

	way(): undefined {
		return undefined;
	}
}

/** Says which path the further legs of a stream take that was opened here, and opens one there now, if there is a way: see `Exchange.move`. False: none is opened now. */
export function moveStream(keeper: StreamKeeper | undefined, path: LegWanted["path"], urgent: boolean = false): boolean {
	if (!(keeper instanceof Opened) || keeper.stream === undefined) return false;
	keeper.prefers = path;
	keeper.stream.wayIsThere();
	return keeper.stream.move(urgent);
}
