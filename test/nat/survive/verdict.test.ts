import assert from "node:assert/strict";
import { test } from "node:test";
import { everyLineOnce, longestPauseMs, missingOnlyWhereTold, numbered } from "./verdict.ts";

const heard = (...numbers: number[]) => numbers.map((number) => ({ text: numbered("alice", number), atMs: number }));
const chat = (sent: number, ...numbers: number[]) => everyLineOnce("chat", "alice", { lines: heard(...numbers), sent }).problem;
const news = (told: boolean, sent: number, ...numbers: number[]) =>
	missingOnlyWhereTold("news", "alice", { lines: heard(...numbers), sent }, told, [3, 5]).problem;

test("verdict: a chat is whole, or it is said what is wrong", () => {
	assert.equal(chat(3, 1, 2, 3), null);
	assert.match(chat(4, 1, 2, 3) ?? "", /1 of 4 lines are missing/);
	assert.match(chat(3, 1, 2, 2) ?? "", /line 2 came twice/);
	assert.match(chat(3, 2, 1, 3) ?? "", /line 1 came after line 2/);
	assert.match(everyLineOnce("chat", "alice", { lines: [{ text: "bob says 1", atMs: 0 }], sent: 1 }).problem ?? "", /was never said/);
});

test("verdict: a broadcast may miss lines that were sent while the Coordinator was lost, where it said so", () => {
	assert.equal(news(false, 3, 1, 2, 3), null);
	assert.equal(news(true, 6, 1, 2, 3, 6), null);
	assert.equal(news(true, 5, 1, 2), null);
	assert.match(news(false, 6, 1, 2, 6) ?? "", /nothing was said/);
	assert.match(news(true, 6, 1, 2, 4, 6) ?? "", /there are others between lines 3 and 5/);
	assert.match(news(true, 6, 1, 6) ?? "", /only lines 3 to 5/);
	assert.match(news(true, 6, 1, 2, 3, 4) ?? "", /only lines 3 to 5/);
	assert.match(news(true, 3, 1, 1, 3) ?? "", /came twice/);
});

test("verdict: the longest pause reaches from what came before to what comes after", () => {
	assert.equal(longestPauseMs([0, 10, 20, 90, 100], 25, 95), 70);
	assert.equal(longestPauseMs([0, 10], 20, 50), 40);
	assert.equal(longestPauseMs([], 20, 50), 30);
});
