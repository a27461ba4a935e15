/** What a Coordinator may and may not make a Client do, by what it says about attempts. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { identityOf, rig, tokenOf } from "../../../testing/direct-fixture.ts";
import { ConecError } from "../../errors.ts";

const [T1, T2] = [tokenOf(1), tokenOf(2)];

test("direct: nothing begins before the application has consented, whoever says so", async (t) => {
	let consent: (yes: boolean) => void = () => undefined;
	const world = await rig(t, {
		consents: () =>
			new Promise((resolve) => {
				consent = resolve;
			}),
	});
	const bob = await world.peer("bob");
	world.hear(bob.go(T1));
	world.hear(bob.ask(T1));
	world.hear(bob.go(T1));
	await world.clock.advance(1_000);
	assert.deepEqual([world.packets, world.said], [[], []], "no packet, no answer");
	await assert.rejects(Promise.all([bob.dial(), world.clock.advance(2_000)]), { code: "COORDINATOR_UNREACHABLE" }, "nobody listens");
	consent(true);
	await world.clock.advance(0);
	assert.deepEqual(
		world.said.map(({ type }) => type),
		["channel-answer"],
	);
	world.hear(bob.go(T1));
	await world.clock.advance(100);
	assert.ok(world.packets.length > 0);
	await world.assertEmpty();
});

test("direct: consent to one key is none to another, nor to another name", async (t) => {
	const world = await rig(t);
	const [bob, mallory] = [await world.peer("bob"), await world.peer("mallory")];
	const { certificate } = mallory.go(T1);
	const { fingerprint } = mallory.peer;
	for (const [i, go] of [{ certificate }, { certificate, peer: { id: "bob", fingerprint } }, { certificate: "MIIB" }].entries()) {
		const token = tokenOf(10 + i);
		world.hear(bob.ask(token));
		await world.clock.advance(0);
		world.hear(bob.go(token, go));
		await world.clock.advance(100);
		assert.deepEqual(world.said.at(-1), {
			type: "channel-report",
			token,
			outcome: "failed",
			reason: "the certificate is not that of the peer's key",
			sent: [],
		});
	}
	world.hear(bob.ask(T1));
	await world.clock.advance(0);
	world.hear(mallory.go(T1));
	await world.clock.advance(100);
	assert.deepEqual(world.packets, []);
	const opening = assert.rejects(world.direct.connect("bob", {}), { code: "DIRECT_UNAVAILABLE" });
	// What bob has asked for goes on, until it expires; then this side asks.
	await world.clock.advance(10_000);
	await opening;
	await world.assertEmpty();
});

test("direct: one that is ending says that it is busy, and not for good that it does not want to", async (t) => {
	for (const end of ["close", "destroy"] as const) {
		for (const listen of [true, false]) {
			const world = await rig(t, { listen });
			const bob = await world.peer("bob");
			void world.direct[end](new ConecError("CLIENT_CLOSED", "Cannot go on"));
			world.hear(bob.ask(T1));
			await world.clock.advance(0);
			assert.deepEqual(world.said, [{ type: "channel-answer", token: T1, accept: false, code: "BUSY" }], `${end} ${listen}`);
			await world.assertEmpty();
		}
	}
});

test("direct: a go that comes when the consent to it has expired is answered: nothing has begun here", async (t) => {
	const world = await rig(t);
	const bob = await world.peer("bob");
	world.hear(bob.ask(T1, { expiresInMs: 1_000 }));
	await world.clock.advance(1_000);
	world.said.length = 0;
	for (let i = 0; i < 3; i++) world.hear(bob.go(T1));
	await world.clock.advance(1_000);
	assert.deepEqual(world.said, [{ type: "channel-report", token: T1, outcome: "failed", reason: "it has expired", sent: [] }]);
	assert.deepEqual([world.packets, world.dials], [[], []]);
	// Said again of one that has come about, it says nothing of that.
	await world.up(bob, T2);
	world.said.length = 0;
	world.hear(bob.go(T2));
	await world.clock.advance(1_000);
	assert.deepEqual([world.said, world.direct.find("bob")?.token], [[], T2]);
	world.direct.destroy(new ConecError("CLIENT_CLOSED", "Cannot go on"));
	await world.assertEmpty();
});

test("direct: asked twice with one token, it answers once, keeps one timer and asks the application once", async (t) => {
	const world = await rig(t);
	const bob = await world.peer("bob");
	for (let i = 0; i < 5; i++) world.hear(bob.ask(T1));
	await world.clock.advance(0);
	assert.deepEqual([world.asked, world.said.length, world.clock.pending], [["bob"], 1, 1]);
	world.hear(bob.go(T1));
	for (let i = 0; i < 5; i++) {
		world.hear(bob.ask(T1));
		world.hear(bob.go(T1));
	}
	await world.clock.advance(10_000);
	assert.equal(world.said.filter(({ type }) => type === "channel-report").length, 1, "one attempt, one end");
	await world.assertEmpty();
});

test("direct: a go that nobody asked for, twice, late, or for a number that is over does nothing", async (t) => {
	const world = await rig(t);
	const bob = await world.peer("bob");
	world.hear(bob.go(T1));
	world.hear(bob.go(T1, { role: "dial", request: 1 }));
	const abort = new AbortController();
	const aborted = assert.rejects(world.direct.connect("bob", { signal: abort.signal }), (reason) => reason === "enough");
	await world.clock.advance(0);
	abort.abort("enough");
	await aborted;
	world.hear(bob.go(T1, { role: "dial", request: 1 }));
	world.hear({ type: "channel-refused", request: 1, code: "DIRECT_UNAVAILABLE", reason: "late" });
	world.hear({ type: "channel-refused", request: 99, code: "PEER_UNKNOWN", reason: "unknown" });
	world.hear({ type: "channel-cancelled", token: T2, reason: "unknown" });
	await world.clock.advance(1_000);
	assert.deepEqual(
		world.said.map(({ type }) => type),
		["channel-request", "channel-cancel"],
	);
	assert.deepEqual([world.packets, world.dials], [[], []]);
	// One for bob's number that names somebody else, and one with a token that is another's.
	const waiting = world.direct.connect("bob");
	await world.clock.advance(0);
	const eve = await world.peer("eve");
	world.hear(eve.go(T1, { role: "dial", request: 2 }));
	world.hear(eve.ask(T2));
	await world.clock.advance(0);
	world.hear(bob.go(T2, { role: "dial", request: 2 }));
	await world.clock.advance(100);
	assert.deepEqual([world.packets, world.dials], [[], []]);
	world.hear({ type: "channel-refused", request: 2, code: "PEER_LOST", reason: "left" });
	await assert.rejects(waiting, { code: "PEER_LOST" });
	await world.assertEmpty();
});

test("direct: ten thousand asks are answered, nearly all of them with BUSY, and hold no more than the bound", async (t) => {
	const world = await rig(t, { consents: () => new Promise(() => undefined) });
	const { fingerprint } = await identityOf("bob");
	for (let i = 0; i < 10_000; i++) world.hear({ type: "channel-ask", token: tokenOf(i), peer: { id: `p${i}`, fingerprint }, expiresInMs: 600_000 });
	await world.clock.advance(0);
	assert.deepEqual([world.said.length, world.clock.pending, world.direct.size], [10_000 - 16, 16, 16]);
	assert.ok(world.said.every((message) => message.type === "channel-answer" && !message.accept && message.code === "BUSY"));
	// This side's own calls are not in the way of that, and do not wait for it.
	const own = world.direct.connect("bob");
	await world.clock.advance(0);
	world.hear({ type: "channel-refused", request: 1, code: "PEER_UNKNOWN", reason: "nobody" });
	await assert.rejects(own, { code: "PEER_UNKNOWN" });
	await world.assertEmpty();
});

test("direct: as many channels as the limit says, those that are thought over counted", async (t) => {
	const world = await rig(t, { bounds: { channels: 2 } });
	for (const id of ["a", "b", "d"]) world.hear((await world.peer(id)).ask(tokenOf(id.charCodeAt(0))));
	await world.clock.advance(0);
	const answers = world.said.map((message) => (message.type === "channel-answer" ? (message.accept ? "yes" : message.code) : message.type));
	assert.deepEqual(answers.sort(), ["BUSY", "yes", "yes"]);
	await world.assertEmpty();
});

test("direct: as many channels as the limit says, those of this side's own calls and of peers together", async (t) => {
	let answer: (yes: boolean) => void = () => undefined;
	const consents = (): Promise<boolean> =>
		new Promise((resolve) => {
			answer = resolve;
		});
	const world = await rig(t, { bounds: { channels: 1 }, consents });
	const answers = (): string[] => world.said.flatMap((message) => (message.type === "channel-answer" ? [message.accept ? "yes" : message.code] : []));
	const [bob, eve] = [await world.peer("bob"), await world.peer("eve")];
	world.hear(eve.ask(T2));
	await world.clock.advance(0);
	// Eve is only thought over, so bob may be called; then there is no room for eve any more.
	const opening = world.direct.connect("bob");
	await world.clock.advance(0);
	answer(true);
	await world.clock.advance(0);
	assert.deepEqual(answers(), ["BUSY"]);
	world.hear(eve.ask(T2));
	await world.clock.advance(0);
	assert.deepEqual(answers(), ["BUSY", "BUSY"], "not even asked");
	await assert.rejects(world.direct.connect("eve"), { code: "LIMIT_EXCEEDED" });
	world.hear({ type: "channel-refused", request: 1, code: "PEER_UNKNOWN", reason: "nobody" });
	await assert.rejects(opening, { code: "PEER_UNKNOWN" });
	// A channel that a peer has been promised counts, too.
	world.hear(bob.ask(T1));
	await world.clock.advance(0);
	answer(true);
	await world.clock.advance(0);
	assert.deepEqual(answers(), ["BUSY", "BUSY", "yes"]);
	await assert.rejects(world.direct.connect("eve"), { code: "LIMIT_EXCEEDED" });
	await world.assertEmpty();
});

test("direct: candidates that are no place of a peer get no packet and no handshake: groups, nowhere, link-local, the Coordinator, this machine", async (t) => {
	const bad = ["224.0.0.1", "255.255.255.255", "0.0.0.0", "169.254.1.1", "240.0.0.1", "ff02::1", "fe80::1", "::", "::ffff:224.0.0.1"];
	for (const holePunching of [true, false]) {
		for (const [role, request] of [
			["dial", 1],
			["accept", undefined],
		] as const) {
			const world = await rig(t, { holePunching, coordinatorAt: "203.0.113.1" });
			const bob = await world.peer("bob");
			const candidates = [...bad, "127.0.0.1", "::1", "::ffff:127.0.0.1"].map((address) => ({ address, port: 9, kind: "host", packets: 6 }) as const);
			const coordinator = ["203.0.113.1", "::ffff:203.0.113.1"].map(
				(address) => ({ address, port: world.coordinator.port, kind: "reflexive", packets: 64 }) as const,
			);
			const opening = role === "dial" ? assert.rejects(world.direct.connect("bob"), { code: "DIRECT_UNAVAILABLE" }) : undefined;
			if (role === "accept") world.hear(bob.ask(T1));
			await world.clock.advance(0);
			world.hear(bob.go(T1, { role, request, candidates: [...candidates, ...coordinator].slice(-12) }));
			await world.clock.advance(20_000);
			await opening;
			assert.deepEqual([world.packets, world.dials], [[], []], `${role}, ${holePunching}`);
			await world.assertEmpty();
		}
	}
});

test("direct: one address in many spellings has one grant, and no Coordinator grants more than this Client's own limits", async (t) => {
	const world = await rig(t, { coordinatorAt: "203.0.113.1" });
	const bob = await world.peer("bob");
	for (let i = 0; i < 10; i++) {
		world.hear(bob.ask(tokenOf(i)));
		await world.clock.advance(0);
		const spellings = ["198.51.100.7", "::ffff:198.51.100.7", "::ffff:c633:6407", "0:0:0:0:0:ffff:c633:6407"];
		const candidates = spellings.flatMap((address) => [1, 2, 3].map((port) => ({ address, port, kind: "reflexive", packets: 65_536 }) as const));
		world.hear(bob.go(tokenOf(i), { candidates, birthday: "easy", deadlineMs: 600_000, waitMs: 0 }));
		await world.clock.advance(9_000);
	}
	assert.ok(world.packets.every(({ to }) => to.address === "198.51.100.7"));
	assert.ok(world.packets.length > 10 && world.packets.length <= 640, `${world.packets.length} packets`);
	await world.assertEmpty();
});

test("direct: the birthday method needs this side's own yes", async (t) => {
	const world = await rig(t);
	const bob = await world.peer("bob");
	const candidates = [{ address: "127.0.0.1", port: bob.transport.address.port, kind: "reflexive", packets: 2_112 }] as const;
	for (const [i, birthday] of (["easy", "hard"] as const).entries()) {
		world.hear(bob.ask(tokenOf(i)));
		await world.clock.advance(0);
		const before = world.packets.length;
		world.hear(bob.go(tokenOf(i), { candidates, birthday }));
		await world.clock.advance(10_000);
		assert.ok(world.packets.length - before <= 64, `${birthday}: ${world.packets.length - before}`);
		assert.ok(world.packets.every(({ to }) => to.port === bob.transport.address.port));
	}
	await world.assertEmpty();
});

test("direct: times that a Coordinator makes long do not keep an attempt, or a door, open", async (t) => {
	const world = await rig(t);
	const bob = await world.peer("bob");
	world.hear(bob.ask(T1, { expiresInMs: 600_000 }));
	world.hear(bob.ask(T2, { expiresInMs: 600_000 }));
	await world.clock.advance(0);
	world.hear(bob.go(T1, { waitMs: 600_000, deadlineMs: 600_000 }));
	await world.clock.advance(61_000);
	assert.deepEqual([world.direct.size, world.clock.pending], [0, 0]);
	await world.assertEmpty();
});
