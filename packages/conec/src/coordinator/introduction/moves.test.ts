/** Clients that have moved, while they were idle, while they call, while they are called, and while an attempt is under way. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { create, type FakeSession, HARD } from "../../../testing/introduction-fixture.ts";
import type { ChannelGo, NatReport } from "../../wire/channel-messages.ts";
import { decodeDatagram } from "../../wire/datagrams.ts";

const HOME = "192.0.2.1";
const AWAY = { address: "198.51.100.7", port: 7_000 };
const candidatesOf = (session: FakeSession): unknown[] =>
	(session.got<ChannelGo>("channel-go").at(-1)?.candidates ?? []).map(({ address, port }) => `${address}:${port}`);

/** It is somewhere else now, and has told nobody: another port, another address, another family. */
const MOVES = [
	["its NAT gives it another port", { address: HOME, port: 4_001 }],
	["its router has another address", AWAY],
	["from IPv4 to IPv6", { address: "2001:db8::7", port: 4_000 }],
] as const;

function scene(limits: Parameters<typeof create>[0] = {}) {
	const made = create(limits);
	/** It gets the newest challenge that was sent to where it is. */
	const echo = (session: FakeSession): boolean => {
		const { address, port } = session.connection.remoteAddress;
		const sent = made.datagrams.filter(({ to }) => to.address === address && to.port === port).at(-1);
		const datagram = decodeDatagram(sent?.data ?? new Uint8Array());
		if (!datagram.ok || datagram.value.content.type !== "challenge") return false;
		made.say(session, { type: "address-echo", nonce: datagram.value.content.nonce });
		return true;
	};
	return { ...made, echo };
}

for (const [how, to] of MOVES) {
	test(`channels: an idle Client that has moved is found within a second, and called where it is (${how})`, async () => {
		const { clock, enter, ask, agree, echo } = scene();
		const [idle, caller] = [enter("idle", HOME), enter("caller", "192.0.2.2")];
		await clock.advance(20_000);
		idle.connection.remoteAddress = to;
		await clock.advance(1_000);
		assert.ok(echo(idle), "it was not challenged");
		assert.deepEqual(idle.got("address"), [{ type: "address", observedAddress: to }]);
		ask(caller, "idle");
		agree(idle);
		assert.deepEqual(candidatesOf(caller), [`${to.address}:${to.port}`]);
	});

	test(`channels: an attempt waits for the challenge of one that has just moved, whoever calls (${how})`, async () => {
		for (const mover of ["caller", "called"]) {
			const { clock, enter, ask, agree, echo } = scene();
			const [moved, other] = [enter("moved", HOME), enter("other", "192.0.2.2")];
			await clock.advance(20_500);
			moved.connection.remoteAddress = to;
			const [from, at] = mover === "caller" ? [moved, other] : [other, moved];
			ask(from, at.id);
			agree(at);
			await clock.advance(200);
			assert.deepEqual([from.got("channel-go"), at.got("channel-go")], [[], []], mover);
			assert.ok(echo(moved), mover);
			assert.deepEqual(candidatesOf(other), [`${to.address}:${to.port}`], mover);
			assert.deepEqual([from.got("channel-go").length, at.got("channel-go").length], [1, 1]);
			await clock.advance(5_000);
			assert.deepEqual([from.got("channel-go").length, at.got("channel-go").length], [1, 1], "once");
		}
	});
}

test("channels: an attempt waits a second at most, also for one whose address is another one all the time", async () => {
	const { clock, enter, ask, agree } = scene();
	const [liar, other] = [enter("liar", HOME), enter("other", "192.0.2.2")];
	await clock.advance(20_500);
	liar.connection.remoteAddress = AWAY;
	ask(other, "liar");
	agree(liar);
	for (let i = 1; i <= 9; i++) {
		liar.connection.remoteAddress = { ...AWAY, port: AWAY.port + i };
		assert.equal(other.got("channel-go").length, 0);
		await clock.advance(100);
	}
	await clock.advance(200);
	assert.deepEqual(candidatesOf(other), [`${HOME}:4000`], "where it was proven to be");
});

test("channels: one that seems to have moved and is back is called at once", async () => {
	const { clock, enter, ask, agree } = scene();
	const [forged, other] = [enter("forged", HOME), enter("other", "192.0.2.2")];
	await clock.advance(20_500);
	const at = forged.connection.remoteAddress;
	forged.connection.remoteAddress = AWAY;
	ask(other, "forged");
	forged.connection.remoteAddress = at;
	agree(forged);
	assert.deepEqual(candidatesOf(other), [`${HOME}:4000`]);
});

