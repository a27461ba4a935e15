/**
 * How much of what waits one turn of the event loop may deliver. Pure: times are arguments, in milliseconds of one clock that never goes back.
 *
 * @module
 */

/** So long a turn may take, with what handlers leave for the end of the tick (promises). */
export const TURN_MS = 5;
/** So much it may deliver. */
const TURN_BYTES = 1024 * 1024;
/** What a call costs besides what it delivers. Node may make many before the event loop goes round. */
const CALL_BYTES = 4 * 1024;
/** After so many records, the event loop is asked to tell when it has gone round. Asking costs a round. */
const FEW_RECORDS = 64;
/** A turn of records that cost much delivers at least so many, and one of records that cost little at most so many. */
const LEAST_RECORDS = 64;
const MOST_RECORDS = 16 * 1024;
/** The clock is looked at more rarely while no more time passes between two looks. A look costs as much as a short record. */
const LOOK_MS = 0.1;
const MOST_LOOK_RECORDS = 64;
/** So many records are delivered before what handlers leave for the end of the tick is done. More would not stay in the caches of the processor. */
const BATCH_RECORDS = 1024;
const FIRST_RECORDS = 64;

/**
 * The allowance of one turn. A turn is over when its time, its bytes or its records are used up. How many records there may be follows from
 * what records have cost lately: promises settle only when a call is over, so their cost is seen too late to end the turn that causes it.
 */
export class Turn {
	#mostRecords = FIRST_RECORDS;
	#records = 0;
	#bytes = 0;
	#startMs = 0;
	#callMs = 0;
	#callRecords = 0;
	#lookedMs = 0;
	#lookRecords = 1;
	/** It is worth asking when the event loop has gone round. Until then, all time counts. */
	#isLong = false;
	#isSpent = false;

	/** Whether other work of the event loop comes first now. */
	get isSpent(): boolean {
		return this.#isSpent;
	}

	/** Whether so much has been delivered that the event loop must say when it has gone round. Until {@link renew}, nothing is forgotten. */
	get isLong(): boolean {
		return this.#isLong;
	}

	/** Whether promises come first now. The turn may go on after them. */
	get isBatchDone(): boolean {
		return this.#callRecords >= BATCH_RECORDS;
	}

	/** After how many records the clock must be looked at: few where they take long. */
	get lookRecords(): number {
		return this.#lookRecords;
	}

	/** How many records to fetch: a quarter of a turn at most. What is fetched cannot be overtaken by a connection whose turn comes first. */
	get fetchedRecords(): number {
		return Math.max(1, Math.min(BATCH_RECORDS - this.#callRecords, this.#mostRecords - this.#records, this.#mostRecords >> 2));
	}

	/** The addon calls, or the turn goes on after a batch. */
	begin(nowMs: number): void {
		if (!this.#isLong) this.#startMs = nowMs;
		this.#callMs = nowMs;
		this.#lookedMs = nowMs;
		this.#callRecords = 0;
		this.count(0, CALL_BYTES, nowMs);
	}

	/** So many records have been delivered. Returns whether the turn is over. */
	count(records: number, bytes: number, nowMs: number): boolean {
		this.#records += records;
		this.#callRecords += records;
		this.#bytes += bytes;
		if (records > 0) {
			this.#lookRecords = nowMs - this.#lookedMs < LOOK_MS ? Math.min(MOST_LOOK_RECORDS, this.#lookRecords * 2) : Math.max(1, this.#lookRecords >> 2);
			this.#lookedMs = nowMs;
		}
		const tookMs = nowMs - this.#startMs;
		if (this.#records >= FEW_RECORDS || this.#bytes >= TURN_BYTES / 2 || tookMs >= TURN_MS / 2) this.#isLong = true;
		if (this.#records >= this.#mostRecords || this.#bytes >= TURN_BYTES || tookMs >= TURN_MS) this.#isSpent = true;
		return this.#isSpent;
	}

	/** The tick of a call is over, its promises included. */
	settle(nowMs: number): void {
		const tookMs = nowMs - this.#callMs;
		if (tookMs > TURN_MS) this.#mostRecords = Math.max(LEAST_RECORDS, Math.min(this.#mostRecords, Math.floor((this.#callRecords * TURN_MS) / tookMs)));
		// A turn has many calls.
		else if (this.#records >= this.#mostRecords && nowMs - this.#startMs < TURN_MS / 2) this.#mostRecords = Math.min(MOST_RECORDS, this.#mostRecords * 2);
	}

	/** The event loop has gone round. */
	renew(): void {
		this.#records = 0;
		this.#bytes = 0;
		this.#isLong = false;
		this.#isSpent = false;
	}
}
