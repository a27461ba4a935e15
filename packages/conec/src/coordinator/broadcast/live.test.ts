import assert from "node:assert/strict";
import { test } from "node:test";
import { seededRandom } from "../../base/random.ts";
import { LiveMembers } from "./live.ts";
import type { Member } from "./member.ts";

/** As much of a member as is needed here. */
function memberOf(name: string): Member {
	return { name, stream: { name }, live: false, liveIndex: 0, liveUntil: 0 } as unknown as Member;
}

test("live members: the one whose room is used up first is on top, whatever is added, moved and removed", () => {
	for (let seed = 1; seed <= 50; seed++) {
		const random = seededRandom(seed);
		const below = (count: number): number => Math.floor(random.fraction() * count);
		const live = new LiveMembers();
		const all = new Set<Member>();
		const one = (): Member => [...all][below(all.size)] as Member;
		for (let i = 0; i < 400; i++) {
			switch (below(5)) {
				case 0:
				case 1: {
					const member = memberOf(`m${i}`);
					all.add(member);
					live.add(member, below(10_000));
					break;
				}
				case 2:
					if (all.size > 0) live.move(one(), below(10_000));
					break;
				case 3:
					if (all.size > 0) {
						const member = one();
						all.delete(member);
						live.remove(member);
						assert.equal(member.live, false);
					}
					break;
				default: {
					const cost = below(2_000);
					const fits = [...all].every(({ liveUntil }) => live.costBytes + cost <= liveUntil);
					assert.equal(live.haveRoom(cost), fits, `seed ${seed}`);
					if (fits) live.gave(1, cost);
				}
			}
			assert.equal(live.size, all.size);
			assert.equal(live.streams.length, all.size);
			for (let index = 0; index < live.size; index++) {
				const member = live.at(index);
				assert.ok(all.has(member) && member.live && member.liveIndex === index && live.streams[index] === member.stream);
			}
			if (all.size > 0) assert.equal(live.at(0).liveUntil, Math.min(...[...all].map(({ liveUntil }) => liveUntil)));
		}
	}
});

test("live members: with none there is always room; what is given is counted once for all", () => {
	const live = new LiveMembers();
	assert.equal(live.haveRoom(1e12), true);
	live.gave(2, 300);
	const [a, b] = [memberOf("a"), memberOf("b")];
	live.add(a, 100);
	live.add(b, 500);
	assert.deepEqual([live.units, live.costBytes, live.haveRoom(100), live.haveRoom(101)], [2, 300, true, false]);
	live.gave(1, 100);
	assert.equal(live.at(0), a);
	live.move(a, 1_000);
	assert.equal(live.at(0), b);
	assert.deepEqual([live.haveRoom(400), live.haveRoom(401)], [true, false]);
});