test("channels: an attempt that waits for an address ends like any other", async () => {
	for (const end of ["cancelled", "requester leaves", "target leaves", "stopped", "refused after all"]) {
		const { clock, channels, enter, leave, say, ask, agree, echo } = scene();
		const [moved, other] = [enter("moved", HOME), enter("other", "192.0.2.2")];
		await clock.advance(20_500);
		moved.connection.remoteAddress = AWAY;
		const request = ask(other, "moved");
		agree(moved);
		if (end === "cancelled") say(other, { type: "channel-cancel", request });
		if (end === "requester leaves") leave(other);
		if (end === "target leaves") leave(moved);
		if (end === "stopped") channels.stop();
		if (end === "refused after all") {
			const { token } = moved.got<{ token: string }>("channel-ask")[0] ?? { token: "" };
			say(moved, { type: "channel-answer", token, accept: false, code: "DECLINED" });
		}
		echo(moved);
		await clock.advance(2_000);
		const goes = end === "refused after all" ? 1 : 0;
		assert.deepEqual([moved.got("channel-go").length, other.got("channel-go").length], [goes, goes], end);
		const told = other.got<{ code: string }>("channel-refused").map(({ code }) => code);
		assert.deepEqual(told, end === "target leaves" ? ["PEER_LOST"] : end === "stopped" ? ["COORDINATOR_CLOSED"] : [], end);
		assert.equal(moved.got("channel-cancelled").length, end === "cancelled" || end === "requester leaves" ? 1 : 0, end);
	}
});

test("channels: what was said of a NAT that a Client is not behind any more is worth nothing", async () => {
	const { clock, enter, ask, agree, echo } = scene();
	const [moved, other] = [enter("moved", HOME), enter("other", "192.0.2.2")];
	ask(moved, "other", { nat: HARD });
	agree(other, { nat: HARD });
	await clock.advance(20_500);
	moved.connection.remoteAddress = AWAY;
	ask(moved, "other", { auto: true, nat: HARD });
	agree(other, { nat: HARD });
	await clock.advance(100);
	echo(moved);
	const go = other.got<ChannelGo>("channel-go").at(-1);
	const unknown: NatReport = { mapping: "unknown", filtering: "unknown" };
	assert.deepEqual([go?.nat, other.got("channel-go").length], [unknown, 2], "it was tried");
	const third = enter("third", "192.0.2.3");
	ask(third, "moved", { auto: true, nat: HARD });
	assert.equal(moved.got("channel-ask").length, 1, "nothing is known of its new one");
});

test("channels: nothing is remembered of an attempt during which one of the two has moved, and both are told", async () => {
	for (const mover of ["requester", "target"]) {
		for (const when of ["before it was seen", "while it was challenged", "and has said so"]) {
			const { clock, enter, say, ask, agree, echo } = scene();
			const [requester, target] = [enter("a", HOME), enter("b", "192.0.2.2")];
			const moved = mover === "requester" ? requester : target;
			const still = moved === requester ? target : requester;
			await clock.advance(20_100);
			ask(requester, "b", { auto: true });
			agree(target);
			const { token } = requester.got<ChannelGo>("channel-go")[0] as ChannelGo;
			moved.connection.remoteAddress = AWAY;
			if (when !== "before it was seen") await clock.advance(1_000);
			if (when === "and has said so") assert.ok(echo(moved));
			for (const session of [still, moved]) say(session, { type: "channel-report", token, outcome: "failed", reason: "no answer" });
			if (when !== "and has said so") {
				await clock.advance(1_000);
				assert.ok(echo(moved), when);
			}
			assert.equal(still.got("peer-changed").length, 1, `${mover} ${when}: whoever stayed is told`);
			ask(requester, "b", { auto: true });
			agree(target);
			assert.deepEqual([requester.got("channel-refused"), requester.got("channel-go").length], [[], 2], `${mover} ${when}`);
		}
	}
});

