import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import { seededRandom } from "../../base/random.ts";
import { ConecError } from "../../errors.ts";
import type { Greeted } from "./handshake.ts";
import { LinkKeeper, setbackOf } from "./link-keeper.ts";

const LOST = setbackOf(new ConecError("COORDINATOR_LOST", "lost"));

/** A keeper whose attempts the test settles. */
function stage(options: { readonly giveUpAfterMs?: number } = {}) {
	const clock = createVirtualClock();
	const attempts: { readonly signal: AbortSignal; readonly resolve: (greeted: Greeted) => void; readonly reject: (error: unknown) => void }[] = [];
	const told: string[] = [];
	const closed: string[] = [];
	const keeper = new LinkKeeper({
		...{ clock, random: seededRandom(1), options, attemptMs: 10_000 },
		reach: (signal) => new Promise((resolve, reject) => void attempts.push({ signal, resolve, reject })),
		events: {
			reconnecting: ({ attempt }) => told.push(`attempt ${attempt}`),
			up: () => told.push("up"),
			ended: ({ code }) => told.push(`ended ${code}`),
		},
	});
	const greeted = (name: string): Greeted => ({ connection: { close: () => closed.push(name) } }) as unknown as Greeted;
	return { clock, attempts, told, closed, keeper, greeted };
}

test("link keeper: an attempt that never settles is given up at its deadline, and what comes of it later is closed", async () => {
	const { clock, attempts, told, closed, keeper, greeted } = stage();
	keeper.began();
	keeper.lost(LOST);
	await clock.advance(9_900);
	assert.deepEqual([attempts.length, attempts[0]?.signal.aborted], [1, false]);
	await clock.advance(2_400);
	assert.deepEqual([attempts.length, attempts[0]?.signal.aborted, attempts[1]?.signal.aborted], [2, true, false]);
	attempts[1]?.resolve(greeted("second"));
	attempts[0]?.resolve(greeted("first"));
	await clock.advance(0);
	assert.deepEqual([told, closed, clock.pending], [["attempt 1", "attempt 2", "up"], ["first"], 0]);
	keeper.end();
});

test("link keeper: what is no error of Conec is one more failure, and the next attempt follows", async () => {
	const { clock, attempts, told, keeper } = stage();
	keeper.start();
	attempts[0]?.reject(new TypeError("a resolver that is broken"));
	await clock.advance(1_000);
	assert.deepEqual([told, attempts.length], [["attempt 2"], 2]);
	keeper.end();
	assert.deepEqual([attempts[1]?.signal.aborted, clock.pending], [true, 0]);
});

test("link keeper: the end leaves no timer and no attempt, and nothing is told afterwards", async () => {
	const { clock, attempts, told, closed, keeper, greeted } = stage();
	keeper.began();
	keeper.lost(LOST);
	await clock.advance(200);
	keeper.end();
	attempts[0]?.resolve(greeted("late"));
	await clock.advance(60_000);
	assert.deepEqual([told, closed, attempts.length, clock.pending], [["attempt 1"], ["late"], 1, 0]);
});

test("link keeper: it says that it has given up, with the last reason", async () => {
	const { clock, attempts, told, keeper } = stage({ giveUpAfterMs: 3_000 });
	keeper.began();
	keeper.lost(LOST);
	await clock.advance(150);
	attempts[0]?.reject(new ConecError("HOST_UNRESOLVABLE", "no name server"));
	await clock.advance(10_000);
	assert.equal(told.at(-1), "ended HOST_UNRESOLVABLE");
	assert.equal(attempts.at(-1)?.signal.aborted, true);
	assert.equal(clock.pending, 0);
});
