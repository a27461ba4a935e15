/** How calls for one peer, this side's requests and the peer's attempts come together. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { rig, tokenOf } from "../../../testing/direct-fixture.ts";
import { ConecError } from "../../errors.ts";

const [T1, T2] = [tokenOf(1), tokenOf(2)];
/** Ids before and after that of the Client. */
const [SMALLER, GREATER] = ["bob", "dave"];

test("direct: a request that has not left yet does not cross: the peer's attempt is joined and no second one is made", async (t) => {
	for (const id of [SMALLER, GREATER]) {
		let known: () => void = () => undefined;
		const world = await rig(t, {
			known: () =>
				new Promise((resolve) => {
					known = resolve;
				}),
		});
		const peer = await world.peer(id);
		const opening = world.direct.connect(id);
		await world.clock.advance(0);
		const learnt = known;
		world.hear(peer.ask(T1));
		await world.clock.advance(0);
		known();
		learnt();
		await world.clock.advance(0);
		assert.deepEqual(
			world.said.map((message) => (message.type === "channel-answer" ? `${message.type} ${message.accept}` : message.type)),
			["channel-answer true"],
			id,
		);
		world.hear(peer.go(T1));
		await world.clock.advance(0);
		const talker = await peer.greet(T1);
		assert.equal((await opening).peer, id);
		talker.connection.close(0, "");
		await world.assertEmpty();
	}
});

test("direct: requests that cross: the smaller id's goes on, the other joins it, and its own is given up when the channel is there", async (t) => {
	const world = await rig(t);
	const [bob, dave] = [await world.peer(SMALLER), await world.peer(GREATER)];
	const opening = [world.direct.connect(SMALLER), world.direct.connect(GREATER)];
	await world.clock.advance(0);
	world.hear(bob.ask(T1));
	world.hear(dave.ask(T2));
	await world.clock.advance(0);
	assert.deepEqual(
		world.said
			.slice(2)
			.map((message) => message.type === "channel-answer" && [message.token, message.accept || message.code])
			.sort(),
		[
			[T1, true],
			[T2, "CROSSED"],
		],
	);
	assert.deepEqual(world.asked, [], "who asks for a channel wants one");
	world.hear(bob.go(T1));
	await world.clock.advance(0);
	const talker = await bob.greet(T1);
	assert.equal((await opening[0])?.peer, SMALLER);
	assert.deepEqual(
		world.said.filter(({ type }) => type === "channel-cancel"),
		[{ type: "channel-cancel", request: 1 }],
	);
	world.hear({ type: "channel-refused", request: 1, code: "CROSSED", reason: "late" });
	world.hear({ type: "channel-refused", request: 2, code: "PEER_LOST", reason: "left" });
	await assert.rejects(opening[1] ?? Promise.resolve(), { code: "PEER_LOST" });
	talker.connection.close(0, "");
	await world.assertEmpty();
});

test("direct: refused with CROSSED, in every order with the peer's question, its end and its silence", async (t) => {
	for (const order of ["ask, crossed, go", "crossed, ask, go", "ask, cancelled, crossed", "crossed, crossed"]) {
		const world = await rig(t);
		const bob = await world.peer(SMALLER);
		const opening = world.direct.connect(SMALLER);
		await world.clock.advance(0);
		const requests = (): number[] => world.said.flatMap((message) => (message.type === "channel-request" ? [message.request] : []));
		for (const step of order.split(", ")) {
			if (step === "ask") world.hear(bob.ask(T1));
			if (step === "crossed") world.hear({ type: "channel-refused", request: requests().at(-1) ?? 0, code: "CROSSED", reason: "" });
			if (step === "cancelled") world.hear({ type: "channel-cancelled", token: T1, reason: "given up" });
			if (step === "go") world.hear(bob.go(T1));
			await world.clock.advance(0);
		}
		if (order.endsWith("go")) {
			const talker = await bob.greet(T1);
			assert.equal((await opening).peer, SMALLER, order);
			talker.connection.close(0, "");
		} else {
			assert.deepEqual(requests(), [1, 2], order);
			await Promise.all([assert.rejects(opening, { code: "DIRECT_UNAVAILABLE" }), world.clock.advance(10_000)]);
		}
		await world.assertEmpty();
	}
});

test("direct: a call made while the application thinks about the peer's is a yes", async (t) => {
	let answer: (yes: boolean) => void = () => undefined;
	const world = await rig(t, {
		consents: () =>
			new Promise((resolve) => {
				answer = resolve;
			}),
	});
	const bob = await world.peer(SMALLER);
	world.hear(bob.ask(T1));
	await world.clock.advance(0);
	const opening = world.direct.connect(SMALLER);
	answer(false);
	await world.clock.advance(0);
	world.hear(bob.go(T1));
	await world.clock.advance(0);
	const talker = await bob.greet(T1);
	assert.equal((await opening).peer, SMALLER);
	talker.connection.close(0, "");
	await world.assertEmpty();
});