test("channels: a peer that did not want, or could not, is asked again when it has moved, has left, or is another process", async () => {
	type Answer = (made: ReturnType<typeof scene>, from: FakeSession, peer: FakeSession) => void;
	const answers: Record<string, Answer> = {
		declined: ({ ask, say }, from, peer) => {
			ask(from, "peer", { auto: true });
			const { token } = peer.got<{ token: string }>("channel-ask").at(-1) ?? { token: "" };
			say(peer, { type: "channel-answer", token, accept: false, code: "DECLINED" });
		},
		"declined, insisted on": ({ ask, say }, from, peer) => {
			ask(from, "peer");
			const { token } = peer.got<{ token: string }>("channel-ask").at(-1) ?? { token: "" };
			say(peer, { type: "channel-answer", token, accept: false, code: "DECLINED" });
		},
		"declined, where a channel is said to be up": (made, from, peer) => {
			made.ask(from, "peer");
			made.agree(peer);
			const { token } = from.got<ChannelGo>("channel-go").at(-1) as ChannelGo;
			for (const side of [from, peer]) made.say(side, { type: "channel-report", token, outcome: "up" });
			answers["declined"]?.(made, from, peer);
		},
		"its certificate is too long": ({ ask }, from, peer) => {
			peer.connection.peer = peer.proves(new Uint8Array(100_000));
			ask(from, "peer", { auto: true });
		},
		"takes no part": ({ ask }, from) => void ask(from, "peer", { auto: true }),
	};
	for (const [how, answer] of Object.entries(answers)) {
		for (const change of ["moves", "leaves"]) {
			const partless = how === "takes no part";
			if (partless && change === "moves") continue;
			const made = scene();
			const [from, stranger] = [made.enter("from", HOME), made.enter("stranger", "192.0.2.9")];
			const peer = partless ? made.enterWithout("peer", "192.0.2.2") : made.enter("peer", "192.0.2.2");
			await made.clock.advance(20_000);
			answer(made, from, peer);
			const { code, retryAfterMs } = from.got<{ code: string; retryAfterMs?: number }>("channel-refused").at(-1) ?? {};
			assert.deepEqual([code, retryAfterMs], ["DIRECT_UNAVAILABLE", undefined], how);
			if (change === "leaves") made.leave(peer);
			else {
				peer.connection.remoteAddress = AWAY;
				await made.clock.advance(2_000);
				assert.ok(made.echo(peer), "it was not challenged");
			}
			assert.deepEqual(from.got("peer-changed"), [{ type: "peer-changed", peer: "peer" }], `${how}, ${change}`);
			assert.deepEqual(stranger.got("peer-changed"), [], `${how}, ${change}`);
		}
	}
});

test("channels: a hundred idle Clients behind one router that gets another address are all found within seconds, whatever attempts name that address", async () => {
	const { clock, datagrams, enter, say, ask, agree, echo } = scene();
	const [one, two] = [enter("one", "192.0.2.200"), enter("two", "192.0.2.201")];
	const many = Array.from({ length: 100 }, (_, n) => enter(`c${n}`, HOME));
	for (const session of many) session.connection.remoteAddress = { address: HOME, port: 4_000 };
	for (let i = 0; i < 10; i++) {
		const request = ask(one, "two", { hosts: [{ address: AWAY.address, port: 9 }] });
		agree(two, { hosts: [] });
		say(one, { type: "channel-cancel", request });
	}
	await clock.advance(5_000);
	// Again and again: an answer gives back what a challenge has taken.
	for (let move = 0; move < 5; move++) {
		datagrams.length = 0;
		for (const [n, session] of many.entries()) session.connection.remoteAddress = { ...AWAY, port: 5_000 + 1_000 * move + n };
		await clock.advance(2_000);
		assert.equal(many.filter(echo).length, 100, `move ${move}`);
		assert.ok(many.every((session) => session.got("address").length === move + 1));
	}
});

test("channels: nothing is remembered of an attempt at an address where a Client seems not to be, though no challenge could be sent", async () => {
	const made = scene({ challengesPerMinute: 0 });
	const { clock, datagrams, enter, say, ask, agree } = made;
	const [moved, other] = [enter("moved", HOME), enter("other", "192.0.2.2")];
	moved.connection.remoteAddress = AWAY;
	await clock.advance(10_000);
	for (let i = 1; i <= 3; i++) {
		ask(other, "moved", { auto: true });
		agree(moved);
		const { token } = other.got<ChannelGo>("channel-go").at(-1) as ChannelGo;
		for (const session of [other, moved]) say(session, { type: "channel-report", token, outcome: "failed", reason: "no answer", sent: [] });
		assert.deepEqual([other.got("channel-refused"), other.got("channel-go").length, datagrams.length], [[], i, 0]);
	}
});

test("channels: the second port answers anew for a Client that has moved", async () => {
	const renewed: unknown[] = [];
	const reflected = { mark: "session" };
	const { clock, datagrams, enter, say } = create({}, {
		port: 1720,
		sessions: 0,
		admit: () => reflected,
		dismiss: () => undefined,
		renew: (session: unknown) => renewed.push(session),
		test: () => true,
		close: () => undefined,
	} as unknown as Parameters<typeof create>[1]);
	const moved = enter("moved", HOME);
	moved.connection.remoteAddress = AWAY;
	await clock.advance(1_000);
	const challenge = decodeDatagram(datagrams.at(-1)?.data ?? new Uint8Array());
	assert.ok(challenge.ok && challenge.value.content.type === "challenge");
	say(moved, { type: "address-echo", nonce: challenge.value.content.nonce });
	say(moved, { type: "address-echo", nonce: challenge.value.content.nonce });
	assert.deepEqual(renewed, [reflected], "once for each move");
});
