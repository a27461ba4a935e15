import assert from "node:assert/strict";
import { test } from "node:test";
import { create, EASY, type FakeSession, HARD } from "../../../testing/introduction-fixture.ts";
import type { ChannelGo } from "../../wire/channel-messages.ts";
import { decodeDatagram } from "../../wire/datagrams.ts";
import type { Session } from "../sessions/session.ts";

test("channels: the nearer of two waits for half of what their round trips differ by", () => {
	const { enter, ask, agree } = create();
	const [near, far] = [enter("near", "192.0.2.1", 20), enter("far", "192.0.2.2", 180)];
	ask(near, "far");
	agree(far);
	assert.deepEqual(
		[near, far].map((session) => session.got<ChannelGo>("channel-go")[0]?.waitMs),
		[80, 0],
	);
	ask(far, "near");
	agree(near);
	assert.deepEqual(
		[near, far].map((session) => session.got<ChannelGo>("channel-go")[1]?.waitMs),
		[80, 0],
	);
	const stuck = enter("stuck", "192.0.2.3", 60_000);
	ask(near, "stuck");
	agree(stuck);
	assert.equal(near.got<ChannelGo>("channel-go")[2]?.waitMs, 1_000, "not for ever");
});

test("channels: the time of an attempt runs from its request, whenever the consent comes", async () => {
	const { clock, enter, ask, agree, statuses } = create();
	const [a, b] = [enter("a", "192.0.2.1"), enter("b", "192.0.2.2")];
	ask(a, "b");
	await clock.advance(4_000);
	agree(b);
	assert.equal(a.got<ChannelGo>("channel-go")[0]?.deadlineMs, 6_000);
	await clock.advance(9_000);
	assert.deepEqual(
		statuses.map(({ outcome, reason }) => [outcome, reason]),
		[["failed", "neither side said what became of it"]],
	);
	const request = ask(a, "b");
	await clock.advance(9_900);
	assert.equal(a.got("channel-refused").length, 0);
	await clock.advance(200);
	assert.deepEqual(
		a.got<{ request: number; code: string }>("channel-refused").map(({ request: number, code }) => [number, code]),
		[[request, "PEER_TIMEOUT"]],
	);
	agree(b);
	assert.equal(a.got("channel-go").length, 1, "too late");
});

test("channels: an attempt that has begun and is given up, or loses a side, has failed, and is not remembered; beside a channel that is up nothing is said", () => {
	const { channels, enter, leave, say, ask, agree, statuses } = create();
	const [a, b] = [enter("a", "192.0.2.1"), enter("b", "192.0.2.2")];
	const begin = (from: FakeSession, to: FakeSession): { readonly request: number; readonly token: string } => {
		const request = ask(from, to.id);
		agree(to);
		return { request, token: (from.got<ChannelGo>("channel-go").at(-1) as ChannelGo).token };
	};
	const said = (): unknown[] => statuses.splice(0).map(({ peers, outcome, reason }) => [...peers, outcome, reason]);
	say(a, { type: "channel-cancel", request: begin(a, b).request });
	assert.deepEqual(said(), [["a", "b", "failed", '"a" has given up']]);
	assert.equal(channels.explain(a as unknown as Session, b as unknown as Session).reason, '"a" has given up');
	ask(a, "b", { auto: true });
	assert.equal(a.got("channel-refused").length, 0, "that says nothing of the path");
	agree(b);
	leave(b);
	assert.deepEqual(said(), [["a", "b", "failed", '"b" has left']]);
	const again = enter("b", "192.0.2.2");
	const [up, crossing] = [begin(a, again), begin(again, a)];
	say(a, { type: "channel-report", token: up.token, outcome: "up" });
	say(again, { type: "channel-cancel", request: crossing.request });
	assert.deepEqual(said(), [["a", "b", "up", undefined]]);
	say(a, { type: "channel-cancel", request: ask(a, "b") });
	assert.deepEqual(said(), [], "one that has not begun has not failed");
});

