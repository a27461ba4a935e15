import assert from "node:assert/strict";
import { test } from "node:test";
import { type Random, randomHex, seededRandom, shuffled, systemRandom } from "./random.ts";

const sources: readonly (readonly [name: string, random: Random])[] = [
	["the machine's", systemRandom],
	["seeded", seededRandom(7)],
];

for (const [name, random] of sources) {
	test(`random, ${name}: gives as many bytes as were asked for, and every value of a byte`, () => {
		for (const count of [0, 1, 3, 4, 5, 8, 16, 33]) assert.equal(random.bytes(count).length, count);
		assert.equal(new Set(random.bytes(20_000)).size, 256);
	});

	test(`random, ${name}: fractions are from 0 to below 1 and spread evenly`, () => {
		const tenths = new Array<number>(10).fill(0);
		for (let i = 0; i < 20_000; i++) {
			const fraction = random.fraction();
			assert.ok(fraction >= 0 && fraction < 1, `${fraction}`);
			tenths[Math.floor(10 * fraction)]!++;
		}
		// 2,000 are expected in each; 300 away is seven standard deviations.
		for (const count of tenths) assert.ok(Math.abs(count - 2_000) < 300, tenths.join(" "));
	});

	test(`random, ${name}: hexadecimal text has two digits for each byte, and does not repeat`, () => {
		const texts = Array.from({ length: 1_000 }, () => randomHex(random, 16));
		for (const text of texts) assert.match(text, /^[0-9a-f]{32}$/);
		assert.equal(new Set(texts).size, texts.length);
	});
}

test("random, seeded: the same seed gives the same numbers, another one others", () => {
	const take = (seed: number): string => {
		const random = seededRandom(seed);
		return `${randomHex(random, 9)} ${random.fraction()} ${randomHex(random, 2)} ${random.fraction()}`;
	};
	for (const seed of [0, 1, 2 ** 31, 2 ** 32 - 1]) assert.equal(take(seed), take(seed));
	assert.equal(new Set(Array.from({ length: 1_000 }, (_, seed) => take(seed))).size, 1_000);
});

test("random: a shuffle keeps all items and gives each order as often as any other", () => {
	const random = seededRandom(3);
	assert.deepEqual([shuffled([], random), shuffled(["a"], random)], [[], ["a"]]);
	const counts = new Map<string, number>();
	for (let round = 0; round < 6_000; round++) {
		const order = shuffled(["a", "b", "c"], random).join("");
		counts.set(order, (counts.get(order) ?? 0) + 1);
	}
	assert.equal(counts.size, 6);
	for (const [order, count] of counts) assert.ok(count > 850 && count < 1_150, `${order}: ${count}`);
});
