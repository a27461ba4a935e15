/** Attempts that came to nothing, and when they are made again: behind streams, by themselves. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Rig, rig, type Talker, tokenOf } from "../../../testing/direct-fixture.ts";
import { CLOSE_CODES } from "../../wire/codes.ts";

const PEER = "bob";
const requestsOf = ({ said }: Rig): number[] => said.flatMap((message) => (message.type === "channel-request" ? [message.request] : []));

/** A stream to the peer that goes through the Coordinator; returns its end. */
function stream(world: Rig): () => void {
	let close: () => void = () => undefined;
	world.direct.background.opened(
		PEER,
		new Promise<void>((resolve) => {
			close = resolve;
		}),
	);
	return close;
}

test("direct: no answer is tried again behind the stream, within 35 s, and longer apart each time", async (t) => {
	const world = await rig(t);
	const bob = await world.peer(PEER);
	const first = assert.rejects(world.direct.connect(PEER, { auto: true }), { code: "DIRECT_UNAVAILABLE" });
	await world.clock.advance(0);
	world.hear(bob.go(tokenOf(1), { role: "dial", request: 1 }));
	await world.clock.advance(2_000);
	await first;
	const close = stream(world);
	const failed: number[] = [world.clock.now()];
	const gaps: number[] = [];
	for (let attempt = 2; attempt <= 6; attempt++) {
		for (let waited = 0; requestsOf(world).length < attempt && waited < 700; waited++) await world.clock.advance(1_000);
		assert.equal(requestsOf(world).length, attempt);
		gaps.push(world.clock.now() - (failed.at(-1) ?? 0));
		world.hear(bob.go(tokenOf(attempt), { role: "dial", request: attempt }));
		await world.clock.advance(2_000);
		failed.push(world.clock.now());
	}
	for (const [i, most] of [30, 30, 60, 120, 240].entries()) {
		const gap = (gaps[i] ?? 0) / 1_000;
		assert.ok(gap >= 0.8 * most - 3 && gap <= most + 1, `${gap} s before attempt ${i + 2}`);
	}
	assert.ok(
		world.said.every((message) => message.type !== "channel-request" || message.auto),
		"whoever is not waited for does not insist",
	);
	close();
	await world.clock.advance(60_000);
	await world.assertEmpty();
});

test("direct: what a Coordinator still remembers is asked about when it says, what it says of structure never", async (t) => {
	for (const retryAfterMs of [12_000, undefined]) {
		const world = await rig(t);
		const close = stream(world);
		await world.clock.advance(0);
		assert.deepEqual(requestsOf(world), [1]);
		world.hear({
			type: "channel-refused",
			request: 1,
			code: "DIRECT_UNAVAILABLE",
			reason: "no",
			...(retryAfterMs === undefined ? {} : { retryAfterMs }),
		});
		await world.clock.advance(11_000);
		assert.deepEqual([requestsOf(world), world.direct.memory.hopeless(PEER)], [[1], "no"]);
		await world.clock.advance(5_000);
		assert.deepEqual(requestsOf(world), retryAfterMs === undefined ? [1] : [1, 2]);
		await world.clock.advance(400_000);
		assert.equal(world.direct.memory.hopeless(PEER), retryAfterMs === undefined ? "no" : undefined);
		if (retryAfterMs === undefined) {
			world.hear({ type: "peer-changed", peer: PEER });
			await world.clock.advance(2_000);
			assert.deepEqual(requestsOf(world), [1, 2], "a network has changed");
		}
		close();
		world.hear({ type: "channel-refused", request: requestsOf(world).at(-1) ?? 0, code: "PEER_LOST", reason: "left" });
		await world.clock.advance(60_000);
		await world.assertEmpty();
	}
});

