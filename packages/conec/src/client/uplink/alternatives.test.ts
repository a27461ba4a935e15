/** Places that a Coordinator names when it stops, and when it lets nobody in. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { seededRandom } from "../../base/random.ts";
import { ConecError } from "../../errors.ts";
import { ComingBack } from "./coming-back.ts";
import type { Greeted } from "./handshake.ts";

/** Each attempt fails as `answer` says, or succeeds. */
function scene(answer: (attempt: number) => ConecError | undefined) {
	const clock = createVirtualClock();
	const attempts: { readonly atMs: number; readonly alternatives: readonly string[] }[] = [];
	let ups = 0;
	const comingBack = new ComingBack({
		...{ clock, random: seededRandom(3), options: {}, attemptMs: 10_000 },
		reach: async (_, alternatives) => {
			attempts.push({ atMs: clock.now(), alternatives });
			const error = answer(attempts.length);
			if (error !== undefined) throw error;
			return {} as Greeted;
		},
		tell: () => undefined,
		up: () => void ups++,
		gaveUp: () => assert.fail("it goes on"),
	});
	return { clock, comingBack, attempts, ups: () => ups };
}

const lost = new ConecError("COORDINATOR_CLOSED", "Lost the Coordinator");

test("alternatives: those that a farewell names are tried at once, whatever it says of itself, and are forgotten when one has answered", async () => {
	const { clock, comingBack, attempts, ups } = scene(() => undefined);
	comingBack.begin(lost, { retryAfterMs: 60_000, alternatives: ["b.example:1719"] });
	await clock.advance(2_100);
	assert.deepEqual([attempts.map(({ alternatives }) => alternatives), ups()], [[["b.example:1719"]], 1]);
	comingBack.begin(lost);
	await clock.advance(2_100);
	assert.deepEqual(attempts.map(({ alternatives }) => alternatives).at(-1), []);
});

test("alternatives: a return is spread over the time that the farewell says", async () => {
	const { clock, comingBack, attempts } = scene(() => undefined);
	comingBack.begin(lost, { retryAfterMs: 60_000, spreadMs: 30_000, alternatives: ["b.example:1719"] });
	await clock.advance(30_000);
	assert.equal(attempts.length, 1);
	assert.ok((attempts[0]?.atMs ?? 0) > 2_000, "a part of 30 s, and not of 100 ms");
});

test("alternatives: those that a refusal names are tried next, and kept until there are others", async () => {
	const refused = (alternatives?: readonly string[]): ConecError => new ConecError("COORDINATOR_CLOSED", "Cannot connect", { alternatives });
	const answers = [refused(["b.example:1"]), refused(), refused(["c.example:2"])];
	const { clock, comingBack, attempts, ups } = scene((attempt) => answers[attempt - 1]);
	comingBack.begin(lost);
	await clock.advance(60_000);
	assert.deepEqual([attempts.map(({ alternatives }) => alternatives.join()), ups()], [["", "b.example:1", "b.example:1", "c.example:2"], 1]);
});
