/** Direct channels at the Coordinator: what it carries between two Clients that say everything themselves, good and bad. */

import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test } from "node:test";
import type { ChannelAsk, ChannelGo } from "../packages/conec/src/wire/channel-messages.ts";
import { decodeDatagram } from "../packages/conec/src/wire/datagrams.ts";
import { directScene, OFFER, type Wire } from "./direct-world.ts";
import { until } from "./entities-world.ts";

const DEPENDENT = { mapping: "dependent", filtering: "by-port" } as const;

test("direct broker: question, consent, and both learn who, where and how", async (t) => {
	const { coordinator, enter, introduce, statuses } = await directScene(t);
	const [ann, ben] = await Promise.all([enter("ann"), enter("ben")]);
	assert.ok((ann.got("welcome")[0]?.["capabilities"] as string[] | undefined)?.includes("direct"));
	const { request, ask, dial, accept } = await introduce(ann, ben);
	const [annInfo, benInfo] = ["ann", "ben"].map((id) => coordinator.clients().find((client) => client.id === id));
	assert.deepEqual(ask, { type: "channel-ask", token: ask.token, peer: { id: "ann", fingerprint: annInfo?.fingerprint }, expiresInMs: 10_000 });
	assert.match(ask.token, /^[0-9a-f]{32}$/);
	assert.deepEqual(
		{ ...dial, certificate: "", deadlineMs: 0 },
		{
			...{ type: "channel-go", token: ask.token, request, role: "dial", peer: { id: "ben", fingerprint: benInfo?.fingerprint }, certificate: "" },
			candidates: [{ ...ben.transport.address, kind: "reflexive", packets: 64 }],
			...{ nat: OFFER.nat, punch: true, waitMs: 0, deadlineMs: 0 },
		},
	);
	assert.deepEqual(accept.candidates, [{ ...ann.transport.address, kind: "reflexive", packets: 64 }]);
	assert.deepEqual([accept.role, accept.request, accept.peer.id], ["accept", undefined, "ann"]);
	assert.ok(dial.deadlineMs > 5_000 && dial.deadlineMs <= 10_000, "what is left of the request's time");
	assert.equal(coordinator.explain("ann", "ben")?.path, "proxied");
	ann.say({ type: "channel-report", token: dial.token, outcome: "up", address: { address: "::ffff:192.0.2.7", port: 7 }, rttMs: 12.5 });
	ben.say({ type: "channel-report", token: dial.token, outcome: "up", address: { address: "192.0.2.8", port: 8 } });
	await Promise.all([ann.settled(), ben.settled()]);
	const report = coordinator.explain("ann", "ben");
	assert.deepEqual([report?.path, report?.address, report?.rttMs, report?.candidates], ["direct", { address: "192.0.2.7", port: 7 }, 12.5, dial.candidates]);
	assert.deepEqual(report?.nat, { own: OFFER.nat, peer: OFFER.nat });
	assert.deepEqual(coordinator.explain("ben", "ann")?.peers, ["ben", "ann"]);
	ben.say({ type: "channel-report", token: dial.token, outcome: "down", reason: "closed" });
	await ben.settled();
	assert.deepEqual([coordinator.explain("ann", "ben")?.path, coordinator.explain("ann", "ben")?.reason], ["proxied", "closed"]);
	const events = (): unknown[] => statuses.flatMap((status) => (status.type === "channel" ? [[...status.peers, status.outcome]] : []));
	await until(() => events().length === 2);
	assert.deepEqual(events(), [
		["ann", "ben", "up"],
		["ann", "ben", "down"],
	]);
	assert.equal(coordinator.explain("ann", "nobody"), undefined);
	assert.throws(() => coordinator.explain("Ann", "ben"), { name: "TypeError", code: "ID_INVALID" });
});

test("direct broker: no address and no certificate before consent, and a no reaches only who asked", async (t) => {
	const { enter } = await directScene(t);
	const [ann, ben, eve] = await Promise.all([enter("ann"), enter("ben"), enter("eve")]);
	for (const [code, expected] of [
		["DECLINED", "DIRECT_UNAVAILABLE"],
		["CROSSED", "CROSSED"],
		["BUSY", "PEER_BUSY"],
	]) {
		const count = ben.got("channel-ask").length + 1;
		const request = ann.request("ben");
		const ask = await ben.gets<ChannelAsk>("channel-ask", count);
		assert.deepEqual(Object.keys(ask).sort(), ["expiresInMs", "peer", "token", "type"]);
		ben.say({ type: "channel-answer", token: ask.token, accept: false, code });
		const refused = await ann.gets("channel-refused", count);
		assert.deepEqual([refused["request"], refused["code"]], [request, expected]);
		// Used up.
		ben.say({ type: "channel-answer", token: ask.token, accept: true, ...OFFER });
	}
	await Promise.all([ben.settled(), ann.settled(), eve.settled()]);
	assert.deepEqual([ann.got("channel-go"), ben.got("channel-go"), eve.got("channel-ask")], [[], [], []]);
});

