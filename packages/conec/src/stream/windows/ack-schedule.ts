/**
 * When the streams of one connection write their ACKs: at the end of a turn, or within 25 ms.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import type { AckSlot, AckSlots } from "./seams.ts";

/** How long a stream may keep what it has received, or that its limit went up, to itself. */
const SOON_MS = 25;
/** The same in cost, over all streams of the connection. */
const MOST_UNTOLD_BYTES = 1_048_576;

/** Its reactions run as `queueMicrotask` runs what it is given, and make less garbage. */
const NOW: Promise<void> = Promise.resolve();

/**
 * See the module. What is due now is written by one microtask: frames that come in one turn are delivered in it, so the
 * counts are the newest. What is due soon waits for one timer. It runs out even if all of that was told meanwhile, because to
 * set and clear a timer for every few messages costs more. While nothing is due, none is set.
 *
 * What is due soon stands in an array, not in a set. A set that is filled and emptied all the time makes garbage where V8 only
 * collects it together with everything else.
 */
export class AckSchedule implements AckSlots {
	readonly #clock: Clock;
	readonly #slots = new Set<Slot>();
	#soon: Slot[] = [];
	#now: Slot[] = [];
	#allNow = false;
	#turnEnds = false;
	#timer: unknown = undefined;
	#isTimed = false;
	readonly #onTurnEnd = (): void => {
		this.#turnEnds = false;
		this.#write();
	};
	readonly #onTimer = (): void => {
		this.#isTimed = false;
		this.#allNow = true;
		this.#write();
	};
	/** Cost that was received and not told, over all slots. Slots change it. */
	untoldReceivedBytes = 0;
	/** Cost that was taken and not told. */
	untoldTakenBytes = 0;

	constructor(clock: Clock) {
		this.#clock = clock;
	}

	open(due: () => void): AckSlot {
		const slot = new Slot(this, due);
		this.#slots.add(slot);
		return slot;
	}

	/** A slot is due at the end of the turn. */
	now(slot: Slot): void {
		this.#now.push(slot);
		if (!this.#allNow) this.#atTurnEnd();
	}

	/** A slot is due within 25 ms. It is here once. */
	soon(slot: Slot): void {
		this.#soon.push(slot);
		if (this.#isTimed) return;
		this.#isTimed = true;
		this.#timer = this.#clock.setTimeout(this.#onTimer, SOON_MS);
	}

	/** Everything that is due soon is due at the end of the turn. */
	allNow(): void {
		if (this.#allNow) return;
		this.#allNow = true;
		this.#atTurnEnd();
	}

	/** A slot is closed. */
	left(slot: Slot): void {
		this.#slots.delete(slot);
		if (this.#slots.size > 0 || !this.#isTimed) return;
		this.#isTimed = false;
		this.#clock.clearTimeout(this.#timer);
		this.#soon = [];
	}

	/** The connection is over: no slot is called any more. */
	close(): void {
		for (const slot of this.#slots) slot.close();
	}

	#atTurnEnd(): void {
		if (this.#turnEnds) return;
		this.#turnEnds = true;
		void NOW.then(this.#onTurnEnd);
	}

	#write(): void {
		if (this.#allNow) {
			const soon = this.#soon;
			this.#soon = [];
			for (const slot of soon) slot.timeIsUp();
			this.#allNow = false;
		}
		// What becomes due while they write belongs to the next turn.
		const due = this.#now;
		this.#now = [];
		for (const slot of due) slot.write();
	}
}

class Slot implements AckSlot {
	readonly #schedule: AckSchedule;
	readonly #due: () => void;
	#state: "idle" | "soon" | "now" | "closed" = "idle";
	/** The schedule has it among those that are due soon, whether it still is or not. */
	#listed = false;
	#receivedBytes = 0;
	#takenBytes = 0;

	constructor(schedule: AckSchedule, due: () => void) {
		this.#schedule = schedule;
		this.#due = due;
	}

	received(costBytes: number, everyBytes: number): void {
		if (this.#state === "closed") return;
		this.#receivedBytes += costBytes;
		this.#schedule.untoldReceivedBytes += costBytes;
		if (this.#receivedBytes >= everyBytes) this.now();
		else if (this.#state === "idle") this.soon();
		if (this.#schedule.untoldReceivedBytes >= MOST_UNTOLD_BYTES) this.#schedule.allNow();
	}

	taken(costBytes: number, everyBytes: number): void {
		if (this.#state === "closed") return;
		this.#takenBytes += costBytes;
		this.#schedule.untoldTakenBytes += costBytes;
		if (this.#takenBytes >= everyBytes) this.now();
		else if (this.#state === "idle") this.soon();
		if (this.#schedule.untoldTakenBytes >= MOST_UNTOLD_BYTES) this.#schedule.allNow();
	}

	now(): void {
		if (this.#state === "now" || this.#state === "closed") return;
		this.#state = "now";
		this.#schedule.now(this);
	}

	soon(): void {
		if (this.#state !== "idle") return;
		this.#state = "soon";
		if (this.#listed) return;
		this.#listed = true;
		this.#schedule.soon(this);
	}

	/** What is due soon is due now. */
	timeIsUp(): void {
		this.#listed = false;
		if (this.#state === "soon") this.now();
	}

	told(): void {
		if (this.#state === "idle" || this.#state === "closed") return;
		this.#state = "idle";
		this.#forget();
	}

	close(): void {
		if (this.#state === "closed") return;
		this.#state = "closed";
		this.#forget();
		this.#schedule.left(this);
	}

	/** Its time has come, if it was not told meanwhile. */
	write(): void {
		if (this.#state !== "now") return;
		this.told();
		this.#due();
	}

	#forget(): void {
		this.#schedule.untoldReceivedBytes -= this.#receivedBytes;
		this.#schedule.untoldTakenBytes -= this.#takenBytes;
		this.#receivedBytes = 0;
		this.#takenBytes = 0;
	}
}
