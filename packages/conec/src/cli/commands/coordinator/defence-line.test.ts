import assert from "node:assert/strict";
import { test } from "node:test";
import { CapturedStream, ManualClock } from "../../../../testing/cli-surroundings.ts";
import type { DefenceStatus } from "../../../index.ts";
import { Output } from "../../terminal/index.ts";
import { tellDefence } from "./defence-line.ts";

function told(status: DefenceStatus, json: boolean): string {
	const [stdout, stderr] = [new CapturedStream(), new CapturedStream()];
	const sink = (stream: CapturedStream) => ({ isTTY: false, write: (text: string) => stream.write(text, () => undefined) });
	const output = new Output({ json, linesTo: "stdout", env: {}, stdout: sink(stdout) as never, stderr: sink(stderr) as never, clock: new ManualClock() });
	tellDefence(status, output);
	return stdout.text;
}

const whom = (i: number) => ({ id: `mallory-${i}`, fingerprint: `sha256:${"a".repeat(64)}`, address: `192.0.2.${i}` });
const status: DefenceStatus = {
	type: "defence",
	counts: [
		{ action: "slowed", subject: "control", whom: whom(1), times: 900 },
		{ action: "refused", subject: "id", whom: undefined, times: 80 },
		{ action: "reset", subject: "stream", whom: { address: "2001:db8::1" }, times: 7 },
		{ action: "evicted", subject: "memory", whom: whom(2), times: 1 },
	],
	totals: { refused: 80, slowed: 900, reset: 7, evicted: 1 },
};

test("defence line: names the three most frequent and counts the others, in one line", () => {
	const line = told(status, false);
	assert.equal(
		line.trimEnd(),
		'! too much from some: slowed control messages of "mallory-1" at 192.0.2.1 (900); refused ids of many (80); reset streams of 2001:db8::1 (7); and 1 more',
	);
});

test("defence line: programs get all of it in one object", () => {
	const { event, counts, refused, slowed, reset, evicted } = JSON.parse(told(status, true)) as Record<string, unknown>;
	assert.deepEqual([event, refused, slowed, reset, evicted], ["defence", 80, 900, 7, 1]);
	assert.deepEqual(counts, [
		{ action: "slowed", subject: "control", times: 900, ...whom(1) },
		{ action: "refused", subject: "id", times: 80 },
		{ action: "reset", subject: "stream", times: 7, address: "2001:db8::1" },
		{ action: "evicted", subject: "memory", times: 1, ...whom(2) },
	]);
});

test("defence line: an id from elsewhere cannot bring control characters or lines into the log", () => {
	const bad = { ...whom(1), id: "a\nb\u001b[2J", address: "x\u001b[31m\n" };
	const line = told({ ...status, counts: [{ action: "slowed", subject: "control", whom: bad, times: 1 }] }, false);
	assert.equal(line.split("\n").length, 2);
	assert.equal(line.includes("\u001b"), false);
});
