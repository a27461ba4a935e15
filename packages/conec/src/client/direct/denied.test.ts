/** What a Client does when its Coordinator says that a key is not let in any more, and what it says of its channels. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { identityOf, Peer, type Rig, rig, tokenOf } from "../../../testing/direct-fixture.ts";
import { accept, RESUME } from "../../../testing/stream-fixture.ts";
import { CLOSE_CODES } from "../../wire/codes.ts";
import { FRAME } from "../../wire/frames.ts";
import { encodeOpen } from "../../wire/open.ts";

const [T1, T2, T3] = [tokenOf(1), tokenOf(2), tokenOf(3)];

const denied = (fingerprint: string) => ({ type: "peer-denied", fingerprint, reason: "its key is on the deny list" }) as const;

const own = ({ peer }: Peer, token: string) => ({ token, peer: peer.id, fingerprint: peer.fingerprint });

const reports = ({ said }: Rig, outcome: string) => said.filter((message) => message.type === "channel-report" && message.outcome === outcome);

test("direct: of a denied key the channels end, all of them and no others, at once and for good", async (t) => {
	const world = await rig(t);
	const [bob, eve] = [await world.peer("bob"), await world.peer("eve")];
	// The key of bob under another name.
	const robert = new Peer(world, "robert", await identityOf("bob"));
	const talkers = [await world.up(bob, T1), await world.up(eve, T2), await world.up(robert, T3)] as const;
	assert.deepEqual(
		reports(world, "up").map((report) => ({ ...report, address: undefined, rttMs: undefined, sent: undefined })),
		[own(bob, T1), own(eve, T2), own(robert, T3)].map((channel) => ({
			type: "channel-report",
			outcome: "up",
			...channel,
			...{ address: undefined, rttMs: undefined, sent: undefined },
		})),
	);
	world.hear(denied(`sha256:${"0".repeat(64)}`));
	await world.clock.advance(10);
	assert.equal(world.direct.channels().length, 3, "nobody's key");
	world.said.length = 0;
	const channels = world.direct.channels();
	world.hear(denied(bob.peer.fingerprint));
	// At once, though the connections have not ended yet.
	assert.deepEqual(
		world.direct.channels().map(({ peer }) => peer),
		["eve"],
	);
	await assert.rejects(channels[0]?.openStream() ?? Promise.resolve(), { code: "CHANNEL_CLOSED" });
	for (const talker of [talkers[0], talkers[2]]) {
		const payload = encodeOpen({ id: 1, metadata: undefined });
		talker.connection.openStream({ kind: FRAME.OPEN, payload }, talker.handler);
	}
	world.hear(denied(bob.peer.fingerprint));
	await world.clock.advance(10_000);
	assert.deepEqual(
		talkers.map(({ over }) => over?.closeCode),
		[CLOSE_CODES.DISCONNECTED, undefined, CLOSE_CODES.DISCONNECTED],
	);
	assert.deepEqual([talkers[0].over?.reason, world.streams], ["its key is on the deny list", []]);
	// Both are said to be down, once each, and no new ones are asked for.
	assert.deepEqual(
		world.said.map((message) => ("token" in message ? message.token : message.type)),
		[T1, T3],
	);
	// Nothing is remembered: when the key is let in again it may come.
	const again = await world.up(bob, tokenOf(4));
	again.connection.close(0, "");
	talkers[1].connection.close(0, "");
	await world.assertEmpty();
});

test("direct: the name of a denied key is nothing: another key that has it now keeps its channel", async (t) => {
	const world = await rig(t);
	const [older, newer] = [await world.peer("bob"), new Peer(world, "bob", await identityOf("bob-2"))];
	const first = await world.up(older, T1);
	const second = await world.up(newer, T2);
	await world.clock.advance(0);
	assert.equal(first.over?.closeCode, CLOSE_CODES.PATH_LOST, "a newer channel took its place");
	world.hear(denied(older.peer.fingerprint));
	await world.clock.advance(100);
	assert.deepEqual([second.over, world.direct.channels().length], [undefined, 1]);
	second.connection.close(0, "");
	await world.assertEmpty();
});

test("direct: a channel that is being closed, by either side, ends at once too", async (t) => {
	for (const by of ["this side", "the peer"]) {
		const world = await rig(t, {
			onStream: (incoming, channel) => {
				const stream = accept(incoming, channel.init({ id: 1 }, "stream 1"));
				channel.add(stream);
				// The peer never says that it has all of it.
				stream.close().catch(() => undefined);
			},
		});
		const bob = await world.peer("bob");
		const talker = await world.up(bob, T1);
		const [channel] = world.direct.channels();
		const deaf = { ...talker.handler, frame: () => undefined };
		talker.connection.openStream({ kind: FRAME.OPEN, payload: encodeOpen({ id: 1, resume: RESUME }) }, deaf);
		await world.clock.advance(0);
		if (by === "the peer") talker.say({ type: "close", reason: "soon" });
		else void channel?.close();
		await world.clock.advance(0);
		assert.deepEqual([world.direct.channels(), talker.over], [[], undefined], `${by}: it lingers`);
		world.hear(denied(bob.peer.fingerprint));
		await world.clock.advance(0);
		assert.equal(talker.over?.closeCode, CLOSE_CODES.DISCONNECTED, by);
		await channel?.closed;
		await world.assertEmpty();
	}
});

test("direct: attempts with a denied key end in whatever state they are, and others go on", async (t) => {
	let answer: (yes: boolean) => void = () => undefined;
	const world = await rig(t, {
		consents: (peer) =>
			peer.id === "thinking"
				? new Promise((resolve) => {
						answer = resolve;
					})
				: Promise.resolve(true),
	});
	const identity = await identityOf("bob");
	const [thinking, agreed, begun, dialled] = ["thinking", "agreed", "begun", "dialled"].map((id) => new Peer(world, id, identity)) as [Peer, Peer, Peer, Peer];
	const eve = await world.peer("eve");
	world.hear(thinking.ask(T1));
	world.hear(agreed.ask(T2));
	await begun.begin(T3);
	await eve.begin(tokenOf(5));
	const opening = assert.rejects(world.direct.connect("dialled"), { code: "PEER_UNKNOWN" });
	await world.clock.advance(0);
	world.hear(dialled.go(tokenOf(4), { role: "dial", request: 1 }));
	await world.clock.advance(0);
	world.said.length = 0;
	world.hear(denied(identity.fingerprint));
	// What packets of the two that had begun were sent is told. The caller has asked for a name, so the Coordinator is asked once more who has it now.
	await world.clock.advance(0);
	assert.deepEqual(
		world.said.map((message) => [message.type, message.type === "channel-report" && message.outcome]),
		[
			["channel-report", "failed"],
			["channel-report", "failed"],
			["channel-request", false],
		],
	);
	world.said.length = 0;
	world.hear({ type: "channel-refused", request: 2, code: "PEER_UNKNOWN", reason: "peer is not connected" });
	await opening;
	answer(true);
	for (const [peer, token] of [
		[thinking, T1],
		[agreed, T2],
		[begun, T3],
	] as const)
		world.hear(peer.go(token));
	await world.clock.advance(0);
	assert.deepEqual(world.said, [], "no answer");
	assert.ok((await begun.greet(T3)).over !== undefined, "it is not let in");
	const talker = await eve.greet(tokenOf(5));
	assert.deepEqual([talker.messages[0]?.["type"], world.direct.channels().map(({ peer }) => peer)], ["welcome", ["eve"]]);
	talker.connection.close(0, "");
	await world.assertEmpty();
});

test("direct: a Client that comes back says which channels it has, and again when it is asked; with none it says nothing", async (t) => {
	const world = await rig(t);
	world.direct.announce();
	assert.deepEqual(world.said, []);
	const [bob, eve] = [await world.peer("bob"), await world.peer("eve")];
	const talkers = [await world.up(bob, T1), await world.up(eve, T2)];
	world.lose();
	world.direct.announce();
	world.regain();
	world.said.length = 0;
	world.direct.announce();
	world.hear({ type: "channel-list-wanted" });
	const list = { type: "channel-list", channels: [own(bob, T1), own(eve, T2)] } as const;
	assert.deepEqual(world.said, [list, list]);
	for (const talker of talkers) talker.connection.close(0, "");
	await world.assertEmpty();
});

test("direct: that an attempt is over says nothing of the channel that has come of it", async (t) => {
	const world = await rig(t);
	const bob = await world.peer("bob");
	const talker = await world.up(bob, T1);
	// The peer has lost its Coordinator in the very moment.
	world.hear({ type: "channel-cancelled", token: T1, reason: "the peer has left" });
	await world.clock.advance(100);
	assert.deepEqual([talker.over, world.direct.channels().length], [undefined, 1]);
	talker.connection.close(0, "");
	await world.assertEmpty();
});
