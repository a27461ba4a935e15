import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../base/random.ts";
import { KeptBudget, type KeptShare } from "./index.ts";

const KiB = 1024;
const MiB = 1024 * KiB;

interface Kept {
	readonly share: KeptShare;
	readonly said: string[];
	bytes: number;
}

function open(budget: KeptBudget, identity: string): Kept {
	const said: string[] = [];
	return { said, bytes: 0, share: budget.open(identity, { room: () => void said.push("room"), expelled: () => void said.push("expelled") }) };
}

function keep(kept: Kept, bytes: number): boolean {
	if (!kept.share.admits(bytes)) return false;
	kept.share.kept(bytes);
	kept.bytes += bytes;
	return true;
}

/** Units of that cost, until no more is admitted. */
function fill(kept: Kept, unitBytes: number): number {
	while (keep(kept, unitBytes));
	return kept.bytes;
}

test("kept budget: an identity keeps a quarter of what the others leave, and waits for more", () => {
	const budget = new KeptBudget({ keptBytes: 64 * MiB });
	const [a, b] = [open(budget, "a"), open(budget, "b")];
	assert.equal(fill(a, 64 * KiB), 16 * MiB);
	const other = open(budget, "a");
	assert.equal(keep(other, 64), false);
	a.share.released(64 * KiB);
	// The first that waits does not use its turn.
	assert.deepEqual([a.said, other.said], [["room"], ["room"]]);
	assert.equal(fill(b, MiB), 12 * MiB);
	a.share.close();
	other.share.close();
	b.share.close();
	b.share.close();
	assert.equal(budget.keptBytes, 0);
});

test("kept budget: an identity that keeps nothing may keep one unit, whatever there is", () => {
	const budget = new KeptBudget({ keptBytes: MiB });
	for (const identity of ["a", "b", "c", "d"]) {
		const one = open(budget, identity);
		assert.ok(keep(one, 16 * MiB));
		assert.ok(!keep(one, 64));
	}
});

test("kept budget: suspended streams keep half of all, and those that are suspended longest fail first", () => {
	const budget = new KeptBudget({ keptBytes: 64 * MiB });
	const streams = ["a", "b", "c", "d"].map((identity) => open(budget, identity));
	for (const one of streams) assert.ok(keep(one, 9 * MiB));
	for (const one of streams.slice(0, 3)) one.share.suspended(true);
	assert.equal(budget.suspendedBytes, 27 * MiB);
	streams[0]?.share.suspended(false);
	streams[0]?.share.suspended(true);
	streams[3]?.share.suspended(true);
	assert.deepEqual(
		streams.map(({ said }) => said),
		[[], ["expelled"], [], []],
	);
	assert.equal(budget.suspendedBytes, 27 * MiB);
	assert.equal(budget.keptBytes, 27 * MiB);
});

test("kept budget: a live stream does not wait for suspended ones of its identity that keep more than half", () => {
	const budget = new KeptBudget({ keptBytes: 64 * MiB });
	const [first, second, live, other] = [open(budget, "a"), open(budget, "a"), open(budget, "a"), open(budget, "b")];
	assert.ok(keep(first, 8 * MiB) && keep(second, 8 * MiB) && keep(other, 8 * MiB));
	for (const one of [other, first, second]) one.share.suspended(true);
	assert.deepEqual([first.said, second.said], [[], []]);
	assert.ok(keep(live, MiB));
	assert.deepEqual([first.said, second.said, other.said], [["expelled"], [], []]);
});

test("kept budget: a stream that waits goes on when others of its identity are suspended, and none waits while it is suspended", () => {
	const budget = new KeptBudget({ keptBytes: 64 * MiB });
	const [first, second, live] = [open(budget, "a"), open(budget, "a"), open(budget, "a")];
	assert.ok(keep(first, 8 * MiB) && keep(second, 8 * MiB));
	assert.ok(!keep(live, MiB) && !keep(second, MiB));
	second.share.suspended(true);
	first.share.suspended(true);
	assert.deepEqual([first.said, second.said, live.said], [[], ["expelled"], ["room"]]);
});