test("direct broker: what cannot be is refused at once, with a code", async (t) => {
	const { enter } = await directScene(t);
	const [ann] = await Promise.all([enter("ann"), enter("old", [])]);
	for (const [peer, code] of [
		["nobody", "PEER_UNKNOWN"],
		["old", "DIRECT_UNAVAILABLE"],
		["ann", "DIRECT_UNAVAILABLE"],
	] as const) {
		const request = ann.request(peer);
		const refused = await ann.gets("channel-refused", request);
		assert.deepEqual([refused["request"], refused["code"]], [request, code]);
	}
});

test("direct broker: who has not listed the capability breaks the rules with any of its messages", async (t) => {
	const { enter } = await directScene(t);
	const token = "0".repeat(32);
	for (const [i, message] of [
		{ type: "channel-request", request: 1, peer: "ben", ...OFFER, auto: false },
		{ type: "channel-cancel", request: 1 },
		{ type: "channel-answer", token, accept: false, code: "DECLINED" },
		{ type: "channel-report", token, outcome: "up" },
		{ type: "address-echo", nonce: "0".repeat(16) },
		{ type: "nat-test" },
	].entries()) {
		const old = await enter(`old-${i}`, []);
		assert.equal("natTest" in (old.got("welcome")[0] ?? {}), false);
		assert.equal((await old.say(message).end()).closeCode, 1, message.type);
	}
});

test("direct broker: 10,000 forged answers and the real one from the wrong Client are accepted 0 times", async (t) => {
	const { enter } = await directScene(t, { limits: { controlMessagesPerSecond: 1_000_000 } });
	const [ann, ben, eve] = await Promise.all([enter("ann"), enter("ben"), enter("eve")]);
	const request = ann.request("ben");
	const ask = await ben.gets<ChannelAsk>("channel-ask");
	for (let i = 0; i < 10_000; i++) {
		eve.say({ type: "channel-answer", token: randomBytes(16).toString("hex"), accept: true, ...OFFER });
		if (i % 500 === 0) await eve.settled();
	}
	for (const from of [eve, ann]) {
		from.say({ type: "channel-answer", token: ask.token, accept: true, ...OFFER });
		from.say({ type: "channel-answer", token: ask.token, accept: false, code: "DECLINED" });
		from.say({ type: "channel-report", token: ask.token, outcome: "up" });
		await from.settled();
	}
	assert.deepEqual(
		[ann, ben, eve].map((wire) => wire.got("channel-go").length + wire.got("channel-refused").length),
		[0, 0, 0],
	);
	const yes = { type: "channel-answer", token: ask.token, accept: true, ...OFFER };
	ben.say(yes).say(yes).say({ type: "channel-answer", token: ask.token, accept: false, code: "DECLINED" });
	assert.equal((await ann.gets<ChannelGo>("channel-go")).request, request);
	await Promise.all([ann.settled(), ben.settled(), eve.settled()]);
	assert.deepEqual(
		[ann, ben, eve].map((wire) => wire.got("channel-go").length + wire.got("channel-refused").length),
		[1, 1, 0],
	);
});

test("direct broker: an answer that is too late is none, and both are told", async (t) => {
	const { enter } = await directScene(t, { limits: { requestTimeoutMs: 250 } });
	const [ann, ben] = await Promise.all([enter("ann"), enter("ben")]);
	const request = ann.request("ben");
	const ask = await ben.gets<ChannelAsk>("channel-ask");
	assert.equal(ask.expiresInMs, 250);
	const refused = await ann.gets("channel-refused");
	assert.deepEqual([refused["request"], refused["code"]], [request, "PEER_TIMEOUT"]);
	assert.equal((await ben.gets("channel-cancelled"))["token"], ask.token);
	ben.say({ type: "channel-answer", token: ask.token, accept: true, ...OFFER });
	await Promise.all([ben.settled(), ann.settled()]);
	assert.deepEqual([ann.got("channel-go"), ben.got("channel-go")], [[], []]);
});