test("channels: at rest nothing is kept but who is there, and no timer runs; after the end nothing at all", async () => {
	const { clock, channels, enter, leave, say, ask, agree } = create();
	const [a, b, c] = [enter("a", "192.0.2.1"), enter("b", "192.0.2.2"), enter("c", "192.0.2.3")];
	for (const outcome of ["up", "failed"] as const) {
		ask(a, "b", { hosts: [{ address: "10.0.0.1", port: 9 }] });
		agree(b);
		const { token } = a.got<ChannelGo>("channel-go").at(-1) as ChannelGo;
		for (const side of [a, b]) say(side, { type: "channel-report", token, outcome });
		if (outcome === "up") say(a, { type: "channel-report", token, outcome: "down" });
	}
	ask(c, "a");
	c.connection.remoteAddress = { address: "198.51.100.3", port: 1 };
	channels.heard(c as unknown as Session);
	await clock.advance(90_000);
	assert.equal(clock.pending, 1, "who is there is looked at");
	for (const session of [a, b, c]) leave(session);
	await clock.advance(70_000);
	assert.deepEqual([channels.size, clock.pending], [0, 0]);
	const [d, e] = [enter("d", "192.0.2.1"), enter("e", "192.0.2.2")];
	ask(d, "e", { hosts: [{ address: "10.0.0.1", port: 9 }] });
	agree(e);
	ask(e, "d");
	assert.ok(channels.size > 0 && clock.pending === 1);
	channels.end();
	assert.deepEqual([channels.size, clock.pending], [0, 0]);
	for (const session of [d, e]) {
		ask(session, "d");
		leave(session);
	}
	assert.deepEqual([channels.size, clock.pending], [0, 0]);
});

test("channels: an attempt on the Coordinator's own machine, where nothing is counted, leaves nothing behind either", async () => {
	const { clock, channels, enter, leave, ask, agree } = create();
	const [a, b] = [enter("a", "127.0.0.1"), enter("b", "127.0.0.1")];
	ask(a, "b");
	agree(b);
	assert.equal(a.got("channel-go").length, 1);
	for (const session of [a, b]) leave(session);
	await clock.advance(30_000);
	assert.deepEqual([channels.size, clock.pending], [0, 0]);
});

test("channels: what a symmetric NAT lets hope for, before and after the target is known", () => {
	const { enter, ask, agree, channels } = create();
	const [hard, easy, other] = [enter("hard", "192.0.2.1"), enter("easy", "192.0.2.2"), enter("other", "192.0.2.3")];
	const auto = { auto: true, nat: HARD };
	ask(hard, "easy", auto);
	assert.equal(easy.got("channel-ask").length, 1, "nothing is known of it yet");
	agree(easy);
	assert.equal(hard.got<{ code: string }>("channel-refused").at(-1)?.code, "DIRECT_UNAVAILABLE");
	assert.deepEqual([easy.got("channel-cancelled").length, easy.got("channel-go").length], [1, 0]);
	ask(hard, "easy", auto);
	assert.deepEqual([hard.got("channel-refused").length, easy.got("channel-ask").length], [2, 1], "now it is");
	ask(hard, "easy", { ...auto, auto: false });
	agree(easy);
	assert.equal(easy.got("channel-go").length, 1, "who insists may try");
	ask(other, "easy", { auto: true });
	agree(easy);
	assert.equal(other.got("channel-go").length, 1);
	assert.match(channels.explain(hard as unknown as Session, other as unknown as Session).reason, /nobody has asked/);
});

test("channels: auto tries IPv6 where IPv4 has symmetric NATs, before and after the target is known, and what was said long ago counts no more", async () => {
	const { clock, enter, say, ask, agree } = create();
	const [a, b, c] = [enter("a", "192.0.2.1"), enter("b", "192.0.2.2"), enter("c", "192.0.2.3")];
	const six = (n: number): object => ({ nat: HARD, hosts: [{ address: `2001:db8:${n}::1`, port: 4_000 }] });
	for (let round = 1; round <= 2; round++) {
		ask(a, "b", { auto: true, ...six(1) });
		agree(b, six(2));
		const go = a.got<ChannelGo>("channel-go").at(-1) as ChannelGo;
		assert.deepEqual(
			go.candidates.map(({ address }) => address),
			["192.0.2.2", "2001:db8:2::1"],
		);
		for (const side of [a, b]) say(side, { type: "channel-report", token: go.token, outcome: "up" });
	}
	ask(c, "b", { auto: true, nat: HARD });
	assert.deepEqual([c.got<{ code: string }>("channel-refused").at(-1)?.code, b.got("channel-ask").length], ["DIRECT_UNAVAILABLE", 2]);
	// By then it may have been given IPv6, which nobody is told.
	await clock.advance(600_000);
	ask(a, "c", { auto: true, ...six(1) });
	assert.equal(c.got("channel-ask").length, 1);
});

