/**
 * Whether the holder of an id still lives, when another key asks for the id. Others can delay a single answer of the holder, so it is asked
 * several times, and whatever is heard of its process counts. A pure machine: it is told the time and what was heard, and says what to do.
 *
 * @module
 */

/** What is known of a holder at some time. */
export interface HolderSigns {
	readonly nowMs: number;
	/** How often something has come, ever, that only its process can have said. */
	readonly heard: number;
	/** How long no packet has come from its machine. */
	readonly silentMs: number;
}

/** What is to be done. */
export type TrialStep =
	/** Ask it, and look again then. */
	| { readonly type: "ask"; readonly againMs: number }
	/** Its process lives. */
	| { readonly type: "alive" }
	/** Its id is free. */
	| { readonly type: "gone" };

/** The trial of one holder, from the moment at which somebody asked for its id. */
export class HolderTrial {
	/** When the id is free at the latest, if nothing is heard until then. */
	readonly endMs: number;
	readonly #beganMs: number;
	readonly #heardBefore: number;
	readonly #everyMs: number;

	/** `lengthMs`: see `limits.holderPingMs`. */
	constructor(lengthMs: number, { nowMs, heard }: Pick<HolderSigns, "nowMs" | "heard">) {
		this.#heardBefore = heard;
		this.#beganMs = nowMs;
		this.endMs = nowMs + lengthMs;
		this.#everyMs = Math.max(1, Math.min(ASK_EVERY_MS, lengthMs / ASKED_TIMES));
	}

	/** Looks at the signs: at the beginning, when the time of the last step has come, and when something is heard. */
	look({ nowMs, heard, silentMs }: HolderSigns): TrialStep {
		if (heard > this.#heardBefore) return { type: "alive" };
		if (nowMs >= this.endMs) return { type: "gone" };
		// A machine that lives acknowledges the first question at once, whatever its process does.
		if (silentMs >= SILENT_MS && nowMs - this.#beganMs >= ASKED_MS) return { type: "gone" };
		return { type: "ask", againMs: Math.min(this.endMs, nowMs + this.#everyMs) };
	}
}

const ASK_EVERY_MS = 1_000;
const ASKED_TIMES = 6;

/** So long no packet has come, and for the last part of that it was asked. */
const SILENT_MS = 5_000;
const ASKED_MS = 3_000;
