/** Who gets a channel: the holder of the announced certificate, with the token of this attempt, once and in time. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { identityOf, LOCAL, Peer, rig, tokenOf } from "../../../testing/direct-fixture.ts";
import { createCertificateAuthority, issueCertificate } from "../../tls/certificate-authority.ts";
import { parseIdentity } from "../../tls/identity.ts";
import { readCertificates } from "../../tls/pem.ts";
import { CLOSE_CODES } from "../../wire/codes.ts";
import { FRAME } from "../../wire/frames.ts";
import { encodeOpen } from "../../wire/open.ts";

const [T1, T2, T3] = [tokenOf(1), tokenOf(2), tokenOf(3)];
const HELLO = {
	type: "hello",
	versions: [2],
	token: T1,
	capabilities: [],
	limits: { messageBytes: 1_048_576, metadataBytes: 1_024, connectionWindowBytes: 1_048_576 },
} as const;
const FOREIGN = "f".repeat(32);

test("direct: another certificate than the announced one does not get through the handshake, whatever token it has", async (t) => {
	const world = await rig(t);
	const [bob, mallory] = [await world.peer("bob"), await identityOf("mallory")];
	await bob.begin(T1);
	const talker = await bob.greet(T1, mallory);
	assert.equal(talker.over?.by, "error");
	const good = await bob.greet(T1);
	assert.deepEqual([good.messages[0]?.["type"], world.direct.channels().map(({ peer }) => peer)], ["welcome", ["bob"]]);
	good.connection.close(0, "");
	await world.assertEmpty();
});

test("direct: the right certificate with a wrong, foreign, used or late token, or no good hello, gets no channel", async (t) => {
	const world = await rig(t);
	const [bob, eve] = [await world.peer("bob"), await world.peer("eve")];
	for (const [token, peer] of [
		[T1, bob],
		[T2, eve],
	] as const) {
		world.hear(peer.ask(token));
		await world.clock.advance(0);
		world.hear(peer.go(token));
	}
	await world.clock.advance(0);
	const refused = async (what: string, peer: Peer, message: unknown, kind?: number): Promise<void> => {
		const talker = (await peer.dial()).say(message, kind);
		await world.clock.advance(0);
		assert.deepEqual([talker.over?.by, talker.over?.closeCode, talker.messages], ["peer", CLOSE_CODES.PROTOCOL_ERROR, []], what);
	};
	await refused("wrong", bob, { ...HELLO, token: FOREIGN });
	await refused("that of another's attempt", bob, { ...HELLO, token: T2 });
	await refused("no token", bob, { ...HELLO, token: undefined });
	await refused("no hex", bob, { ...HELLO, token: "__proto__" });
	await refused("no version in common", bob, { ...HELLO, versions: [1] });
	await refused("another message", bob, { type: "ping", nonce: 1 });
	await refused("of the Coordinator's protocol", bob, { type: "hello", versions: [2], id: "bob", key: "kept", capabilities: [] });
	await refused("a stream before hello", bob, HELLO, FRAME.OPEN);
	const talker = await bob.greet(T1);
	assert.equal(talker.messages[0]?.["type"], "welcome");
	// Eve is still expected, but bob is no more.
	assert.equal((await bob.greet(T1)).over?.by, "error", "used");
	const [channel] = world.direct.channels();
	assert.deepEqual([world.direct.channels().length, channel?.peer, talker.over], [1, "bob", undefined]);
	await world.clock.advance(20_000);
	await assert.rejects(Promise.all([eve.dial(), world.clock.advance(2_000)]), { code: "COORDINATOR_UNREACHABLE" }, "late: nobody listens");
	talker.connection.close(0, "");
	await world.assertEmpty();
});

test("direct: two connections with one token at once: one channel", async (t) => {
	const world = await rig(t);
	const bob = await world.peer("bob");
	await bob.begin(T1);
	const talkers = [await bob.dial(), await bob.dial(), await bob.dial()];
	for (const talker of talkers) talker.say(HELLO);
	await world.clock.advance(10);
	assert.deepEqual(
		talkers.map(({ over, messages }) => over?.closeCode ?? messages[0]?.["type"]),
		["welcome", CLOSE_CODES.PROTOCOL_ERROR, CLOSE_CODES.PROTOCOL_ERROR],
	);
	assert.equal(world.direct.channels().length, 1);
	talkers[0]?.connection.close(0, "");
	await world.assertEmpty();
});

test("direct: a hello that never comes holds a place for its time and no longer", async (t) => {
	const world = await rig(t);
	const bob = await world.peer("bob");
	await bob.begin(T1);
	const mute = await bob.dial();
	await world.clock.advance(5_001);
	assert.equal(mute.over?.closeCode, CLOSE_CODES.HELLO_TIMEOUT);
	await world.assertEmpty();
});

test("direct: a welcome that never comes, or is none, fails the attempt and its connection, and the caller is told", async (t) => {
	for (const answer of ["silence", "another version", "ping", "close", "end"]) {
		const world = await rig(t);
		const bob = await world.peer("bob");
		let connection: { closeCode?: number | undefined } | undefined;
		bob.accept((incoming, talker) => {
			talker.stream = incoming.accept(talker.handler);
			talker.connection.confirm();
			void talker.connection.closed.then((info) => {
				connection = info;
			});
			if (answer === "another version")
				talker.say({ type: "welcome", version: 7, capabilities: [], limits: { messageBytes: 1_000, metadataBytes: 100, connectionWindowBytes: 1_048_576 } });
			if (answer === "ping")
				talker.say({
					type: "hello",
					versions: [2],
					token: T1,
					capabilities: [],
					limits: { messageBytes: 1_048_576, metadataBytes: 1_024, connectionWindowBytes: 1_048_576 },
				});
			if (answer === "close") talker.say({ type: "close", reason: "no" });
			if (answer === "end") talker.connection.close(CLOSE_CODES.CERTIFICATE_REFUSED, "no");
		});
		const opening = assert.rejects(world.direct.connect("bob"), { code: "DIRECT_UNAVAILABLE" }, answer);
		await world.clock.advance(0);
		world.hear(bob.go(T1, { role: "dial", request: 1 }));
		bob.answerProbes(T1, "accept");
		await world.clock.advance(11_000);
		await opening;
		assert.ok(connection !== undefined, answer);
		assert.equal(world.dials.length, 1, answer);
		await world.assertEmpty();
	}
});

test("direct: with authorities for peers, neither side believes the Coordinator about a name", async (t) => {
	const ca = await createCertificateAuthority({ name: "ours" });
	const mallory = await issueCertificate(ca, "mallory");
	const identity = parseIdentity(mallory.certificate, mallory.privateKey);
	const world = await rig(t, { peerRoots: readCertificates(ca.certificate) });
	// The Coordinator says that mallory is bob, with the certificate that the authority has issued to mallory, and one of nobody's.
	for (const [i, shown] of [identity, await identityOf("bob")].entries()) {
		const bob = new Peer(world, "bob", shown);
		const token = tokenOf(20 + i);
		await bob.begin(token);
		const talker = await bob.greet(token);
		assert.equal(talker.over?.closeCode, CLOSE_CODES.CERTIFICATE_REFUSED);
		await world.clock.advance(10_000);
		let hello = 0;
		bob.accept((incoming, dialled) => {
			hello++;
			dialled.stream = incoming.accept(dialled.handler);
		});
		const opening = assert.rejects(world.direct.connect("bob"), { code: "DIRECT_UNAVAILABLE" });
		await world.clock.advance(0);
		const dialToken = tokenOf(30 + i);
		world.hear(bob.go(dialToken, { role: "dial", request: i + 1 }));
		bob.answerProbes(dialToken, "accept");
		await world.clock.advance(10_000);
		await opening;
		assert.deepEqual([hello, world.direct.channels()], [0, []], "it learns no token");
	}
	await world.assertEmpty();
});

test("direct: a stream's opener is who the certificate says, whatever it writes into OPEN", async (t) => {
	const world = await rig(t);
	const bob = await world.peer("bob");
	const talker = await world.up(bob, T3);
	const payload = encodeOpen({ id: 1, metadata: undefined });
	const claimed = new TextEncoder().encode(JSON.stringify({ ...JSON.parse(Buffer.from(payload).toString()), from: "alice", to: "dave", peer: "alice" }));
	talker.connection.openStream({ kind: FRAME.OPEN, payload: claimed }, talker.handler);
	await world.clock.advance(0);
	assert.deepEqual([world.streams.length, world.direct.channels().map(({ peer }) => peer)], [1, ["bob"]]);
	assert.equal(world.streams[0]?.connection, world.direct.find("bob")?.connection);
	talker.connection.close(0, "");
	await world.assertEmpty();
	assert.equal(world.transport.address.address, LOCAL);
});

test("direct: each of 20,000 pings of a peer that reads is answered, only a message out of place ends its channel, and another's goes on", async (t) => {
	const world = await rig(t, { bounds: { controlMessagesPerSecond: 1_000_000 } });
	const [bob, eve] = [await world.peer("bob"), await world.peer("eve")];
	const [quiet, loud] = [await world.up(bob, T1), await world.up(eve, T2)];
	for (let i = 0; i < 20_000; i++) loud.say({ type: "ping", nonce: i });
	await world.clock.advance(100);
	const answered = loud.messages.length;
	// It reads, so each is answered; did it not, that would end it.
	assert.deepEqual([answered, loud.over], [20_001, undefined]);
	loud.say({ type: "welcome", version: 2, capabilities: [], limits: { messageBytes: 1, metadataBytes: 1, connectionWindowBytes: 1_048_576 } });
	await world.clock.advance(100);
	assert.equal(loud.over?.closeCode, CLOSE_CODES.PROTOCOL_ERROR);
	quiet.say({ type: "ping", nonce: 5 });
	await world.clock.advance(0);
	assert.deepEqual([quiet.messages.at(-1), quiet.over], [{ type: "pong", nonce: 5 }, undefined]);
	quiet.connection.close(0, "");
	await world.assertEmpty();
});