test("direct broker: cancelling tells the target, in each state, and the same pair may begin anew at once", async (t) => {
	const { enter, introduce } = await directScene(t);
	const [ann, ben] = await Promise.all([enter("ann"), enter("ben")]);
	const first = ann.request("ben");
	ann.say({ type: "channel-cancel", request: first }).say({ type: "channel-cancel", request: first }).say({ type: "channel-cancel", request: 99 });
	assert.equal((await ben.gets("channel-cancelled"))["token"], (await ben.gets<ChannelAsk>("channel-ask"))?.token);
	const second = await introduce(ann, ben);
	ann.say({ type: "channel-cancel", request: second.request });
	assert.equal((await ben.gets("channel-cancelled", 2))["token"], second.dial.token);
	const third = await introduce(ann, ben);
	assert.notEqual(third.dial.token, second.dial.token);
	// Over for ann, who need not wait for ben's word.
	ann.say({ type: "channel-report", token: third.dial.token, outcome: "failed", reason: "x" });
	const fourth = await introduce(ann, ben);
	ben.say({ type: "channel-report", token: third.dial.token, outcome: "up" });
	ann.say({ type: "channel-report", token: fourth.dial.token, outcome: "up" });
	ann.say({ type: "channel-cancel", request: fourth.request });
	await Promise.all([ann.settled(), ben.settled()]);
	assert.equal(ben.got("channel-cancelled").length, 2, "what is up is not cancelled");
});

test("direct broker: both may ask each other at once", async (t) => {
	const { enter } = await directScene(t);
	const [ann, ben] = await Promise.all([enter("ann"), enter("ben")]);
	const [fromAnn] = [ann.request("ben"), ben.request("ann")];
	const [atAnn, atBen] = await Promise.all([ann.gets<ChannelAsk>("channel-ask"), ben.gets<ChannelAsk>("channel-ask")]);
	ann.say({ type: "channel-answer", token: atAnn.token, accept: false, code: "CROSSED" });
	ben.say({ type: "channel-answer", token: atBen.token, accept: true, ...OFFER });
	assert.equal((await ben.gets("channel-refused"))["code"], "CROSSED");
	assert.deepEqual([(await ann.gets<ChannelGo>("channel-go")).request, (await ben.gets<ChannelGo>("channel-go")).role], [fromAnn, "accept"]);
});

test("direct broker: when one leaves, the other is told, and nobody else", async (t) => {
	const { enter, introduce, coordinator } = await directScene(t);
	const [ann, ben, cid, dan] = await Promise.all([enter("ann"), enter("ben"), enter("cid"), enter("dan")]);
	ann.request("ben");
	const toCid = cid.request("ben");
	const gone = await introduce(dan, ben);
	const asked = (await ben.gets<ChannelAsk>("channel-ask")) as ChannelAsk;
	ann.connection.close(0, "");
	assert.equal((await ben.gets("channel-cancelled"))["token"], asked.token);
	ben.connection.close(0, "");
	const refused = await cid.gets("channel-refused");
	assert.deepEqual([refused["request"], refused["code"]], [toCid, "PEER_LOST"]);
	assert.equal((await dan.gets("channel-cancelled"))["token"], gone.dial.token);
	await Promise.all([cid.settled(), dan.settled()]);
	assert.deepEqual([cid.got("channel-cancelled"), dan.got("channel-refused")], [[], []]);
	assert.equal(coordinator.explain("dan", "ben"), undefined);
});

test("direct broker: a number that is in use ends who uses it twice, and nobody else", async (t) => {
	const { enter } = await directScene(t);
	const [ann, ben] = await Promise.all([enter("ann"), enter("ben")]);
	ann.request("ben");
	ann.say({ type: "channel-request", request: 1, peer: "ben", ...OFFER, auto: false });
	assert.equal((await ann.end()).closeCode, 1);
	await ben.gets("channel-cancelled");
	await ben.settled();
});