test("channels: the birthday method is one at a time for a Client, 3 a minute for an address, and has half as long again", () => {
	const { enter, say, ask, agree } = create();
	const [hard, easy] = [enter("hard", "192.0.2.1"), enter("easy", "192.0.2.2")];
	const parts: (string | undefined)[] = [];
	const wanted = (from: FakeSession, to: FakeSession, outcome: "failed" | undefined): void => {
		ask(from, to.id, { auto: false, birthday: true, nat: from.id.startsWith("hard") ? HARD : EASY });
		agree(to, { birthday: true, nat: to.id.startsWith("hard") ? HARD : EASY });
		const { token, birthday, deadlineMs } = from.got<ChannelGo>("channel-go").at(-1) as ChannelGo;
		parts.push(birthday);
		assert.equal(deadlineMs, birthday === undefined ? 10_000 : 15_000);
		for (const side of [from, to]) if (outcome !== undefined) say(side, { type: "channel-report", token, outcome });
	};
	wanted(hard, easy, undefined);
	const third = enter("hard-2", "192.0.2.3");
	wanted(third, easy, "failed");
	assert.deepEqual(parts, ["hard", undefined], "easy is busy with the first");
	const { token } = hard.got<ChannelGo>("channel-go")[0] as ChannelGo;
	for (const side of [hard, easy]) say(side, { type: "channel-report", token, outcome: "failed" });
	wanted(third, easy, "failed");
	wanted(easy, hard, "failed");
	wanted(third, easy, "failed");
	assert.deepEqual(parts.slice(2), ["hard", "easy", undefined]);
});

test("channels: a challenge is sent twice at most, never to the Coordinator itself, and to one IP address within its budget", async () => {
	const { clock, channels, datagrams, enter, say } = create({ challengesPerMinute: 60 });
	const moved = enter("moved", "192.0.2.1");
	moved.connection.remoteAddress = { address: "198.51.100.1", port: 7 };
	channels.heard(moved as unknown as Session);
	channels.heard(moved as unknown as Session);
	assert.equal(datagrams.length, 1);
	await clock.advance(2_000);
	assert.deepEqual(
		datagrams.map(({ to }) => to),
		[moved.connection.remoteAddress, moved.connection.remoteAddress],
	);
	const challenge = decodeDatagram(datagrams[1]?.data ?? new Uint8Array());
	assert.ok(challenge.ok && challenge.value.content.type === "challenge");
	say(moved, { type: "address-echo", nonce: challenge.value.content.nonce });
	assert.deepEqual(moved.got("address"), [{ type: "address", observedAddress: moved.connection.remoteAddress }]);
	moved.connection.remoteAddress = { address: "198.51.100.1", port: 1719 };
	channels.heard(moved as unknown as Session);
	assert.equal(datagrams.length, 2);
	// 50 Clients whose packets are forged to come from one victim, again and again.
	const clients = Array.from({ length: 50 }, (_, i) => enter(`c-${i}`, `192.0.2.${i + 100}`));
	for (let round = 0; round < 5; round++) {
		for (const [i, client] of clients.entries()) {
			client.connection.remoteAddress = { address: "203.0.113.9", port: 1_000 * (round + 1) + i };
			channels.heard(client as unknown as Session);
		}
		await clock.advance(3_000);
	}
	// As many at once, a quarter of that in the 15 s of the rounds, two datagrams each.
	const toVictim = datagrams.filter(({ to }) => to.address === "203.0.113.9").length;
	assert.ok(toVictim >= 120 && toVictim <= 2 * (60 + 15), `${toVictim}`);
});

test("channels: what the connection shows once it has moved is given to nobody before it is proven", async () => {
	const { clock, enter, ask, agree } = create();
	const [liar, honest] = [enter("liar", "203.0.113.9"), enter("honest", "192.0.2.2")];
	liar.connection.remoteAddress = { address: "192.0.2.66", port: 1 };
	ask(liar, "honest");
	agree(honest);
	await clock.advance(1_000);
	assert.deepEqual(
		honest.got<ChannelGo>("channel-go").map(({ candidates }) => candidates.map(({ address }) => address)),
		[["203.0.113.9"]],
	);
});

test("channels: with the budget used up the requester is refused, not left waiting", () => {
	const { enter, ask, agree } = create({ punchReflexivePerMinute: 100 });
	const target = enter("target", "192.0.2.2");
	const codes: unknown[] = [];
	for (let i = 0; i < 5; i++) {
		const from = enter(`from-${i}`, `192.0.2.${100 + i}`);
		ask(from, "target");
		agree(target);
		codes.push(from.got<ChannelGo>("channel-go")[0]?.candidates[0]?.packets ?? from.got<{ code: string }>("channel-refused")[0]?.code);
	}
	assert.deepEqual(codes, [25, 25, 25, 25, "LIMIT_EXCEEDED"]);
});

/** What a session has been told to end. */
const told = (session: FakeSession): unknown[] => session.got<{ fingerprint: string }>("peer-denied").map(({ fingerprint }) => fingerprint);

