import assert from "node:assert/strict";
import { test } from "node:test";
import { createVirtualClock } from "../../../testing/memory/virtual-clock.ts";
import type { ConecError } from "../../errors.ts";
import { resolveLimits } from "../../limits.ts";
import type { PeerCheck } from "../../wire/control.ts";
import { PeerSilences } from "./peer-silences.ts";
import { type ClientQuestion, clientRequests } from "./questions.ts";

/** A Coordinator that answers as the test says. */
function stage(requests = 64) {
	const clock = createVirtualClock();
	const asked: PeerCheck[] = [];
	const silent: Record<string, number | undefined> = {};
	let answers = true;
	const questions = clientRequests(
		(message: ClientQuestion) => {
			assert.equal(message.type, "peer-check");
			const { request, peer } = message as PeerCheck;
			asked.push(message as PeerCheck);
			if (answers) clock.setTimeout(() => questions.answered({ type: "peer-checked", request, ...(peer in silent ? { silentMs: silent[peer] } : {}) }), 20);
		},
		resolveLimits({ requests }, "client"),
		clock,
	);
	const peers = new PeerSilences(questions, 5_000, clock);
	const told: string[] = [];
	const wait = (peer: string): (() => void) =>
		peers.of(peer).watch(
			() => "Cannot open stream",
			({ code, peer: of }: ConecError) => void told.push(`${clock.now()} ${code} ${of}`),
		);
	return { clock, asked, silent, questions, peers, told, wait, deaf: () => (answers = false) };
}

test("peer silences: all that wait for one peer share a question a second, and none is asked before a second has passed", async () => {
	const { clock, asked, silent, peers, told, wait } = stage();
	silent["bob"] = 100_000;
	const ends = Array.from({ length: 1_000 }, () => wait("bob"));
	await clock.advance(999);
	assert.deepEqual([asked.length, peers.size], [0, 1]);
	await clock.advance(4_500);
	assert.ok(asked.length >= 4 && asked.length <= 6, `${asked.length}`);
	assert.equal(told.length, 1_000);
	assert.match(told[0] ?? "", /^5\d\d\d PEER_LOST bob$/);
	for (const end of ends) end();
	assert.equal(peers.size, 0);
});

test("peer silences: a peer that has just been heard, or is not connected, is not silent", async () => {
	const { clock, silent, told, wait, asked } = stage();
	silent["bob"] = 30;
	const ends = [wait("bob"), wait("nobody")];
	await clock.advance(60_000);
	assert.deepEqual(told, []);
	const before = asked.length;
	assert.ok(before >= 2 * 55 && before <= 2 * 60, `${before}`);
	for (const end of ends) end();
	await clock.advance(60_000);
	assert.equal(asked.length, before);
});

test("peer silences: a Coordinator that does not answer, or is lost, says nothing of the peer", async () => {
	const { clock, told, wait, asked, deaf, questions } = stage();
	deaf();
	wait("bob");
	await clock.advance(60_000);
	assert.deepEqual([told, asked.length], [[], 1]);
	questions.end(new Error("lost") as ConecError);
	wait("carol");
	await clock.advance(60_000);
	assert.deepEqual([told, asked.length], [[], 1]);
});

test("peer silences: with more peers than questions at once, each has its turn", async () => {
	const { clock, told, wait, silent } = stage(2);
	const names = ["a", "b", "c", "d", "e"];
	for (const name of names) silent[name] = 100_000;
	for (const name of names) wait(name);
	await clock.advance(20_000);
	assert.ok(told.length >= 2, `${told}`);
});