test("direct broker: hundreds of requests are answered, bounded per Client, and leave room for others", async (t) => {
	const { enter, introduce } = await directScene(t);
	const targets = await Promise.all(Array.from({ length: 20 }, (_, i) => enter(`t-${i}`)));
	const [eve, ann] = await Promise.all([enter("eve"), enter("ann")]);
	for (let i = 0; i < 300; i++) {
		eve.request(`t-${i % 20}`);
		if (i % 50 === 0) await eve.settled();
	}
	await eve.settled();
	const refused = eve.got("channel-refused").map(({ code, reason }) => `${String(code)} ${String(reason)}`);
	assert.equal(refused.length, 300 - 16);
	assert.ok(
		refused.every((line) => line.startsWith("LIMIT_EXCEEDED")),
		refused[0],
	);
	const asked = await Promise.all(targets.map(async (target) => (await target.settled()).got("channel-ask").length));
	assert.equal(
		asked.reduce((sum, count) => sum + count, 0),
		16,
	);
	assert.ok(
		asked.every((count) => count <= 1),
		"one attempt of a pair at a time",
	);
	await introduce(ann, targets[0] as Wire);
	// At last a minute's worth is used up: not even cancelling helps.
	for (let request = 1; request <= 300; request++) eve.say({ type: "channel-cancel", request });
	for (let i = 0; i < 100; i++) {
		const request = eve.request(`t-${i % 20}`);
		eve.say({ type: "channel-cancel", request });
		await eve.settled();
	}
	const last = eve.got("channel-refused").at(-1);
	assert.equal(last?.["reason"], "too many requests within a minute");
	assert.ok(Number(last?.["retryAfterMs"]) > 30_000 && Number(last?.["retryAfterMs"]) <= 60_000);
	const inAll = await Promise.all(targets.map(async (target) => (await target.settled()).got("channel-ask").length));
	// One of them is ann's.
	assert.equal(
		inAll.reduce((sum, count) => sum + count, 0),
		100 + 1,
	);
});

test("direct broker: a target that is asked by many is not asked by more than it may be", async (t) => {
	const { enter } = await directScene(t, { limits: { attemptsPerClient: 3 } });
	const ben = await enter("ben");
	const others = await Promise.all(["a", "b", "c", "d"].map((id) => enter(id)));
	for (const other of others) {
		other.request("ben");
		await other.settled();
	}
	assert.equal((await others[3]?.gets("channel-refused"))?.["code"], "PEER_BUSY");
	assert.equal((await ben.settled()).got("channel-ask").length, 3);
});

test("direct broker: auto does not wait where there is no hope, nor after a failure until a network changes", async (t) => {
	const { enter, introduce, coordinator } = await directScene(t);
	const [ann, ben] = await Promise.all([enter("ann"), enter("ben")]);
	// One machine: there is hope whatever the NATs are.
	const { dial } = await introduce(ann, ben, { auto: true, nat: DEPENDENT }, { nat: DEPENDENT });
	ann.say({ type: "channel-report", token: dial.token, outcome: "failed", reason: "no answer" });
	const request = ann.request("ben", { auto: true });
	const refused = await ann.gets("channel-refused");
	assert.deepEqual([refused["request"], refused["code"], refused["reason"]], [request, "DIRECT_UNAVAILABLE", "no answer"]);
	assert.equal(coordinator.explain("ann", "ben")?.reason, "no answer");
	// It is ann's failure, not ben's, and not that of who insists.
	await introduce(ben, ann, { auto: true });
	await introduce(ann, ben, { auto: false });
	ben.connection.close(0, "");
	assert.deepEqual(await ann.gets("peer-changed"), { type: "peer-changed", peer: "ben" });
	const back = await enter("ben");
	await introduce(ann, back, { auto: true });
});

test("direct broker: another address is challenged before anybody hears of it", async (t) => {
	const { enter, introduce, coordinator } = await directScene(t);
	const [ann, ben, cid] = await Promise.all([enter("ann"), enter("ben"), enter("cid")]);
	const { dial } = await introduce(ann, ben);
	ann.say({ type: "channel-report", token: dial.token, outcome: "up" });
	const failed = await introduce(cid, ben);
	cid.say({ type: "channel-report", token: failed.dial.token, outcome: "failed" });
	await cid.settled();
	const old = { ...ben.transport.address };
	ben.transport.move();
	const moved = { ...ben.transport.address };
	assert.notDeepEqual(moved, old);
	await ben.settled();
	await until(() => ben.datagrams.length > 0);
	const challenge = decodeDatagram(ben.datagrams[0]?.data ?? new Uint8Array());
	assert.ok(challenge.ok && challenge.value.content.type === "challenge");
	const { nonce } = challenge.value.content;
	for (let i = 0; i < 100; i++) ben.say({ type: "address-echo", nonce: randomBytes(8).toString("hex") });
	ann.say({ type: "address-echo", nonce });
	await Promise.all([ben.settled(), ann.settled()]);
	assert.deepEqual([ben.got("address"), ann.got("peer-moved"), ann.got("address")], [[], [], []]);
	assert.deepEqual(
		(await introduce(cid, ben)).dial.candidates.map(({ port }) => port),
		[old.port],
		"the new one is not given out",
	);
	ben.say({ type: "address-echo", nonce }).say({ type: "address-echo", nonce });
	assert.deepEqual(await ben.gets("address"), { type: "address", observedAddress: moved });
	assert.deepEqual(await ann.gets("peer-moved"), { type: "peer-moved", peer: "ben", address: moved });
	assert.deepEqual(await cid.gets("peer-changed"), { type: "peer-changed", peer: "ben" });
	await Promise.all([ben.settled(), ann.settled(), cid.settled()]);
	assert.deepEqual([ben.got("address").length, ann.got("peer-changed"), cid.got("peer-moved")], [1, [], []]);
	assert.ok(ben.datagrams.length <= 2, "one, and one repetition");
	assert.equal(coordinator.clients().find(({ id }) => id === "ben")?.address.port, moved.port);
});

