/**
 * The trials of holders whose ids other keys ask for. All who ask for one id share one trial. It goes on when they have left.
 *
 * @module
 */

import type { Clock } from "../../base/clock.ts";
import { DueTimer } from "../../base/due-timer.ts";
import { deferred, within } from "../../base/signals.ts";
import type { CoordinatorLimits } from "../../limits.ts";
import { HolderTrial } from "./holder-trial.ts";

/** A holder, as a trial needs it. */
export interface TriedHolder {
	/** How often something has come, ever, that only its process can have said. */
	readonly heard: number;
	/** How long no packet has come from its machine, in milliseconds. */
	quietMs(): number;
	/** Asks its process to say something. Whether it has, within that time. Never rejects. */
	answers(timeoutMs: number): Promise<boolean>;
	/** It has said that it leaves: in how many milliseconds it has, at the latest. */
	leavesInMs(): number | undefined;
	/** Resolves when its connection is over. Never rejects. */
	readonly over: Promise<unknown>;
	/** Its id is another's from now on. */
	putOut(): void;
}

/** Bounds of {@link HolderTrials}. */
export type TrialLimits = Pick<CoordinatorLimits, "holderPingMs" | "helloTimeoutMs">;

/** See the module. There is at most one for each holder, and a holder is asked at most once a second. */
export class HolderTrials<H extends TriedHolder> {
	readonly #limits: TrialLimits;
	readonly #clock: Clock;
	readonly #running: Map<H, Running> = new Map();
	/** When holders last passed a trial. */
	readonly #passedMs: WeakMap<H, number> = new WeakMap();

	constructor(limits: TrialLimits, clock: Clock) {
		this.#limits = limits;
		this.#clock = clock;
	}

	/** Trials that go on. */
	get size(): number {
		return this.#running.size;
	}

	/** Tries a holder. Resolves when that is over, or when whoever asks must be answered: then {@link leftMs} says how long it still takes at most. Never rejects. */
	async try(holder: H): Promise<void> {
		// It is about to go: nothing has to be found out.
		if (holder.leavesInMs() !== undefined) return void (await within(this.#patienceMs, holder.over, this.#clock));
		if (this.#clock.now() - (this.#passedMs.get(holder) ?? Number.NEGATIVE_INFINITY) < PASSED_FOR_MS) return;
		const running = this.#running.get(holder) ?? this.#begin(holder);
		await within(this.#patienceMs, running.over, this.#clock);
	}

	/** In how many milliseconds the id of a holder may be free: its trial is over then, or it has left. `undefined`: nobody knows. */
	leftMs(holder: H): number | undefined {
		const leavesInMs = holder.leavesInMs();
		if (leavesInMs !== undefined) return Math.ceil(leavesInMs);
		const running = this.#running.get(holder);
		return running === undefined ? undefined : Math.max(0, Math.ceil(running.trial.endMs - this.#clock.now()));
	}

	get #patienceMs(): number {
		return Math.min(PATIENCE_MS, this.#limits.helloTimeoutMs / 2);
	}

	#begin(holder: H): Running {
		const trial = new HolderTrial(this.#limits.holderPingMs, { nowMs: this.#clock.now(), heard: holder.heard });
		const { promise: over, resolve } = deferred<void>();
		const timer = new DueTimer(this.#clock, () => look());
		const end = (): void => {
			timer.clear();
			this.#running.delete(holder);
			resolve();
		};
		const look = (): void => {
			if (this.#running.get(holder) !== running) return;
			const nowMs = this.#clock.now();
			const step = trial.look({ nowMs, heard: holder.heard, silentMs: holder.quietMs() });
			switch (step.type) {
				case "ask":
					timer.by(step.againMs);
					// Given up a little before the next question. A later answer still counts as heard.
					void holder.answers(0.9 * (step.againMs - nowMs)).then((answered) => {
						if (answered) look();
					});
					break;
				case "alive":
					this.#passedMs.set(holder, nowMs);
					end();
					break;
				case "gone":
					end();
					holder.putOut();
					break;
			}
		};
		const running: Running = { trial, over };
		this.#running.set(holder, running);
		void holder.over.then(end);
		look();
		return running;
	}
}

interface Running {
	readonly trial: HolderTrial;
	readonly over: Promise<void>;
}

/** Whoever asks is told by then, so that its own deadline does not end it. */
const PATIENCE_MS = 2_500;

/** Who has just passed a trial is not asked again. */
const PASSED_FOR_MS = 1_000;
