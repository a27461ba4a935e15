import assert from "node:assert/strict";
import { test } from "node:test";
import type { Context } from "./context.ts";
import type { Entry } from "./entry.ts";
import { measure } from "./measure.ts";
import type { Subject } from "./subjects/subject.ts";

const context = undefined as unknown as Context; // no subject of these tests looks at it

function recording(calls: string[], name: string, values: number[]): Subject {
	return async (_context, seconds) => {
		calls.push(`${name} ${seconds}`);
		return { value: values.shift() ?? Number.NaN, details: { p99: seconds } };
	};
}

test("measure: the warm-up does not count, rounds alternate, values are medians", async () => {
	const calls: string[] = [];
	const own = recording(calls, "own", [999, 10, 30, 20]);
	const other = recording(calls, "other", [999, 40, 40, 40]);
	const entry: Entry = { name: "own", title: "", unit: "MB/s", references: ["other"], rounds: own };
	const plan = {
		entries: [entry],
		subjects: new Map([
			["own", own],
			["other", other],
		]),
	};
	const [result] = await measure(context, plan, { rounds: 3, seconds: 2, log: () => undefined });
	assert.deepEqual(calls, ["own 0.5", "other 0.5", "own 2", "other 2", "other 2", "own 2", "own 2", "other 2"]);
	assert.deepEqual(result?.rounds, [10, 30, 20]);
	assert.equal(result?.value, 20);
	assert.equal(result?.ratio, 0.5);
	assert.deepEqual(result?.details, { p99: 2 });
});

test("measure: what fails is left out with a note and not tried again, the rest goes on", async () => {
	let tries = 0;
	const broken: Subject = async () => {
		tries++;
		throw new Error("no cargo");
	};
	const own = recording([], "own", [1, 2, 3]);
	const entries: Entry[] = [
		{ name: "own", title: "", unit: "MB/s", references: ["broken"], target: { of: "ratio", relation: ">=", bound: 0.1 }, rounds: own },
		{ name: "broken", title: "", unit: "MB/s", references: [], rounds: broken },
		{ name: "once", title: "", unit: "count", references: [], once: () => Promise.reject(new Error("it broke\n  at stack")) },
	];
	const plan = {
		entries,
		subjects: new Map([
			["own", own],
			["broken", broken],
		]),
	};
	const results = await measure(context, plan, { rounds: 2, seconds: 0.1, log: () => undefined });
	assert.equal(tries, 1);
	assert.deepEqual(
		results.map((result) => [result.name, result.rounds, result.note]),
		[
			["own", [2, 3], "broken was not measured: no cargo"],
			["broken", [], "no cargo"],
			["once", [], "it broke"],
		],
	);
	assert.equal(results[0]?.target?.met, false);
});

test("measure: who fails in a late round has no figure from the rounds before", async () => {
	let tries = 0;
	const fragile: Subject = async () => {
		if (++tries === 3) {
			throw new Error("a run with a gap does not count");
		}
		return { value: 1 };
	};
	const own = recording([], "own", [1, 2, 3, 4]);
	const entries: Entry[] = [
		{ name: "fragile", title: "", unit: "messages/s", references: [], target: { of: "value", relation: ">=", bound: 1 }, rounds: fragile },
		{ name: "own", title: "", unit: "messages/s", references: ["fragile"], rounds: own },
	];
	const plan = {
		entries,
		subjects: new Map([
			["fragile", fragile],
			["own", own],
		]),
	};
	const [first, second] = await measure(context, plan, { rounds: 3, seconds: 0.1, log: () => undefined });
	assert.equal(tries, 3);
	assert.deepEqual([first?.rounds, first?.note, first?.target?.met], [[], "a run with a gap does not count", false]);
	assert.deepEqual([second?.reference, second?.ratio, second?.note], [undefined, undefined, "fragile was not measured: a run with a gap does not count"]);
});