test("direct broker: hosts that no datagram may go to are given to nobody", async (t) => {
	const { enter, introduce, coordinator } = await directScene(t);
	const [ann, ben] = await Promise.all([enter("ann"), enter("ben")]);
	const { port } = coordinator.address;
	const bad = [
		{ address: "127.0.0.1", port: 9 },
		{ address: "::ffff:127.0.0.1", port },
		{ address: "224.0.0.1", port: 9 },
		{ address: "255.255.255.255", port: 9 },
		{ address: "0.0.0.0", port: 9 },
		{ address: "fe80::1", port: 9 },
	];
	const good = [
		{ address: "::ffff:192.168.1.5", port: 9 },
		{ address: "2001:db8::5", port: 9 },
	];
	const { accept } = await introduce(ann, ben, { hosts: [...bad, ...good] });
	assert.deepEqual(accept.candidates, [
		{ ...ann.transport.address, kind: "reflexive", packets: 64 },
		{ address: "192.168.1.5", port: 9, kind: "host", packets: 6 },
		{ address: "2001:db8::5", port: 9, kind: "host", packets: 6 },
	]);
});

test("direct broker: 50 Clients that name one victim get at most 60 datagrams a minute for it, and more where the limit is higher", async (t) => {
	for (const [limits, most] of [
		[{}, 60],
		[{ punchPacketsPerMinute: 120 }, 120],
	] as const) {
		const { enter, introduce } = await directScene(t, { limits });
		const victim = { address: "203.0.113.9", port: 53 };
		let granted = 0;
		for (let i = 0; i < 25; i++) {
			const [from, to] = await Promise.all([enter(`from-${i}`), enter(`to-${i}`)]);
			const { dial, accept } = await introduce(from, to, { hosts: [victim, { address: "::ffff:203.0.113.9", port: 54 }] }, { hosts: [victim] });
			for (const { address, packets } of [...dial.candidates, ...accept.candidates]) if (address === victim.address) granted += packets;
		}
		assert.equal(granted, most);
	}
});

test("direct broker: the birthday method is not granted to two Clients of one address, though both want it", async (t) => {
	const { enter, introduce } = await directScene(t);
	const [ann, ben] = await Promise.all([enter("ann"), enter("ben")]);
	// One address is one site, where it is of no use.
	const { dial, accept } = await introduce(ann, ben, { birthday: true, nat: DEPENDENT }, { birthday: true });
	assert.deepEqual([dial.birthday, accept.birthday], [undefined, undefined]);
});

test("direct broker: a Coordinator that closes refuses what waits, and keeps nothing", async (t) => {
	const { enter, introduce, coordinator } = await directScene(t);
	const [ann, ben, cid] = await Promise.all([enter("ann"), enter("ben"), enter("cid")]);
	const { dial } = await introduce(ann, ben, { hosts: [{ address: "192.168.1.5", port: 9 }] });
	ann.say({ type: "channel-report", token: dial.token, outcome: "up" });
	const request = cid.request("ben");
	await Promise.all([cid.settled(), ann.settled()]);
	const closing = coordinator.close();
	assert.deepEqual(await cid.gets("channel-refused"), { type: "channel-refused", request, code: "COORDINATOR_CLOSED", reason: "the Coordinator is stopping" });
	await closing;
	assert.equal(coordinator.explain("ann", "ben"), undefined);
});
