/**
 * What the machine of a stream asks of the windows and budgets of its process and of its connection.
 *
 * Everything is counted in cost: a unit costs its payload and {@link UNIT_COST_BYTES}, and the last unit of a direction
 * costs nothing. Sums are cumulative over a stream, whatever the leg, and at most 2^53 - 1.
 *
 * No method throws, and none is asynchronous. What is called once a unit is one or two additions and comparisons.
 * `room`, `raised` and `expelled` may be called while a method of any share or window runs that frees something. `room` is
 * never called while `admits` or `wrote` of the same share runs.
 *
 * @module
 */

/** What a unit costs beside its payload. The last unit of a direction, END or RESET, costs nothing. */
export const UNIT_COST_BYTES = 64;

/** Every stream begins with at least this limit: so much may be sent before the answer to OPEN. */
export const EARLY_BYTES = 65_536;

/** What the receiving side of one stream lets come. */
export interface ReceiveWindow {
	/** Cumulative cost up to which the peer may send. Never falls. It begins with at least {@link EARLY_BYTES}. */
	readonly limit: number;
	/** An ACK is due when so much was received, or taken, since the last one. It changes with the window. */
	readonly ackEveryBytes: number;
	/** A new unit came. False: it is beyond the limit, and the peer broke the protocol. */
	received(costBytes: number): boolean;
	/** The last unit came: no more is granted, and only what is unread counts. Idempotent. */
	ended(): void;
	/** The cost of what was received and not taken. */
	readonly unreadBytes: number;
	/** The application has taken units of that cost, or they were dropped for it. May raise this limit and others. After it, the application does not wait (see {@link waits}). */
	taken(costBytes: number): void;
	/** The application waits for the next unit, with nothing left to take; or it gave up waiting. May raise this limit. */
	waits(yes: boolean): void;
	/** The peer's next unit needs the limit to reach that cumulative cost (BLOCKED). It is remembered until it is reached. */
	asked(cumulativeBytes: number): void;
	/** A round trip from end to end was measured. Windows grow by the least one, and do not grow without one. */
	roundTrip(ms: number): void;
	/** No leg carries the stream now, or one does again. */
	suspended(yes: boolean): void;
	/** The stream is over for receiving, and nothing of it is unread any more: what it held goes back. Idempotent. */
	close(): void;
}

/**
 * Called when a limit went up and the peer should hear of it.
 *
 * With `atOnce` the peer has asked: an ACK is due now. This is also called while a method of the window runs.
 * Without, something else made room: an ACK is due soon. A limit that goes up by `taken` alone is not reported:
 * {@link AckSlot.taken} knows when it is due.
 */
export type LimitRaised = (atOnce: boolean) => void;

/** What all streams of a process let come. */
export interface ReceiveWindows {
	/** A window for a stream with the peer of that identity. */
	open(identity: string, raised: LimitRaised): ReceiveWindow;
}

/** What one leg may have on its way over its connection. */
export interface SendShare {
	/**
	 * Whether a unit of that cost may be written now. If not, the share waits: `room` is called once when its turn comes,
	 * and it asks again then. Asking again before that changes nothing but the cost waited for.
	 */
	admits(costBytes: number): boolean;
	/** The cost of the longest unit that can ever be admitted. */
	readonly greatestBytes: number;
	/** A unit was written that was admitted. */
	wrote(costBytes: number): void;
	/** Counts units of that cost as written before they are, if there is plenty and nobody waits who could use it. What is not written after all goes back by {@link acked}. */
	bookAhead(costBytes: number): boolean;
	/** Units of that cost, written on this leg, are acknowledged. */
	acked(costBytes: number): void;
	/** OPEN was answered: what was written is not early any more. Idempotent. */
	answered(): void;
	/** It waits no more, as it has nothing to write. */
	cancel(): void;
	/** The leg is over: what it has on its way no longer counts. Idempotent. */
	close(): void;
}

/** What all legs over one connection may have on their way. */
export interface SendShares {
	/** A share for a leg to that peer. While it is `early`, its units also count as written before the answer to OPEN. `room` is called as {@link SendShare.admits} says. Of those that wait, the ones with a higher `priority` (0 by default) have their turns first. */
	open(peer: string, early: boolean, room: () => void, priority?: number): SendShare;
}

/** What one resumable stream keeps until it is acknowledged. */
export interface KeptShare {
	/** Whether a unit of that cost may be kept now. If not, the share waits, as {@link SendShare.admits} says. */
	admits(costBytes: number): boolean;
	/** A unit is kept that was admitted. */
	kept(costBytes: number): void;
	/** Counts units of that cost as kept before they are, as {@link SendShare.bookAhead} does. What is not kept after all goes back by {@link released}. */
	bookAhead(costBytes: number): boolean;
	/** Units of that cost are acknowledged. */
	released(costBytes: number): void;
	/** No leg carries the stream now, or one does again. A suspended stream does not wait for room: it asks again when it has a leg. */
	suspended(yes: boolean): void;
	/** It waits no more, as it has nothing to write. */
	cancel(): void;
	/** The stream keeps nothing any more. Idempotent. */
	close(): void;
}

/** What {@link KeptShares} calls. */
export interface KeptEvents {
	/** As in {@link SendShares.open}. */
	room(): void;
	/** Suspended streams keep too much, and this one is suspended longest: it fails, and closes its share. */
	expelled(): void;
}

/** What all resumable streams of a process keep. */
export interface KeptShares {
	/** A share for a stream with the peer of that identity. */
	open(identity: string, events: KeptEvents): KeptShare;
}

/** When one stream writes its next ACK on one connection. */
export interface AckSlot {
	/** A unit of that cost was received: an ACK is due soon, or now if the sum since the last one reached `everyBytes`. */
	received(costBytes: number, everyBytes: number): void;
	/** The same for what the application has taken. Call it only where the limit is higher now than the last ACK said. */
	taken(costBytes: number, everyBytes: number): void;
	/** An ACK is due at the end of this turn. */
	now(): void;
	/** An ACK is due within 25 ms. */
	soon(): void;
	/** The newest counts were told, in an ACK or in another frame: nothing is due any more. */
	told(): void;
	/** The stream writes no more ACKs on this connection. Idempotent. */
	close(): void;
}

/** When the streams of one connection write their ACKs. */
export interface AckSlots {
	/** A slot for one stream. `due` is called when it should write an ACK, if it has something new to say; nothing is due any more then. */
	open(due: () => void): AckSlot;
}