test("direct: what the peer gives up is not this side's answer: it asks on its own behalf, but not for ever", async (t) => {
	const world = await rig(t);
	const bob = await world.peer(SMALLER);
	let opening: Promise<unknown> | undefined;
	for (let i = 0; i < 4; i++) {
		const token = tokenOf(i);
		world.hear(bob.ask(token));
		opening ??= world.direct.connect(SMALLER);
		opening.catch(() => undefined);
		await world.clock.advance(0);
		if (i % 2 === 1) world.hear(bob.go(token));
		world.hear({ type: "channel-cancelled", token, reason: "the peer has given up" });
		await world.clock.advance(0);
		const requests = world.said.filter(({ type }) => type === "channel-request").length;
		assert.equal(requests, 1);
		assert.equal(world.direct.memory.hopeless(SMALLER), undefined, "that says nothing of the path");
	}
	world.hear({ type: "channel-refused", request: 1, code: "PEER_LOST", reason: "the peer has left" });
	await assert.rejects(opening ?? Promise.resolve(), { code: "PEER_LOST" });
	await world.assertEmpty();
});

test("direct: giving up says so to the Coordinator in each phase, and is not remembered as a path without hope", async (t) => {
	const world = await rig(t);
	const bob = await world.peer(SMALLER);
	for (const [i, phase] of ["asked", "punching"].entries()) {
		const abort = new AbortController();
		const opening = assert.rejects(world.direct.connect(SMALLER, { signal: abort.signal }), (reason) => reason === phase);
		await world.clock.advance(0);
		if (phase === "punching") world.hear(bob.go(tokenOf(i), { role: "dial", request: i + 1 }));
		await world.clock.advance(20);
		abort.abort(phase);
		await opening;
		const last = world.said.slice(phase === "punching" ? -2 : -1);
		assert.deepEqual(last[0], { type: "channel-cancel", request: i + 1 });
		// What was not sent is there for others, also where nobody asks what became of it.
		if (phase === "punching") assert.deepEqual(last[1]?.type === "channel-report" && last[1].sent, [{ address: bob.transport.address.address, packets: 1 }]);
		const before = world.packets.length;
		await world.clock.advance(1_000);
		assert.deepEqual([world.packets.length - before, world.direct.memory.hopeless(SMALLER), world.direct.size], [0, undefined, 0]);
	}
	await world.assertEmpty();
});

test("direct: the Coordinator dies in each phase: every call settles at once or by its attempt, and nothing is sent that nobody wants", async (t) => {
	const lost = new ConecError("COORDINATOR_LOST", "Lost the Coordinator");
	for (const phase of ["offering", "requested", "asked", "thinking", "joined", "punching"]) {
		const learning = { over: phase !== "offering" };
		const world = await rig(t, {
			known: () => (learning.over ? Promise.resolve() : new Promise<void>(() => undefined)),
			...(phase === "thinking" ? { consents: () => new Promise<boolean>(() => undefined) } : {}),
		});
		const bob = await world.peer(SMALLER);
		if (["asked", "thinking", "joined"].includes(phase)) world.hear(bob.ask(T1));
		let settled: unknown;
		const opening = world.direct.connect(SMALLER);
		opening.then(
			() => {
				settled = "up";
			},
			(error: { code: string }) => {
				settled = error.code;
			},
		);
		await world.clock.advance(0);
		if (phase === "joined") world.hear(bob.go(T1));
		if (phase === "punching") world.hear(bob.go(T1, { role: "dial", request: 1 }));
		await world.clock.advance(0);
		world.lose();
		world.direct.down(lost);
		await world.clock.advance(0);
		if (phase === "joined" || phase === "punching") {
			assert.equal(settled, undefined, phase);
			await world.clock.advance(10_000);
			assert.equal(settled, "DIRECT_UNAVAILABLE", phase);
		} else assert.equal(settled, "COORDINATOR_LOST", phase);
		learning.over = true;
		await assert.rejects(Promise.all([world.direct.connect("other"), world.clock.advance(0)]), { code: "COORDINATOR_LOST" });
		await world.assertEmpty();
	}
});

test("direct: an attempt whose packets fly comes about without the Coordinator", async (t) => {
	const world = await rig(t);
	const bob = await world.peer(SMALLER);
	const opening = world.direct.connect(SMALLER);
	await world.clock.advance(0);
	bob.accept((incoming, talker) => {
		talker.stream = incoming.accept(talker.handler);
		talker.connection.confirm();
		talker.say({ type: "welcome", version: 2, capabilities: [], limits: { messageBytes: 1_000, metadataBytes: 100, connectionWindowBytes: 1_048_576 } });
	});
	world.hear(bob.go(T1, { role: "dial", request: 1 }));
	world.lose();
	world.direct.down(new ConecError("COORDINATOR_LOST", "Lost the Coordinator"));
	assert.equal(world.direct.idle, false);
	bob.answerProbes(T1, "accept");
	await world.clock.advance(100);
	const channel = await opening;
	assert.deepEqual([channel.peer, channel.dialled, world.direct.idle], [SMALLER, true, false]);
	await Promise.all([channel.close(), world.clock.advance(3_000)]);
	assert.equal(world.direct.idle, true);
	await world.assertEmpty();
});