test("channels: who has a channel with a denied key is told, by its own word, whatever the other side says and does", async () => {
	const { clock, channels, enter, leave, say, ask, agree, deny } = create();
	const [a, b, c] = [enter("a", "192.0.2.1"), enter("b", "192.0.2.2"), enter("c", "192.0.2.3")];
	const begin = (from: FakeSession, to: FakeSession): string => {
		ask(from, to.id);
		agree(to);
		return (from.got<ChannelGo>("channel-go").at(-1) as ChannelGo).token;
	};
	const [ab, cb] = [begin(a, b), begin(c, b)];
	for (const [session, token] of [
		[a, ab],
		[b, ab],
		[c, cb],
		[b, cb],
	] as const)
		say(session, { type: "channel-report", token, outcome: "up" });
	say(b, { type: "channel-report", token: ab, outcome: "down" });
	say(b, { type: "channel-report", token: cb, outcome: "failed" });
	leave(b);
	deny(`sha256:${"0".repeat(64)}`);
	assert.deepEqual([told(a), told(c)], [[], []]);
	deny(b.fingerprint);
	assert.deepEqual([told(a), told(c)], [[b.fingerprint], [b.fingerprint]]);
	say(a, { type: "channel-report", token: ab, outcome: "down" });
	deny(b.fingerprint);
	assert.deepEqual([told(a).length, told(c).length], [1, 2], "said again to who still has it, which is as good as once");
	for (const session of [a, c]) leave(session);
	await clock.advance(90_000);
	assert.equal(channels.size, 0);
});

test("channels: a Client that says which channels it has is told which of them end, and what was forgotten here counts all the same", async () => {
	const { clock, enter, leave, say, ask, agree, deny } = create();
	const [a, b] = [enter("a", "192.0.2.1"), enter("b", "192.0.2.2")];
	deny(b.fingerprint);
	const own = (n: number, fingerprint: string) => ({ token: n.toString(16).padStart(32, "0"), peer: "b", fingerprint });
	const other = `sha256:${"0".repeat(64)}`;
	say(a, { type: "channel-list", channels: [own(1, b.fingerprint), own(2, other), own(3, b.fingerprint)] });
	assert.deepEqual(told(a), [b.fingerprint], "once for all channels with one key");
	deny(other);
	assert.deepEqual(told(a), [b.fingerprint, other]);
	deny();
	// An attempt of which nothing was heard in time: its channel may come up later.
	ask(a, "b");
	agree(b);
	const { token } = a.got<ChannelGo>("channel-go")[0] as ChannelGo;
	leave(b);
	await clock.advance(60_000);
	deny(b.fingerprint);
	assert.deepEqual(told(a).slice(2), [b.fingerprint], "as 1 and 3 are up");
	say(a, { type: "channel-report", token, outcome: "up", peer: "b", fingerprint: b.fingerprint });
	assert.deepEqual(told(a).slice(3), [b.fingerprint]);
	const back = enter("a", "192.0.2.1");
	deny(b.fingerprint, other);
	assert.deepEqual(told(back), [], "a session that has said nothing");
});

test("channels: a Client with more channels than are kept is asked for them when keys are denied", () => {
	const { channels, enter, leave, say, deny } = create({ channels: 2 });
	const a = enter("a", "192.0.2.1");
	const own = (n: number) => ({ token: n.toString(16).padStart(32, "0"), peer: "b", fingerprint: `sha256:${n.toString(16).padStart(64, "0")}` });
	say(a, { type: "channel-list", channels: [own(1), own(2)] });
	deny(own(9).fingerprint);
	assert.deepEqual(a.heard, []);
	say(a, { type: "channel-list", channels: [own(3)] });
	deny(own(3).fingerprint);
	assert.deepEqual(a.heard, [{ type: "channel-list-wanted" }]);
	say(a, { type: "channel-list", channels: [own(1), own(2), own(3)] });
	assert.deepEqual(told(a), [own(3).fingerprint]);
	leave(a);
	assert.equal(channels.size, 0);
});

