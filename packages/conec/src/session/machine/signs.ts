/**
 * Signs that a machine has slept, or is on other networks, as a pure machine: it is told what the clocks show and which addresses there
 * are, and says what that means.
 *
 * @module
 */

/** What the machine shows now. */
export interface MachineLook {
	/** Of the clock that nobody sets. It stands still while some machines sleep. */
	readonly nowMs: number;
	/** Of the clock on the wall. It goes on while a machine sleeps, and somebody may set it. */
	readonly wallMs: number;
	/** The addresses of the machine, in any form that is equal if they are. `undefined`: they were not looked at. */
	readonly addresses?: string | undefined;
}

/** Something has happened that connections may not have lived through. */
export interface MachineSign {
	/** For how long nothing ran, as the machine slept or the process was stopped. It may be wrong: a clock was set, or the process was busy. 0: it ran. */
	readonly pausedMs: number;
	/** The machine has other addresses than before. */
	readonly networkChanged: boolean;
}

/** See the module. */
export class Signs {
	#last: MachineLook | undefined;
	#addresses: string | undefined;
	/** What is not told yet. */
	#untold: MachineSign | undefined;
	#toldMs = Number.NEGATIVE_INFINITY;

	/** Whether the machine may have been away since the last look. Its addresses are worth a look then. */
	paused({ nowMs, wallMs }: MachineLook): boolean {
		return this.#pausedMs(nowMs, wallMs) > 0;
	}

	/** To be called every {@link LOOK_MS}. Gives a sign at most once in {@link GAP_MS}: what comes sooner is told with the next one. */
	look(look: MachineLook): MachineSign | undefined {
		const { nowMs, wallMs, addresses } = look;
		const pausedMs = this.#pausedMs(nowMs, wallMs);
		const networkChanged = addresses !== undefined && this.#addresses !== undefined && addresses !== this.#addresses;
		this.#last = look;
		this.#addresses = addresses ?? this.#addresses;
		if (pausedMs > 0 || networkChanged) {
			const before = this.#untold;
			this.#untold = { pausedMs: Math.max(pausedMs, before?.pausedMs ?? 0), networkChanged: networkChanged || before?.networkChanged === true };
		}
		if (this.#untold === undefined || nowMs < this.#toldMs + GAP_MS) return undefined;
		const told = this.#untold;
		this.#untold = undefined;
		this.#toldMs = nowMs;
		return told;
	}

	/** A stopped process shows it in the first clock only, a machine that sleeps often in the second one only. */
	#pausedMs(nowMs: number, wallMs: number): number {
		if (this.#last === undefined) return 0;
		const passedMs = nowMs - this.#last.nowMs;
		const aheadMs = wallMs - this.#last.wallMs - passedMs;
		const lateMs = passedMs - LOOK_MS;
		return (lateMs > PAUSE_MS ? lateMs : 0) + (aheadMs > PAUSE_MS ? aheadMs : 0);
	}
}

/** How often somebody has to look at the clocks. */
export const LOOK_MS = 1_000;

/** A pause that connections do not notice. */
const PAUSE_MS = 3_000;

/** However often clocks jump and addresses change. */
const GAP_MS = 5_000;
