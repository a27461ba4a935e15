/** Calls that there is no room for: they wait for a place, come again when they are told to, and say so when their time is over. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { type Rig, rig, tokenOf } from "../../../testing/direct-fixture.ts";

const requestsOf = ({ said }: Rig): { readonly request: number; readonly peer: string; readonly auto: boolean }[] =>
	said.flatMap((message) => (message.type === "channel-request" ? [message] : []));

const crowded = (request: number, retryAfterMs?: number, code: "LIMIT_EXCEEDED" | "PEER_BUSY" = "LIMIT_EXCEEDED") =>
	({ type: "channel-refused", request, code, reason: "too many", ...(retryAfterMs === undefined ? {} : { retryAfterMs }) }) as const;

test("direct: 40 calls at once become 16 requests, the next ones as places get free, in the order of the calls", async (t) => {
	const world = await rig(t);
	const ended: string[] = [];
	for (let i = 0; i < 40; i++) void world.direct.connect(`peer-${i}`).catch(({ code }) => ended.push(`peer-${i} ${code}`));
	await world.clock.advance(0);
	assert.deepEqual(
		requestsOf(world).map(({ peer }) => peer),
		Array.from({ length: 16 }, (_, i) => `peer-${i}`),
	);
	for (let request = 1; request <= 24; request++) {
		world.hear({ type: "channel-refused", request, code: "PEER_UNKNOWN", reason: "peer is not connected" });
		await world.clock.advance(0);
		assert.equal(requestsOf(world).length, 16 + request);
	}
	assert.equal(requestsOf(world).at(-1)?.peer, "peer-39");
	await world.clock.advance(10_000);
	assert.equal(ended.length, 40);
	await world.assertEmpty();
});

test("direct: an attempt whose packets fly keeps its place until it is over", async (t) => {
	const world = await rig(t, { bounds: { attemptsPerClient: 1 } });
	const [bob] = [await world.peer("bob")];
	const opening = assert.rejects(world.direct.connect("bob"), { code: "DIRECT_UNAVAILABLE" });
	const other = assert.rejects(world.direct.connect("dave"), { code: "PEER_UNKNOWN" });
	await world.clock.advance(0);
	world.hear(bob.go(tokenOf(1), { role: "dial", request: 1 }));
	await world.clock.advance(1_400);
	assert.equal(requestsOf(world).length, 1);
	await world.clock.advance(200);
	await opening;
	assert.deepEqual(requestsOf(world).at(-1)?.peer, "dave");
	world.hear({ type: "channel-refused", request: 2, code: "PEER_UNKNOWN", reason: "" });
	await other;
	await world.assertEmpty();
});

for (const code of ["LIMIT_EXCEEDED", "PEER_BUSY"] as const) {
	test(`direct: ${code} with a time is asked again then, within the call's own ten seconds`, async (t) => {
		const world = await rig(t);
		const bob = await world.peer("bob");
		const opening = world.direct.connect("bob");
		await world.clock.advance(0);
		world.hear(crowded(1, 1_000, code));
		await world.clock.advance(999);
		assert.equal(requestsOf(world).length, 1);
		await world.clock.advance(501);
		assert.equal(requestsOf(world).length, 2);
		world.hear(crowded(2, 1_000, code));
		await world.clock.advance(1_000 * 1.3 * 1.5);
		assert.equal(requestsOf(world).length, 3);
		assert.ok(requestsOf(world).every(({ auto }) => !auto));
		bob.accept((incoming, talker) => {
			talker.stream = incoming.accept(talker.handler);
			talker.connection.confirm();
			talker.say({ type: "welcome", version: 2, capabilities: [], limits: { messageBytes: 1_000, metadataBytes: 100, connectionWindowBytes: 1_048_576 } });
		});
		world.hear(bob.go(tokenOf(1), { role: "dial", request: 3 }));
		bob.answerProbes(tokenOf(1), "accept");
		await world.clock.advance(100);
		const channel = await opening;
		assert.equal(channel.peer, "bob");
		await Promise.all([channel.close(), world.clock.advance(3_000)]);
		await world.assertEmpty();
	});
}

test("direct: where there is no room in time, the call ends at once with when there is, and it is tried behind it for a minute", async (t) => {
	const world = await rig(t);
	const opening = assert.rejects(world.direct.connect("bob"), { code: "LIMIT_EXCEEDED", retryAfterMs: 20_000, peer: "bob" });
	await world.clock.advance(0);
	world.hear(crowded(1, 20_000));
	await opening;
	assert.equal(world.clock.now(), 0);
	assert.match(world.direct.memory.hopeless("bob") ?? "", /too many/);
	await world.clock.advance(19_000);
	assert.equal(requestsOf(world).length, 1);
	await world.clock.advance(6_000);
	assert.deepEqual(
		requestsOf(world).map(({ auto }) => auto),
		[false, true],
		"nobody insists on it any more",
	);
	// And not for ever: attempts that nobody waits for keep nothing in mind.
	for (let i = 0; i < 10; i++) {
		world.hear(crowded(requestsOf(world).at(-1)?.request ?? 0, 20_000));
		await world.clock.advance(30_000);
	}
	assert.ok(requestsOf(world).length <= 5, `${requestsOf(world).length} requests`);
	await world.assertEmpty();
});

test("direct: a Coordinator that is always full is asked a few times, and the call says so after its ten seconds", async (t) => {
	for (const retryAfterMs of [0, 1, 500]) {
		const world = await rig(t);
		let ended: { code: string; retryAfterMs?: number; atMs: number } | undefined;
		void world.direct.connect("bob").catch(({ code, retryAfterMs: after }) => {
			ended = { code, retryAfterMs: after, atMs: world.clock.now() };
		});
		for (let i = 0; i < 2_000 && ended === undefined; i++) {
			const last = requestsOf(world).at(-1)?.request ?? 0;
			if (last > 0) world.hear(crowded(last, retryAfterMs));
			await world.clock.advance(10);
		}
		assert.deepEqual([ended?.code, ended?.retryAfterMs], ["LIMIT_EXCEEDED", retryAfterMs]);
		assert.ok((ended?.atMs ?? 0) <= 10_000);
		assert.ok(requestsOf(world).length <= 16, `${requestsOf(world).length} requests`);
		world.direct.destroy(new Error("over") as never);
		await world.assertEmpty();
	}
});

test("direct: no room, and no word when there will be, ends the call at once, as before", async (t) => {
	for (const code of ["LIMIT_EXCEEDED", "PEER_BUSY"] as const) {
		const world = await rig(t);
		const opening = assert.rejects(world.direct.connect("bob"), { code });
		await world.clock.advance(0);
		world.hear(crowded(1, undefined, code));
		await opening;
		assert.equal(world.direct.memory.hopeless("bob"), undefined);
		await world.assertEmpty();
	}
});

test("direct: a call that waits for room is ended by its caller, by the Client's end and by the loss of the Coordinator, and joins the peer's attempt", async (t) => {
	for (const end of ["abort", "destroy", "lost", "joined"]) {
		const world = await rig(t);
		const bob = await world.peer("bob");
		const abort = new AbortController();
		const opening = world.direct.connect("bob", { signal: abort.signal });
		opening.catch(() => undefined);
		await world.clock.advance(0);
		world.hear(crowded(1, 2_000));
		if (end === "abort") abort.abort("enough");
		if (end === "destroy") world.direct.destroy(new Error("over") as never);
		if (end === "lost") {
			world.lose();
			world.direct.down(new Error("lost") as never);
		}
		if (end === "joined") {
			const talker = await world.up(bob, tokenOf(1));
			assert.equal((await opening).peer, "bob");
			talker.connection.close(0, "");
		} else await assert.rejects(opening);
		await world.clock.advance(20_000);
		assert.equal(requestsOf(world).length, 1, end);
		await world.assertEmpty();
	}
});

test("direct: a request that the peer has made needless before it was sent leaves its place to others", async (t) => {
	let known: () => void = () => undefined;
	const offered = new Promise<void>((resolve) => {
		known = resolve;
	});
	const world = await rig(t, { bounds: { attemptsPerClient: 1 }, known: () => offered });
	const bob = await world.peer("bob");
	const opening = world.direct.connect("bob");
	const other = assert.rejects(world.direct.connect("dave"), { code: "PEER_UNKNOWN" });
	await world.clock.advance(0);
	world.hear(bob.ask(tokenOf(1)));
	await world.clock.advance(0);
	known();
	await world.clock.advance(0);
	assert.deepEqual(
		requestsOf(world).map(({ peer }) => peer),
		["dave"],
	);
	world.hear({ type: "channel-refused", request: requestsOf(world).at(-1)?.request ?? 0, code: "PEER_UNKNOWN", reason: "" });
	await other;
	world.hear(bob.go(tokenOf(1)));
	await world.clock.advance(0);
	const talker = await bob.greet(tokenOf(1));
	assert.equal((await opening).peer, "bob");
	talker.connection.close(0, "");
	await world.assertEmpty();
});

test("direct: as many as reach this side are thought over as it may begin itself, beside its own", async (t) => {
	const world = await rig(t, { bounds: { attemptsPerClient: 2 }, consents: () => new Promise(() => undefined) });
	const own = ["x", "y"].map((peer) => world.direct.connect(peer).catch(() => undefined));
	await world.clock.advance(0);
	for (const [i, id] of ["bob", "carl", "dave"].entries()) world.hear((await world.peer(id)).ask(tokenOf(i)));
	await world.clock.advance(0);
	assert.deepEqual(
		world.said.flatMap((message) => (message.type === "channel-answer" && !message.accept ? [[message.token, message.code]] : [])),
		[[tokenOf(2), "BUSY"]],
	);
	await world.clock.advance(20_000);
	await Promise.all(own);
	await world.assertEmpty();
});
