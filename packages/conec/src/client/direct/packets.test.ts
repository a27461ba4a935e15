/** Datagrams beside QUIC that somebody forges, replays or floods with, and addresses that change without end. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { rig, tokenOf } from "../../../testing/direct-fixture.ts";
import { CLOSE_CODES } from "../../wire/codes.ts";
import { FRAME } from "../../wire/frames.ts";
import { createPunchKeys } from "../punch/datagrams.ts";

const [T1, T2] = [tokenOf(1), tokenOf(2)];

test("direct: forged, reflected, replayed, late and foreign probes and answers get nothing, floods of good ones no more than the grant", async (t) => {
	const world = await rig(t);
	const [bob, eve, quiet] = [await world.peer("bob"), await world.peer("eve"), await world.peer("quiet")];
	const live = await world.up(quiet, T2);
	world.hear(bob.ask(T1));
	await world.clock.advance(0);
	world.hear(bob.go(T1, { candidates: [{ ...bob.transport.address, kind: "reflexive", packets: 40 }], deadlineMs: 3_000 }));
	await world.clock.advance(1_200);
	const to = world.transport.address;
	const [theirs, own, foreign] = [createPunchKeys(T1, "dial"), createPunchKeys(T1, "accept"), createPunchKeys(T2, "dial")];
	const nonce = (n: number): string => n.toString(16).padStart(16, "0");
	const forged = theirs.probe(nonce(1));
	forged[forged.length - 1] = (forged.at(-1) ?? 0) ^ 1;
	const before = world.packets.length;
	for (let i = 0; i < 1_000; i++) {
		eve.transport.sendDatagram(forged, to);
		eve.transport.sendDatagram(own.probe(nonce(i)), to); // reflected
		eve.transport.sendDatagram(own.answer(nonce(i), bob.transport.address), to);
		eve.transport.sendDatagram(theirs.answer(nonce(i), bob.transport.address), to); // to probes that were never sent
		eve.transport.sendDatagram(foreign.probe(nonce(i)), to); // of an attempt that is over
		eve.transport.sendDatagram(world.packets[0]?.data ?? forged, to);
		eve.transport.sendDatagram(forged.subarray(0, 20), to);
	}
	await world.clock.advance(0);
	// Nothing is dialled by who accepts, and what is sent at all goes to where bob is.
	const answers = (): number => world.packets.filter(({ data }) => data[0] === 0x11).length;
	assert.deepEqual([answers(), world.dials], [0, []]);
	assert.ok(world.packets.length - before <= 8 * 8, "addresses that were learned from answers are few");
	for (let i = 0; i < 5_000; i++) bob.transport.sendDatagram(theirs.probe(nonce(i % 2_500)), to);
	await world.clock.advance(200);
	assert.ok(answers() > 0);
	await world.clock.advance(20_000);
	const all = world.packets.filter(({ to: { port } }) => port !== quiet.transport.address.port).length;
	assert.ok(all <= 40, `${all} packets for a grant of 40`);
	const late = world.packets.length;
	for (let i = 0; i < 100; i++) bob.transport.sendDatagram(theirs.probe(nonce(9_000 + i)), to);
	await world.clock.advance(1_000);
	assert.equal(world.packets.length, late, "late");
	live.say({ type: "ping", nonce: 5 });
	await world.clock.advance(0);
	assert.deepEqual([live.messages.at(-1), live.over], [{ type: "pong", nonce: 5 }, undefined], "nobody is disturbed");
	live.connection.close(0, "");
	await world.assertEmpty();
});

test("direct: while what has come is not read yet, probes are not repeated and nothing is given up", async (t) => {
	for (const busyMs of [400, 3_000]) {
		const world = await rig(t);
		const bob = await world.peer("bob");
		const opening = world.direct.connect("bob").catch(({ code }) => code as string);
		await world.clock.advance(0);
		let caughtUp: () => void = () => undefined;
		const busy = new Promise<void>((resolve) => {
			caughtUp = resolve;
		});
		world.transport.caughtUp = () => busy;
		world.hear(bob.go(T1, { role: "dial", request: 1 }));
		await world.clock.advance(busyMs);
		const sent = world.packets.length;
		assert.ok(sent <= 1, `${sent} packets in ${busyMs} ms`);
		caughtUp();
		await world.clock.advance(2_000);
		assert.equal(await opening, "DIRECT_UNAVAILABLE");
		if (busyMs === 400) assert.ok(world.packets.length > 1, "it went on");
		await world.assertEmpty();
	}
});

test("direct: nothing is sent to this machine because a peer or the Coordinator names an address of it", async (t) => {
	const machine = ["192.168.1.10", "172.17.0.1"];
	const world = await rig(t, { coordinatorAt: "203.0.113.1", machine });
	const bob = await world.peer("bob");
	world.hear(bob.ask(T1));
	await world.clock.advance(0);
	const named = [...machine, "192.168.1.255", "192.168.1.20"].map((address) => ({ address, port: 22, kind: "host", packets: 8 }) as const);
	world.hear(bob.go(T1, { candidates: [{ address: "203.0.113.9", port: 22, kind: "reflexive", packets: 8 }, ...named] }));
	await world.clock.advance(5_000);
	assert.deepEqual([...new Set(world.packets.map(({ to }) => to.address))].sort(), ["192.168.1.20", "203.0.113.9"]);
	world.hear({ type: "channel-cancelled", token: T1, reason: "" });
	const live = await world.up(await world.peer("quiet"), T2);
	const before = world.packets.length;
	for (const address of [...machine, "203.0.113.9"]) {
		world.hear({ type: "peer-moved", peer: "quiet", address: { address, port: 22 } });
		await world.clock.advance(500);
	}
	assert.deepEqual([...new Set(world.packets.slice(before).map(({ to }) => to.address))], ["203.0.113.9"]);
	live.connection.close(0, "");
	await world.assertEmpty();
});

test("direct: a storm of peer-moved costs a few pings and few packets to any address, and none where no peer can be", async (t) => {
	const world = await rig(t);
	const bob = await world.peer("bob");
	const talker = await world.up(bob, T1);
	await world.clock.advance(5_000);
	const [before, pings] = [world.packets.length, talker.messages.length];
	for (let i = 0; i < 20_000; i++) {
		const address =
			i % 3 === 0 ? "198.51.100.9" : i % 3 === 1 ? `203.0.${(i >> 8) & 0xff}.${i & 0xff}` : ["224.0.0.1", "255.255.255.255", "ff02::1", "::"][i % 4];
		world.hear({ type: "peer-moved", peer: "bob", address: { address: address as string, port: 1 + (i % 60_000) } });
		if (i % 100 === 0) await world.clock.advance(1);
	}
	world.hear({ type: "peer-moved", peer: "nobody", address: { address: "198.51.100.9", port: 9 } });
	for (let i = 0; i < 2_000; i++) world.hear({ type: "address", observedAddress: { address: "198.51.100.1", port: 1 + i } });
	await world.clock.advance(500);
	const sent = world.packets.slice(before);
	assert.ok(sent.length <= 60, `${sent.length} packets`);
	assert.ok(sent.every(({ to }) => /^(198\.51\.100\.9|203\.0\.)/.test(to.address)));
	assert.ok(talker.messages.length - pings < 20, `${talker.messages.length - pings} messages`);
	assert.equal(talker.over, undefined, "the channel lives");
	talker.connection.close(0, "");
	await world.assertEmpty();
});

test("direct: after one move the peer's new address is probed three times, with nothing left when the channel ends before", async (t) => {
	const world = await rig(t);
	const bob = await world.peer("bob");
	let talker = await world.up(bob, T1);
	await world.clock.advance(3_000);
	const at = (): number => world.packets.filter(({ to }) => to.address === "198.51.100.9").length;
	world.hear({ type: "peer-moved", peer: "bob", address: { address: "::ffff:198.51.100.9", port: 9 } });
	await world.clock.advance(1_000);
	assert.equal(at(), 3);
	talker.connection.close(0, "");
	await world.clock.advance(0);
	talker = await world.up(bob, T2);
	world.hear({ type: "peer-moved", peer: "bob", address: { address: "198.51.100.9", port: 9 } });
	talker.connection.close(0, "");
	await world.clock.advance(1);
	await world.clock.advance(1_000);
	assert.ok(at() <= 4);
	await world.assertEmpty();
});

test("direct: a peer that breaks every channel at once is asked again once, not for ever", async (t) => {
	const world = await rig(t);
	const bob = await world.peer("bob");
	const requests = (): number => world.said.filter(({ type }) => type === "channel-request").length;
	for (let i = 0; i < 5; i++) {
		await world.up(bob, tokenOf(10 + i));
		bob.transport.lose();
		await world.clock.advance(100);
		if (requests() > 0) world.hear({ type: "channel-refused", request: requests(), code: "PEER_BUSY", reason: "no" });
	}
	assert.deepEqual([requests(), world.statuses.filter(({ state }) => state === "down").length], [1, 5]);
	await world.assertEmpty();
});

test("direct: a newer channel of the same peer takes the older one's place, whose streams end with PEER_LOST", async (t) => {
	const world = await rig(t);
	const bob = await world.peer("bob");
	const first = await world.up(bob, T1);
	const opening = world.direct
		.find("bob")
		?.openStream()
		.catch((error: { code: string }) => error.code);
	const second = await world.up(bob, T2);
	assert.deepEqual([first.over?.closeCode, second.over, await opening], [CLOSE_CODES.PATH_LOST, undefined, "PEER_LOST"]);
	assert.deepEqual([world.direct.channels().length, world.direct.find("bob")?.token], [1, T2]);
	first.connection.openStream({ kind: FRAME.OPEN, payload: new Uint8Array() }, first.handler);
	await world.clock.advance(10);
	assert.equal(world.streams.length, 0);
	second.connection.close(0, "");
	await world.assertEmpty();
});

test("direct: messages of a channel that is over, or of a peer that has none, touch nothing newer", async (t) => {
	const world = await rig(t);
	const bob = await world.peer("bob");
	const first = await world.up(bob, T1);
	first.say({ type: "close", reason: "done" });
	await world.clock.advance(0);
	const second = await world.up(bob, T2);
	world.hear({ type: "channel-cancelled", token: T1, reason: "late" });
	world.hear(bob.go(T1));
	first.connection.close(0, "");
	await world.clock.advance(5_000);
	assert.deepEqual([second.over, world.direct.find("bob")?.token], [undefined, T2]);
	second.connection.close(0, "");
	await world.assertEmpty();
});
