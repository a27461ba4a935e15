/**
 * What was done over many seeds.
 *
 * @module
 */

import type { WalkResult } from "./run.ts";

/** Each kind of act and of fault has to be in so great a part of the seeds. */
export const LEAST_PART = 0.1;

/** See the module. */
export class Tally {
	seeds = 0;
	failed = 0;
	virtualMs = 0;
	/** In how many seeds. */
	readonly #kinds: Map<string, number> = new Map();
	readonly #sights: Map<string, number> = new Map();

	add({ problems, done, sights, virtualMs }: WalkResult): void {
		this.seeds++;
		this.virtualMs += virtualMs;
		if (problems.length > 0) this.failed++;
		for (const kind of done.keys()) this.#kinds.set(kind, (this.#kinds.get(kind) ?? 0) + 1);
		for (const sight of sights) this.#sights.set(sight, (this.#sights.get(sight) ?? 0) + 1);
	}

	/** Kinds that are in too few seeds. */
	rare(kinds: readonly string[]): string[] {
		return kinds.filter((kind) => (this.#kinds.get(kind) ?? 0) < LEAST_PART * this.seeds);
	}

	/** In how many of 100 seeds each kind was done. */
	report(kinds: readonly string[], withSights: boolean): string {
		const line = (name: string, seeds: number): string => `${((100 * seeds) / this.seeds).toFixed(0).padStart(4)} %  ${name}`;
		const lines = kinds.map((kind) => line(kind, this.#kinds.get(kind) ?? 0));
		if (withSights) lines.push("seen:", ...[...this.#sights].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, seeds]) => line(name, seeds)));
		return ["of the seeds have:", ...lines, `${Math.round(this.virtualMs / 60_000)} minutes of virtual time`].join("\n");
	}
}