test("direct: a channel that either side has closed is not made again behind a stream, before there is another one; one that broke is", async (t) => {
	const ends: readonly (readonly [what: string, end: (world: Rig, talker: Talker) => void, again: boolean])[] = [
		["closed here", ({ direct }) => void direct.find(PEER)?.close(), false],
		["closed by the peer", (_, talker) => talker.say({ type: "close", reason: "done" }).connection.close(CLOSE_CODES.NORMAL, ""), false],
		["the peer leaves", (_, talker) => talker.connection.close(CLOSE_CODES.CLIENT_CLOSED, "leaving"), false],
		["broken here", ({ direct }) => direct.find(PEER)?.fail("no answer"), true],
		["broken there", (_, talker) => talker.connection.close(CLOSE_CODES.PATH_LOST, "no answer"), true],
	];
	for (const [what, end, again] of ends) {
		const world = await rig(t);
		const talker = await world.up(await world.peer(PEER), tokenOf(1));
		const close = stream(world);
		await world.clock.advance(0);
		end(world, talker);
		// Looked at anew while the channel ends.
		world.direct.background.reconsider();
		// A channel that broke soon after it had come about has a pause of 30 s; the peer that found out asks by itself before that.
		await world.clock.advance(32_000);
		assert.equal(requestsOf(world).length > 0, again, what);
		if (!again) {
			world.hear({ type: "peer-changed", peer: PEER });
			await world.clock.advance(30_000);
			assert.deepEqual(requestsOf(world), [], what);
		}
		const other = stream(world);
		await world.clock.advance(0);
		assert.ok(requestsOf(world).length > 0, what);
		close();
		other();
		world.hear({ type: "channel-refused", request: requestsOf(world).at(-1) ?? 0, code: "PEER_LOST", reason: "left" });
		await world.clock.advance(60_000);
		await world.assertEmpty();
	}
});

test("direct: a refusal's time reaches who called", async (t) => {
	const world = await rig(t);
	const opening = assert.rejects(world.direct.connect(PEER), { code: "DIRECT_UNAVAILABLE", retryAfterMs: 700 });
	await world.clock.advance(0);
	world.hear({ type: "channel-refused", request: 1, code: "DIRECT_UNAVAILABLE", reason: "no", retryAfterMs: 700 });
	await opening;
	await world.assertEmpty();
});

test("direct: without the Coordinator nothing is tried, and after the end nothing is kept", async (t) => {
	const world = await rig(t);
	stream(world);
	world.lose();
	await world.clock.advance(60_000);
	assert.deepEqual(requestsOf(world), []);
	const again = await rig(t);
	stream(again);
	again.direct.destroy(new Error("over") as never);
	await again.assertEmpty();
});

test("direct: a channel that either side closed is not made again before somebody opens a stream, and one that broke is", async (t) => {
	const ends = {
		"this side": ({ direct }: Rig) => void direct.find(PEER)?.close(),
		"the peer": (_: Rig, talker: Talker) => void talker.say({ type: "close", reason: "enough" }),
		"the peer, at once": (_: Rig, talker: Talker) => talker.connection.close(0, ""),
		"the path": ({ direct }: Rig) => direct.find(PEER)?.fail("no answer comes from there any more"),
	};
	for (const [by, end] of Object.entries(ends)) {
		const world = await rig(t);
		const bob = await world.peer(PEER);
		const close = stream(world);
		await world.clock.advance(0);
		const talker = await world.up(bob, tokenOf(1));
		await world.clock.advance(0);
		const before = requestsOf(world).length;
		end(world, talker);
		for (let i = 0; i < 10; i++) {
			await world.clock.advance(500);
			// Others come and go meanwhile.
			world.direct.background.reconsider();
		}
		talker.connection.close(0, "");
		await world.clock.advance(100_000);
		if (by === "the path") assert.ok(requestsOf(world).length > before, by);
		else {
			assert.equal(requestsOf(world).length, before, by);
			stream(world)();
			await world.clock.advance(0);
			assert.equal(requestsOf(world).length, before + 1, by);
		}
		close();
		world.direct.destroy(new Error("over") as never);
		await world.clock.advance(60_000);
	}
});
