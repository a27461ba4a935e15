/**
 * One stream that survives the loss of its legs, as its process keeps it.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { RateLimit } from "../../base/rate-limit.ts";
import type { StreamChange, StreamPath, StreamStatus } from "../../stream/changes.ts";
import type { Passage } from "../../stream/exchange/index.ts";
import type { KeptStream, LegWay, StreamKeeper } from "../../stream/leg-way.ts";
import { StatusFeed } from "../status-feed.ts";
import type { Proof } from "./proof.ts";
import type { Named } from "./tokens.ts";

/** Where a leg of a stream that was opened here may go. */
export interface LegWanted {
	readonly peer: string | null;
	/** Number of the stream. */
	readonly id: number;
	readonly priority?: number | undefined;
	/** The path that the application wants. A stream that was to go on one path only stays there. */
	readonly path: "auto" | StreamPath;
	/** With "auto": which path comes first, if there are both. @default "direct" */
	readonly prefers?: StreamPath | undefined;
}

/** Who has the streams of the process. */
export interface SurvivorTable {
	readonly statusEvents: number;
	began(survivor: Survivor): void;
	suspended(survivor: Survivor, yes: boolean): void;
	changed(survivor: Survivor, change: StreamChange): void;
	done(survivor: Survivor): void;
	gone(survivor: Survivor): void;
	way(wanted: LegWanted): LegWay | undefined;
}

/** Legs of one stream that a peer may open within a second. */
export const LEGS_PER_SECOND = 10;

/** See the module. */
export abstract class Survivor implements StreamKeeper {
	abstract readonly peer: string | null;
	abstract readonly id: number;
	stream: KeptStream | undefined = undefined;
	protected readonly table: SurvivorTable;
	/** The application was told that it is suspended, and of nothing since. */
	protected isSuspended = false;
	/** It is over for the application. */
	protected isDone = false;
	/** Made when somebody listens: most streams have nobody. */
	#feed: StatusFeed<StreamChange> | undefined = undefined;

	constructor(table: SurvivorTable) {
		this.table = table;
	}

	began(stream: KeptStream): void {
		this.stream = stream;
		this.table.began(this);
	}

	suspended(yes: boolean): void {
		this.table.suspended(this, yes);
		const path = this.stream?.path;
		if (!yes || this.isSuspended || this.isDone || path === undefined) return;
		this.isSuspended = true;
		this.#tell({ type: "suspended", path });
	}

	passed({ from, to, pauseMs, suspended }: Passage): void {
		this.isSuspended = false;
		if (!this.isDone) this.#tell({ type: suspended ? "resumed" : "moved", from, to, pauseMs });
	}

	status(): AsyncIterable<StreamStatus> {
		this.#feed ??= new StatusFeed(this.table.statusEvents);
		if (this.isDone) this.#feed.end();
		return this.#feed.listen();
	}

	done(): void {
		this.isDone = true;
		this.#feed?.end();
		this.table.done(this);
	}

	gone(): void {
		this.table.gone(this);
	}

	abstract way(): LegWay | undefined;

	#tell(change: StreamChange): void {
		this.#feed?.emit(change);
		this.table.changed(this, change);
	}
}

/** At the end that opened the stream. */
export class Opened extends Survivor {
	readonly #wanted: LegWanted;
	#prefers: StreamPath;

	constructor(table: SurvivorTable, wanted: LegWanted) {
		super(table);
		this.#wanted = wanted;
		this.#prefers = wanted.prefers ?? "direct";
	}

	get peer(): string | null {
		return this.#wanted.peer;
	}

	get id(): number {
		return this.#wanted.id;
	}

	/** It may go on either path, and is neither over nor, as the peer wants it so, an ordinary one. */
	get mayMove(): boolean {
		return this.#wanted.path === "auto" && !this.isDone && this.stream?.resumable === true;
	}

	/** It goes directly, is not over, and is never to go another way. */
	get stays(): boolean {
		return this.#wanted.path === "direct" && !this.isDone && this.stream?.resumable === true && this.stream.path === "direct";
	}

	way(): LegWay | undefined {
		return this.table.way({ ...this.#wanted, prefers: this.#prefers });
	}

	/** Further legs go there first, and one is opened there now, if there is a way: see `Exchange.move`. False: none is opened now. */
	move(to: StreamPath, urgent: boolean): boolean {
		this.#prefers = to;
		this.stream?.wayIsThere();
		return this.stream?.move(urgent) ?? false;
	}

	/** There is a way now. `to`: it is on that path. */
	wayIsThere(to: StreamPath | undefined): void {
		if (to !== undefined && this.isSuspended) this.#prefers = to;
		this.stream?.wayIsThere();
	}

	/** The same for a stream that is not there already. False: it is to be asked again later. */
	go(to: StreamPath, urgent: boolean): boolean {
		if (!this.mayMove) return true;
		this.#prefers = to;
		if (this.stream === undefined || this.stream.path === to) return true;
		this.move(to, urgent);
		return false;
	}
}

/** What is known of a stream that a peer has opened. */
export interface AcceptedFacts {
	readonly proof: Proof;
	readonly token: string;
	/** Number of the stream at the peer. */
	readonly id: number;
	readonly clock: Clock;
}

/** At the end that accepted it. */
export class Accepted extends Survivor implements Named {
	readonly proof: Proof;
	readonly token: string;
	readonly id: number;
	readonly #clock: Clock;
	#legs: RateLimit | undefined = undefined;

	constructor(table: SurvivorTable, { proof, token, id, clock }: AcceptedFacts) {
		super(table);
		this.proof = proof;
		this.token = token;
		this.id = id;
		this.#clock = clock;
	}

	get peer(): string | null {
		return this.proof.peer;
	}

	/** Whether the peer may open another leg now. It is counted. */
	mayHaveLeg(): boolean {
		this.#legs ??= new RateLimit(LEGS_PER_SECOND);
		return this.#legs.take(this.#clock.now());
	}

	way(): undefined {
		return undefined;
	}
}
