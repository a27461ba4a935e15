import assert from "node:assert/strict";
import { test } from "node:test";
import type { Attempt, PunchingPhase } from "./attempt.ts";
import { Attempts } from "./attempts.ts";

const peerOf = (id: string) => ({ id, fingerprint: `sha256:${id}` });
const asked = (token: string, peer: string, consented: boolean): Attempt => ({
	...{ token, peer: peerOf(peer), role: "accept", phase: { type: "asked", consented, timer: undefined } },
});
const punching = (token: string, peer: string): Attempt => ({
	...{ token, peer: peerOf(peer), role: "dial", phase: { type: "punching", moved: false } as unknown as PunchingPhase },
});

test("attempts: who is asked is not agreed with before this side has said yes, and packets fly after that", () => {
	const attempts = new Attempts(2);
	for (const attempt of [asked("1", "a", false), asked("2", "b", true), punching("3", "c")]) attempts.set(attempt);
	assert.deepEqual(
		[attempts.agreed().map(({ id }) => id), attempts.punching().length, attempts.isPunching("3"), attempts.isPunching("2")],
		[["b", "c"], 1, true, false],
	);
	assert.deepEqual(
		[attempts.of("dial"), attempts.of("accept")].map((some) => some.map(({ token }) => token)),
		[["3"], ["1", "2"]],
	);
	assert.deepEqual([attempts.with("b")?.token, attempts.with("d")], ["2", undefined]);
	attempts.delete("2");
	assert.deepEqual([attempts.with("b"), attempts.size], [undefined, 2]);
});

test("attempts: a change of address outdates those with the one that moved, or all", () => {
	const attempts = new Attempts(2);
	for (const attempt of [asked("1", "a", true), punching("2", "a"), punching("3", "b")]) attempts.set(attempt);
	const moved = (): boolean[] => attempts.punching().map((phase) => phase.moved);
	attempts.outdate("c");
	assert.deepEqual(moved(), [false, false]);
	attempts.outdate("a");
	assert.deepEqual(moved(), [true, false]);
	attempts.outdate();
	assert.deepEqual(moved(), [true, true]);
});

test("attempts: a consent that took too long is remembered once, and so many at most", () => {
	const attempts = new Attempts(2);
	for (const token of ["1", "2", "3"]) attempts.lapse(token);
	assert.deepEqual(
		["1", "2", "3", "3"].map((token) => attempts.takeLapsed(token)),
		[false, true, true, false],
	);
});
