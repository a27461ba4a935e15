/**
 * What waits for its turn among all goes on by itself: no further event has to come for it.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { Pace, Turnstile, WorkShare } from "./index.ts";

for (const perSecond of [20, 1_000_000]) {
	for (const behindMs of [0, 5, 90]) {
		test(`pace: a last burst of many, ${perSecond} a second each, while the thread is ${behindMs} ms behind, is dealt with though nothing follows`, async () => {
			const clock = createVirtualClock();
			const work = new WorkShare(clock);
			const dealt = Array.from({ length: 20 }, () => 0);
			const passed = Array.from({ length: 20 }, () => 0);
			const count = (counts: number[], i: number): void => {
				counts[i] = (counts[i] as number) + 1;
				work.took(0.2);
			};
			const paces = dealt.map(
				(_, i) => new Pace({ controlMessagesPerSecond: perSecond }, clock, { deal: () => count(dealt, i), slowed: () => undefined }, work),
			);
			const turnstiles = passed.map(() => new Turnstile({ perSecond, burst: 10, clock, work, slowed: () => undefined }));
			work.took(behindMs);
			for (let n = 0; n < 150; n++) for (const pace of paces) pace.take(0, new Uint8Array(20));
			for (let n = 0; n < 50; n++) for (const [i, turnstile] of turnstiles.entries()) turnstile.pass(() => count(passed, i));
			// Some leave while others wait.
			await clock.advance(100);
			paces[3]?.end();
			turnstiles[4]?.end();
			await clock.advance(20_000);
			for (const [i, n] of dealt.entries()) if (i !== 3) assert.equal(n, 150, `of ${i}`);
			for (const [i, n] of passed.entries()) if (i !== 4) assert.equal(n, 50, `of ${i}`);
			assert.deepEqual([clock.pending, ...turnstiles.map(({ length }) => length)], [0, ...turnstiles.map(() => 0)]);
		});
	}
}