test("kept budget: what is acknowledged or closed while suspended no longer counts there", () => {
	const budget = new KeptBudget({ keptBytes: 64 * MiB });
	const one = open(budget, "a");
	assert.ok(keep(one, 3 * MiB));
	one.share.suspended(true);
	one.share.suspended(true);
	one.share.released(MiB);
	assert.equal(budget.suspendedBytes, 2 * MiB);
	one.share.released(16 * MiB);
	assert.equal(budget.suspendedBytes, 0);
	one.share.close();
	one.share.suspended(false);
	assert.equal(budget.suspendedBytes, 0);
	assert.equal(budget.keptBytes, 0);
});

test("kept budget: room is booked ahead where there is plenty, nobody waits and the stream is not suspended, and goes back unused", () => {
	const budget = new KeptBudget({ keptBytes: 64 * MiB });
	const [one, other] = [open(budget, "a"), open(budget, "a")];
	assert.ok(one.share.bookAhead(16 * KiB));
	assert.equal(budget.keptBytes, 16 * KiB);
	one.share.released(16 * KiB);
	assert.equal(budget.keptBytes, 0);
	one.share.suspended(true);
	assert.equal(one.share.bookAhead(16 * KiB), false);
	one.share.suspended(false);
	fill(one, 64 * KiB);
	assert.equal(one.share.bookAhead(64), false);
	assert.equal(keep(other, 64), false);
	one.share.released(8 * MiB);
	other.share.cancel();
	assert.ok(one.share.bookAhead(64 * KiB));
	assert.equal(keep(other, 16 * MiB), false);
	assert.equal(one.share.bookAhead(64), false, "another one of its identity waits");
	one.share.close();
	other.share.close();
	assert.equal(budget.keptBytes, 0);
});

test("kept budget: whatever streams do, it holds", () => {
	for (let seed = 1; seed <= 200; seed++) {
		const random = seededRandom(seed);
		const pick = <T>(values: readonly T[]): T => values[Math.floor(random.fraction() * values.length)] as T;
		const total = pick([MiB, 8 * MiB]);
		const budget = new KeptBudget({ keptBytes: total });
		const open = new Set<{ identity: string; share: KeptShare; bytes: number; suspended: boolean }>();
		for (let step = 0; step < 800; step++) {
			const act = random.fraction();
			if (open.size === 0 || (act < 0.05 && open.size < 40)) {
				const identity = String(Math.floor(random.fraction() * 6));
				const made = {
					identity,
					bytes: 0,
					suspended: false,
					share: budget.open(identity, {
						room() {},
						expelled() {
							assert.ok(made.suspended, `seed ${seed}: only suspended streams fail`);
							open.delete(made);
						},
					}),
				};
				open.add(made);
				continue;
			}
			const one = pick([...open]);
			const cost = 64 + Math.floor(random.fraction() * pick([100, 100 * KiB, total / 4 - 64]));
			if (act < 0.1) {
				if (one.share.bookAhead(cost)) {
					assert.ok(!one.suspended, `seed ${seed}`);
					one.bytes += cost;
				}
			} else if (act < 0.5) {
				if (!one.suspended && one.share.admits(cost)) {
					one.share.kept(cost);
					one.bytes += cost;
				}
			} else if (act < 0.8) {
				const released = Math.min(cost, one.bytes);
				one.share.released(released);
				one.bytes -= released;
			} else if (act < 0.97) {
				one.suspended = !one.suspended;
				one.share.suspended(one.suspended);
			} else {
				one.share.close();
				open.delete(one);
			}
			const sum = (list: Iterable<{ bytes: number }>): number => [...list].reduce((all, { bytes }) => all + bytes, 0);
			assert.equal(budget.keptBytes, sum(open), `seed ${seed}`);
			assert.equal(budget.suspendedBytes, sum([...open].filter(({ suspended }) => suspended)), `seed ${seed}`);
			assert.ok(budget.suspendedBytes <= total / 2, `seed ${seed}`);
			// One first unit of each identity may be beyond.
			assert.ok(budget.keptBytes <= total + (6 * total) / 4, `seed ${seed}`);
		}
		for (const { share } of open) share.close();
		assert.equal(budget.keptBytes, 0);
	}
});
