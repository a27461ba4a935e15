/** Which path a pair gets, and how soon, at 100 ms there and back. The whole table: `npm run test:nat -- --full`. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { COORDINATOR_ADDRESS, packetsTo, RTT_100 } from "./lab.ts";
import type { NatKind } from "./nat-kind.ts";
import { CONNECT_MS, DIRECT_MS, PROXIED_MS } from "./report/results.ts";
import { REQUEST_MS, story, TIMER_MS, World } from "./world.ts";

const ROUNDS = 3;
const SAME_LAN_MS = 1_000;

/** Who dials, who answers. */
const DIRECT: readonly { readonly kinds: readonly [NatKind, NatKind]; readonly why: string }[] = [
	{ kinds: ["port", "port"], why: "two homes" },
	{ kinds: ["fw", "port"], why: "a firewall without translation" },
	{ kinds: ["none", "sym"], why: "the one that answers is behind a symmetric NAT, and only the one that dials can learn its port" },
	{ kinds: ["addr", "sym"], why: "the same with a cone in front of the one that dials" },
	{ kinds: ["sym", "full"], why: "the one that dials is behind a symmetric NAT" },
];

const world = await World.up({ after }, {}, ["a", "a2", "b"]);

for (const { kinds, why } of DIRECT) {
	test(`reach: ${kinds.join(" to ")} is direct within ${DIRECT_MS} ms (${why})`, async (t) => {
		for (let round = 1; round <= ROUNDS; round++) {
			const [a, b] = await world.pair(kinds);
			const channel = await a.openChannel(b);
			assert.equal(channel.error, undefined, `round ${round}: ${JSON.stringify(channel)}${await story(a, b)}`);
			t.diagnostic(`${Math.round(channel.ms)} ms`);
			assert.ok(channel.ms <= DIRECT_MS, `round ${round}: ${channel.ms} ms${await story(a, b)}`);
			const [there, back] = await Promise.all([a.openStream(b, "direct"), b.openStream(a, "direct")]);
			assert.deepEqual([there.path, back.path], ["direct", "direct"], JSON.stringify([there, back]));
		}
	});
}

test("reach: symseq to port is direct by prediction of the next port", async (t) => {
	for (let round = 1; round <= ROUNDS; round++) {
		const [a, b] = await world.pair(["symseq", "port"]);
		const channel = await a.openChannel(b);
		assert.equal(channel.error, undefined, `round ${round}: ${JSON.stringify(channel)}${await story(a, b)}`);
		t.diagnostic(`${Math.round(channel.ms)} ms`);
		assert.equal((await b.openStream(a, "direct")).path, "direct");
	}
});

test("reach: what travels on a direct stream does not pass the Coordinator", async () => {
	const [a, b] = await world.pair(["port", "port"]);
	await a.openChannel(b);
	await world.lab.recount();
	await a.send(b, "direct", "past the Coordinator", 1_048_576);
	assert.equal((await a.result("past the Coordinator")).error, undefined);
	const packets = await world.lab.packets();
	assert.ok(packetsTo(packets, "203.0.113.10") > 700, JSON.stringify(packets));
	assert.ok(packetsTo(packets, COORDINATOR_ADDRESS) < 100, JSON.stringify(packets));
});

test(`reach: two machines of one home whose router has no hairpin are direct within ${SAME_LAN_MS} ms`, async (t) => {
	await world.leave();
	await world.lab.set("A", "port");
	for (let round = 1; round <= ROUNDS; round++) {
		const [a, a2] = await Promise.all([world.connect("a"), world.connect("a2")]);
		const channel = await a.openChannel(a2);
		assert.equal(channel.error, undefined, `round ${round}: ${JSON.stringify(channel)}${await story(a, a2)}`);
		t.diagnostic(`${Math.round(channel.ms)} ms`);
		assert.ok(channel.ms <= SAME_LAN_MS, `round ${round}: ${channel.ms} ms${await story(a, a2)}`);
		await world.lab.recount();
		assert.equal((await a.openStream(a2, "direct")).path, "direct");
		await world.leave();
	}
});

for (const kinds of [
	["sym", "sym"],
	["sym", "fw"],
	["fw", "sym"],
] as const) {
	test(`reach: ${kinds.join(" to ")} has a stream through the Coordinator within ${PROXIED_MS} ms, and "direct" says why not`, async (t) => {
		const [a, b] = await world.pair(kinds);
		const first = await a.openStream(b);
		t.diagnostic(`${Math.round(first.ms)} ms`);
		assert.equal(first.path, "proxied", `${JSON.stringify(first)}${await story(a, b)}`);
		assert.ok(first.ms <= PROXIED_MS, `${first.ms} ms${await story(a, b)}`);
		const [again, direct] = await Promise.all([a.openStream(b), a.openStream(b, "direct")]);
		assert.ok(again.path === "proxied" && again.ms <= PROXIED_MS, JSON.stringify(again));
		assert.equal(direct.error?.code, "DIRECT_UNAVAILABLE", JSON.stringify(direct));
		assert.ok(direct.ms <= REQUEST_MS + TIMER_MS, `${direct.ms} ms`);
	});
}

test(`reach: where UDP is blocked, connect fails within ${CONNECT_MS} ms and says so`, async () => {
	await world.leave();
	await world.lab.set("A", "blocked");
	const { ms, error } = await world.tryConnect("a");
	assert.equal(error?.code, "COORDINATOR_UNREACHABLE", JSON.stringify(error));
	assert.match(error.message, /UDP/);
	assert.ok(ms <= CONNECT_MS, `${ms} ms`);
});

test("reach: behind every other kind of router, a Client connects and a proxied stream works", async () => {
	for (const kinds of [
		["none", "fw"],
		["full", "addr"],
		["port", "sym"],
		["symseq", "none"],
	] as const) {
		const [a, b] = await world.pair(kinds);
		const stream = await a.openStream(b, "proxied");
		assert.equal(stream.path, "proxied", `${kinds}: ${JSON.stringify(stream)}`);
	}
});

test("reach: where IPv4 has no way, IPv6 through two firewalls has one", async (t) => {
	const both = await World.up(t, { ipv6: true, wire: RTT_100 });
	const [a, b] = await both.pair(["sym", "sym"]);
	const channel = await a.openChannel(b);
	assert.equal(channel.error, undefined, `${JSON.stringify(channel)}${await story(a, b)}`);
	assert.ok(channel.ms <= DIRECT_MS, `${channel.ms} ms`);
});
