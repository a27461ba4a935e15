/** See `paths.ts`: the figures of the promise, on a machine that has nothing else to do. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { percentile } from "../report/figures.ts";
import { World } from "../world.ts";
import { MORE_MS, movesUnderLoad, openings, ROUND_TRIP_MS } from "./paths.ts";

const ROUNDS = 3;
/** A message comes every 5 ms, so that a pause looks longer by as much. */
const EVERY_MS = 5;

test(`survival: a resumable stream with path auto opens within ${ROUND_TRIP_MS.proxied + MORE_MS} ms over a Coordinator at ${ROUND_TRIP_MS.proxied} ms, in 95 of 100`, async (t) => {
	const world = await World.up(t);
	const all: number[] = [];
	for (let i = 0; i < ROUNDS; i++) {
		for (const { kinds, ms } of await openings(world)) {
			t.diagnostic(`${kinds}: ${ms.map(Math.round).join(", ")} ms`);
			all.push(...ms);
		}
	}
	t.diagnostic(`p50 ${Math.round(percentile(all, 0.5))} ms, p95 ${Math.round(percentile(all, 0.95))} ms, max ${Math.round(Math.max(...all))} ms`);
	assert.ok(percentile(all, 0.95) <= ROUND_TRIP_MS.proxied + MORE_MS);
});

test(`survival: moves under load make a reader wait for a round trip of the new path and ${MORE_MS} ms at most, in 95 of 100`, async (t) => {
	const moved = await movesUnderLoad(t, 10);
	for (const path of ["direct", "proxied"] as const) {
		const pauses = moved.filter(({ to }) => to === path).map(({ pauseMs }) => pauseMs);
		t.diagnostic(`to ${path}: ${pauses.map(Math.round).join(", ")} ms`);
		assert.ok(percentile(pauses, 0.95) <= ROUND_TRIP_MS[path] + MORE_MS + EVERY_MS, `${path}: ${pauses.join()}`);
	}
});
