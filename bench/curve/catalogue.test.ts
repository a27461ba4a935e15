import assert from "node:assert/strict";
import { test } from "node:test";
import { CURVES, curveOf, FAMILIES, PLOTS, stepsOf } from "./catalogue.ts";
import { COORDINATOR, FULL_STREAMS } from "./limits.ts";
import { windowOf } from "./loads/crowd.ts";

test("curve catalogue: curves have different names, steps that grow, and the figure that is looked at for a bend", () => {
	assert.equal(new Set(CURVES.map(({ name }) => name)).size, CURVES.length);
	for (const { name, steps, figures, bend } of CURVES) {
		assert.deepEqual(
			steps,
			[...steps].sort((one, other) => one - other),
			name,
		);
		assert.ok(steps.length >= 3, `${name} could not bend`);
		assert.ok(
			figures.some(({ key }) => key === bend),
			name,
		);
	}
	for (const family of FAMILIES) assert.ok(CURVES.some((curve) => curve.family === family));
	assert.throws(() => curveOf("speed"), /no curve is called "speed"/);
});

test("curve catalogue: a picture shows figures that its curves have, of one kind of step", () => {
	for (const { panels } of PLOTS) {
		for (const { title, key, curves } of panels) {
			const found = curves.map(([name]) => curveOf(name));
			for (const { figures } of found)
				assert.ok(
					figures.some((figure) => figure.key === key),
					title,
				);
			assert.equal(new Set(found.map(({ x }) => x)).size, 1, title);
			assert.ok(curves.length <= 4, `${title}: a picture has four colours`);
		}
	}
});

test("curve catalogue: --quick leaves out what is large, and no size of a message", () => {
	assert.deepEqual(stepsOf(curveOf("echo-fast"), true), [10, 100, 1_000]);
	assert.deepEqual(stepsOf(curveOf("echo-fast"), false), [10, 100, 1_000, 2_000, 5_000]);
	assert.deepEqual(stepsOf(curveOf("messages-direct"), true), curveOf("messages-direct").steps);
});

test("curve catalogue: the limits allow every step", () => {
	const most = (x: string): number => Math.max(...CURVES.filter((curve) => curve.x === x).flatMap(({ steps }) => steps));
	const { clients = 0, broadcastMembers = 0, streamsPerPair = 0, streamsPerConnection = 0 } = COORDINATOR;
	// A few more are there before the first step.
	assert.ok(Math.min(clients, broadcastMembers) > most("Clients") + 20);
	assert.ok(Math.min(streamsPerPair, streamsPerConnection, FULL_STREAMS.streamsPerConnection ?? 0) > most("streams"));
});

test("curve catalogue: with more members fewer messages are under way, and always a whole acknowledgement", () => {
	assert.deepEqual([10, 100, 1_000, 5_000].map(windowOf), [4_096, 3_968, 384, 128]);
});