test("channels: nobody learns where a Client has moved to by saying that there is a channel with it", async () => {
	const { channels, datagrams, enter, say, ask, agree } = create();
	const [a, b, liar] = [enter("a", "192.0.2.1"), enter("b", "192.0.2.2"), enter("liar", "192.0.2.3")];
	const move = (session: FakeSession, port: number): void => {
		session.connection.remoteAddress = { address: "198.51.100.1", port };
		channels.heard(session as unknown as Session);
		const challenge = decodeDatagram(datagrams.at(-1)?.data ?? new Uint8Array());
		assert.ok(challenge.ok && challenge.value.content.type === "challenge");
		say(session, { type: "address-echo", nonce: challenge.value.content.nonce });
	};
	const token = "a".repeat(32);
	say(liar, { type: "channel-list", channels: [{ token, peer: "a", fingerprint: a.fingerprint }] });
	move(a, 1);
	assert.deepEqual(
		[liar.got("peer-moved"), liar.got("peer-changed"), channels.explain(a as unknown as Session, liar as unknown as Session).path],
		[[], [], "proxied"],
	);
	// Two that come back to a Coordinator that knows nothing of their channel.
	say(a, { type: "channel-list", channels: [{ token, peer: "b", fingerprint: b.fingerprint }] });
	say(b, { type: "channel-list", channels: [{ token, peer: "a", fingerprint: a.fingerprint }] });
	assert.equal(channels.explain(a as unknown as Session, b as unknown as Session).path, "direct");
	move(a, 2);
	assert.deepEqual([b.got("peer-moved").length, liar.got("peer-moved").length], [1, 0]);
	// Beyond the key there is the name: another key that has it now is told nothing.
	const usurper = enter("b", "192.0.2.9");
	say(usurper, { type: "channel-list", channels: [{ token, peer: "a", fingerprint: a.fingerprint }] });
	move(a, 3);
	assert.deepEqual([usurper.got("peer-moved"), b.got("peer-moved").length], [[], 1]);
	// An attempt that has only begun is none.
	ask(a, "liar");
	agree(liar);
	move(a, 4);
	assert.deepEqual(liar.got("peer-moved"), []);
});

test("channels: whoever says that a channel came of an attempt learns of no move of one that has not said so in time, or says that it has not", async () => {
	for (const silent of [true, false]) {
		for (const role of ["requester", "target"]) {
			const { clock, channels, datagrams, enter, say, ask, agree } = create();
			const [honest, liar] = [enter("honest", "192.0.2.1"), enter("liar", "192.0.2.3")];
			const [from, to] = role === "requester" ? [honest, liar] : [liar, honest];
			ask(from, to.id);
			agree(to);
			const { token, deadlineMs } = honest.got<ChannelGo>("channel-go")[0] as ChannelGo;
			say(liar, { type: "channel-report", token, outcome: "up", peer: "honest", fingerprint: honest.fingerprint });
			if (silent) await clock.advance(deadlineMs + 11_000);
			else say(honest, { type: "channel-report", token, outcome: "failed", reason: "it has expired" });
			honest.connection.remoteAddress = { address: "198.51.100.1", port: 1 };
			channels.heard(honest as unknown as Session);
			const challenge = decodeDatagram(datagrams.at(-1)?.data ?? new Uint8Array());
			assert.ok(challenge.ok && challenge.value.content.type === "challenge", "it was challenged");
			say(honest, { type: "address-echo", nonce: challenge.value.content.nonce });
			assert.deepEqual([honest.got("address").length, liar.got("peer-moved")], [1, []], `${role} ${silent}`);
		}
	}
});

test("channels: keys are looked up for a Client so often in a minute, and however much it has said before, it can say what it has when a key is denied", async () => {
	const { clock, enter, say, deny } = create();
	const [a, other] = [enter("a", "192.0.2.1"), enter("other", "192.0.2.2")];
	const key = `sha256:${"7".repeat(64)}`;
	deny(key);
	const own = (n: number) => ({ token: n.toString(16).padStart(32, "0"), peer: "x", fingerprint: key });
	for (let i = 0; i < 3_000; i++) {
		if (i % 2 === 0) say(a, { type: "channel-list", channels: [own(i)] });
		else say(a, { type: "channel-report", outcome: "up", ...own(i) });
	}
	assert.equal(a.got("peer-denied").length, 1_024);
	say(other, { type: "channel-list", channels: [own(1)] });
	assert.equal(other.got("peer-denied").length, 1, "others have their own");
	a.heard.length = 0;
	deny(key, `sha256:${"8".repeat(64)}`);
	assert.equal(a.got("channel-list-wanted").length, 1);
	a.heard.length = 0;
	say(a, { type: "channel-list", channels: [own(5_000)] });
	assert.deepEqual(
		a.got<{ fingerprint: string }>("peer-denied").map(({ fingerprint }) => fingerprint),
		[key],
	);
	for (let i = 0; i < 2_000; i++) say(a, { type: "channel-list", channels: [own(i)] });
	a.heard.length = 0;
	await clock.advance(60_000);
	say(a, { type: "channel-list", channels: [own(1)] });
	assert.equal(a.got("peer-denied").length, 1);
});
