import assert from "node:assert/strict";
import { test } from "node:test";
import { FairPool, type PoolKeys } from "./fair-pool.ts";
import { seededRandom } from "./random.ts";

/** Takes as many as it is given, at most `most`. */
function grab(pool: FairPool, keys: () => PoolKeys, most: number = Number.POSITIVE_INFINITY): number {
	let taken = 0;
	// A refused one may try again with another key.
	for (let refused = 0; refused < 100 && taken < most; ) {
		const own = keys();
		if (!pool.takes(own)) {
			refused++;
			continue;
		}
		pool.take(own);
		taken++;
		refused = 0;
	}
	return taken;
}

test("fair pool: nobody is refused before four fifths are in use, whoever has them", () => {
	for (let seed = 1; seed <= 50; seed++) {
		const random = seededRandom(seed);
		const capacity = 1 + Math.floor(random.fraction() * 500);
		const holders = 1 + Math.floor(random.fraction() * 20);
		const pool = new FairPool(capacity);
		for (let i = 0; i < 3 * capacity; i++) {
			const keys = [Math.floor(random.fraction() * holders), Math.floor(random.fraction() * 3)];
			const verdict = pool.judge(keys);
			if (verdict === "free") pool.take(keys);
			else assert.ok(pool.size >= 0.8 * capacity, `seed ${seed}: ${pool.size} of ${capacity}`);
			assert.equal(verdict === "full", pool.full && verdict !== "free");
			assert.ok(pool.size <= capacity);
		}
	}
});

const ATTACKS: readonly [name: string, keys: (n: number, fraction: () => number) => PoolKeys][] = [
	["one key", () => ["k", "192.0.2.1", "192.0.2.0/24"]],
	["32 keys of one address", (n) => [`k${n % 32}`, "192.0.2.1", "192.0.2.0/24"]],
	["any number of keys of one /24", (n, fraction) => [`k${n}`, `192.0.2.${Math.floor(fraction() * 256)}`, "192.0.2.0/24"]],
	["200 different /64 of one /48", (n, fraction) => [`k${n}`, `/64 ${Math.floor(fraction() * 200)}`, "2001:db8:1::/48"]],
	["157 /64 of one /48, one key each", (n) => [`k${n % 157}`, `/64 ${n % 157}`, "2001:db8:1::/48"]],
	["32 keys of 32 networks", (n) => [`k${n % 32}`, `198.51.${n % 32}.1`, `198.51.${n % 32}.0/24`]],
	["any number of keys of loopback and one network", (n) => (n % 2 === 0 ? [`k${n % 64}`] : [`k${n}`, "192.0.2.1", "192.0.2.0/24"])],
];

for (const [name, keysOf] of ATTACKS) {
	test(`fair pool: ${name}: somebody from elsewhere still gets a place, whatever comes and goes`, () => {
		for (let seed = 1; seed <= 20; seed++) {
			const random = seededRandom(seed);
			const pool = new FairPool(1_000);
			const held: PoolKeys[] = [];
			let n = 0;
			const next = (): PoolKeys => keysOf(n++, () => random.fraction());
			for (let step = 0; step < 5_000; step++) {
				if (held.length > 0 && random.fraction() < 0.1) pool.giveBack(held.splice(Math.floor(random.fraction() * held.length), 1)[0] as PoolKeys);
				const keys = next();
				if (pool.takes(keys)) held.push(keys);
				if (held.at(-1) === keys) pool.take(keys);
			}
			assert.ok(pool.size >= 800, "it was an attack");
			assert.ok(pool.takes(["honest", "203.0.113.1", "203.0.113.0/24"]), `seed ${seed}: ${pool.size} are taken`);
			for (const keys of held) pool.giveBack(keys);
			assert.deepEqual([pool.size, pool.keys], [0, 0], "nothing is left");
		}
	});
}

test("fair pool: a thousand behind one address are never refused, and alone they may fill all but a twentieth", () => {
	let n = 0;
	const company = (): PoolKeys => [`employee ${n++}`, "192.0.2.1", "192.0.2.0/24"];
	assert.equal(grab(new FairPool(10_000), company, 1_000), 1_000);
	const pool = new FairPool(10_000);
	assert.equal(grab(pool, company), 9_500);
	assert.equal(pool.judge(company()), "crowded");
	// The rest is for those from elsewhere: each may have a few, until it is really full.
	for (let other = 0; other < 500; other++) {
		const keys = [`other ${other}`, `198.51.100.${other}`, `other ${other >> 1}`];
		assert.equal(pool.judge(keys), "free", `${other}`);
		pool.take(keys);
	}
	assert.equal(pool.judge(["one more"]), "full");
});

test("fair pool: small pools have no rest that nobody may use", () => {
	for (let capacity = 0; capacity < 20; capacity++)
		assert.equal(
			grab(new FairPool(capacity), () => ["only one"]),
			capacity,
		);
	assert.equal(
		grab(new FairPool(20), () => ["only one"]),
		19,
	);
});

test("fair pool: households with two machines fill a pool to the last places beside one who holds much", () => {
	const pool = new FairPool(10_000);
	const heavy = (): PoolKeys => ["k", "192.0.2.1", "192.0.2.0/24"];
	grab(pool, heavy, 6_000);
	for (let household = 0; household < 1_990; household++) {
		for (let machine = 0; machine < 2; machine++) {
			const keys = [`${household}/${machine}`, `h${household}`, `n${household}`];
			assert.equal(pool.judge(keys), "free");
			pool.take(keys);
		}
		assert.ok(pool.size < 8_500 || pool.judge(heavy()) === "crowded");
	}
});
