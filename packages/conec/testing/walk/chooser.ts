/**
 * Choosing at random.
 *
 * @module
 */

import { type Random, seededRandom } from "../../src/base/random.ts";

/** Something that a walk may do. */
export interface Weighted<W> {
	readonly name: string;
	/** How often, against the others. */
	readonly weight: number;
	/** Does it. False: it cannot be done now. */
	readonly run: (walk: W) => boolean;
}

/** See the module. */
export interface Chooser {
	fraction(): number;
	chance(probability: number): boolean;
	/** From `least` to `most`, both included. */
	integer(least: number, most: number): number;
	pick<T>(list: readonly T[]): T;
	/** `undefined` if there is none. */
	any<T>(list: readonly T[]): T | undefined;
	weighted<W>(list: readonly Weighted<W>[]): Weighted<W>;
}

/** Chooses by a seed or by randomness that there is. */
export function chooserOf(source: number | Random): Chooser {
	const random = typeof source === "number" ? seededRandom(source) : source;
	const integer = (least: number, most: number): number => least + Math.floor(random.fraction() * (most - least + 1));
	const any = <T>(list: readonly T[]): T | undefined => (list.length === 0 ? undefined : list[integer(0, list.length - 1)]);
	return {
		fraction: () => random.fraction(),
		chance: (probability) => random.fraction() < probability,
		integer,
		any,
		pick(list) {
			if (list.length === 0) throw new RangeError("There is nothing to choose from");
			return list[integer(0, list.length - 1)] as (typeof list)[number];
		},
		weighted(list) {
			let left = random.fraction() * list.reduce((sum, { weight }) => sum + weight, 0);
			for (const one of list) {
				left -= one.weight;
				if (left < 0) return one;
			}
			return list[list.length - 1] as (typeof list)[number];
		},
	};
}
