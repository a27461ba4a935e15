/**
 * Randomness as a value, so that a test can repeat a run from its seed.
 *
 * @module
 */

import { randomBytes } from "node:crypto";

/** Where random numbers come from. */
export interface Random {
	/** That many random bytes. */
	bytes(count: number): Uint8Array;
	/** At least 0, less than 1. */
	fraction(): number;
}

/** The machine's own, from `node:crypto`. Nobody can guess what it gives. */
export const systemRandom: Random = {
	bytes: (count) => new Uint8Array(randomBytes(count)),
	fraction: () => randomBytes(6).readUIntBE(0, 6) / 2 ** 48,
};

/** That many random bytes as lower-case hexadecimal digits. */
export function randomHex(random: Random, count: number): string {
	return Buffer.from(random.bytes(count)).toString("hex");
}

/** The same items, every order being as likely as any other (Fisher and Yates). */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
	const found = [...items];
	for (let last = found.length - 1; last > 0; last--) {
		const at = Math.floor(random.fraction() * (last + 1));
		[found[last], found[at]] = [found[at] as T, found[last] as T];
	}
	return found;
}

/**
 * The same numbers each time, for tests only: whoever sees some of them can work out the rest.
 *
 * The generator is SFC32 by Chris Doty-Humphrey, started from the seed by SplitMix32.
 */
export function seededRandom(seed: number): Random {
	let mixed = seed >>> 0;
	const mix = (): number => {
		mixed = (mixed + 0x9e37_79b9) >>> 0;
		let word = mixed;
		word = Math.imul(word ^ (word >>> 16), 0x21f0_aaad);
		word = Math.imul(word ^ (word >>> 15), 0x735a_2d97);
		return (word ^ (word >>> 15)) >>> 0;
	};
	let [a, b, c, counter] = [mix(), mix(), mix(), 1];
	const next = (): number => {
		const sum = (a + b + counter) >>> 0;
		counter = (counter + 1) >>> 0;
		a = b ^ (b >>> 9);
		b = (c + (c << 3)) >>> 0;
		c = (((c << 21) | (c >>> 11)) + sum) >>> 0;
		return sum;
	};
	// The first numbers still show the seed.
	for (let round = 0; round < 12; round++) next();
	return {
		bytes(count) {
			const bytes = new Uint8Array(count);
			for (let at = 0; at < count; at += 4) {
				const word = next();
				for (let byte = 0; byte < 4 && at + byte < count; byte++) bytes[at + byte] = word >>> (8 * byte);
			}
			return bytes;
		},
		fraction: () => next() / 2 ** 32,
	};
}
