/**
 * How many lines others can make a command write. From each source the first ones are shown at once, and then one a second; of all sources
 * together 20 a second. What is left out is counted, and told in one line a second.
 *
 * @module
 */

import type { Clock } from "../surroundings/index.ts";
import type { Output } from "./output.ts";

/** What was left out since it was told last. */
export interface LeftOut {
	readonly notices: number;
	/** From how many sources. At most 1,000 are told apart. */
	readonly sources: number;
}

/** See the module. */
export class NoticePace {
	readonly #clock: Pick<Clock, "nowMs" | "after">;
	readonly #tell: (left: LeftOut) => void;
	/** Those that had something shown last come last. */
	readonly #sources: Map<string, Allowed> = new Map();
	readonly #all: Allowed = { left: ALL_AT_ONCE, atMs: 0 };
	#leftOut = 0;
	readonly #leftOutOf: Set<string> = new Set();

	/** `tell`: called at most once a second, when something was left out. */
	constructor(clock: Pick<Clock, "nowMs" | "after">, tell: (left: LeftOut) => void) {
		this.#clock = clock;
		this.#tell = tell;
	}

	/** Whether a notice about that source is to be shown. If not, it is counted. */
	shows(source: string): boolean {
		const nowMs = this.#clock.nowMs();
		const own = this.#sources.get(source) ?? { left: SOURCE_AT_ONCE, atMs: nowMs };
		fill(own, nowMs, SOURCE_PER_SECOND, SOURCE_AT_ONCE);
		fill(this.#all, nowMs, ALL_PER_SECOND, ALL_AT_ONCE);
		if (own.left < 1 || this.#all.left < 1) {
			this.#leaveOut(source);
			return false;
		}
		own.left--;
		this.#all.left--;
		this.#sources.delete(source);
		this.#sources.set(source, own);
		for (const oldest of this.#sources.keys()) {
			if (this.#sources.size <= MOST_SOURCES) break;
			this.#sources.delete(oldest);
		}
		return true;
	}

	#leaveOut(source: string): void {
		if (this.#leftOutOf.size < MOST_SOURCES) this.#leftOutOf.add(source);
		if (this.#leftOut++ > 0) return;
		const tell = (): void => {
			const left = { notices: this.#leftOut, sources: this.#leftOutOf.size };
			this.#leftOut = 0;
			this.#leftOutOf.clear();
			this.#tell(left);
		};
		this.#clock.after(TOLD_EVERY_MS, tell, "background");
	}
}

/** One for an output, which tells what is left out: in a line, and in an event `left-out`. */
export function noticePace(clock: Pick<Clock, "nowMs" | "after">, output: Output): NoticePace {
	return new NoticePace(clock, ({ notices, sources }) => {
		const [what, whom] = [`${notices} ${notices === 1 ? "notice" : "notices"}`, `${sources}${sources === MOST_SOURCES ? " or more" : ""}`];
		output.event("left-out", { notices, sources }, undefined, "warn");
		output.note(`left out ${what} about ${whom} ${sources === 1 ? "source" : "sources"}`, "warn");
	});
}

/** How many may be shown. */
interface Allowed {
	left: number;
	atMs: number;
}

function fill(allowed: Allowed, nowMs: number, perSecond: number, most: number): void {
	allowed.left = Math.min(most, allowed.left + ((nowMs - allowed.atMs) / 1_000) * perSecond);
	allowed.atMs = nowMs;
}

const SOURCE_AT_ONCE = 20;
const SOURCE_PER_SECOND = 1;
const ALL_AT_ONCE = 100;
const ALL_PER_SECOND = 20;
const MOST_SOURCES = 1_000;
const TOLD_EVERY_MS = 1_000;
