/** What is made of attempts and refusals of a time when this Client, or its peer, had another address. */

import assert from "node:assert/strict";
import { test } from "node:test";
import { rig, tokenOf } from "../../../testing/direct-fixture.ts";
import { ConecError } from "../../errors.ts";
import type { ChannelMessageOfCoordinator } from "../../wire/channel-messages.ts";
import { NAT_UNKNOWN } from "../network/nat-check.ts";
import type { OwnNetwork } from "../network/own-network.ts";
import { ownPlace } from "../network/own-place.ts";

const [T1, PEER, OTHER] = [tokenOf(1), "bob", "dave"];
const AT = { address: "192.0.2.9", port: 9 };
const address: ChannelMessageOfCoordinator = { type: "address", observedAddress: AT };

const CHANGES: readonly (readonly [what: string, message: ChannelMessageOfCoordinator | undefined, remembered: boolean])[] = [
	["nothing changes", undefined, true],
	["somebody else changes", { type: "peer-changed", peer: OTHER }, true],
	["this side's address changes", address, false],
	["the peer's changes", { type: "peer-changed", peer: PEER }, false],
	["the peer moves", { type: "peer-moved", peer: PEER, address: AT }, false],
];

for (const [what, message, remembered] of CHANGES) {
	for (const role of ["dial", "accept"] as const) {
		test(`direct: an attempt in which ${what} and that fails is ${remembered ? "" : "not "}remembered (${role})`, async (t) => {
			const world = await rig(t);
			const bob = await world.peer(PEER);
			const opening = role === "dial" ? world.direct.connect(PEER) : undefined;
			opening?.catch(() => undefined);
			await world.clock.advance(0);
			if (role === "dial") world.hear(bob.go(T1, { role, request: 1 }));
			else await bob.begin(T1);
			await world.clock.advance(500);
			if (message !== undefined) world.hear(message);
			await world.clock.advance(4_000);
			assert.equal(world.direct.memory.hopeless(PEER) !== undefined, remembered);
			const requests = world.said.filter(({ type }) => type === "channel-request").length;
			assert.equal(requests, role === "accept" ? 0 : remembered ? 1 : 2, "whoever waits need not call again");
			await world.clock.advance(20_000);
			await opening?.catch(({ code }) => assert.equal(code, "DIRECT_UNAVAILABLE"));
			await world.assertEmpty();
		});
	}
}

test("direct: a refusal that rests on the network before is asked about again, and not remembered", async (t) => {
	const world = await rig(t);
	const opening = world.direct.connect(PEER, { auto: true });
	await world.clock.advance(0);
	world.hear(address);
	world.hear({ type: "channel-refused", request: 1, code: "DIRECT_UNAVAILABLE", reason: "both are behind a symmetric NAT" });
	await world.clock.advance(0);
	assert.deepEqual(
		world.said.map((message) => message.type === "channel-request" && [message.request, message.auto]),
		[
			[1, true],
			[2, true],
		],
	);
	assert.equal(world.direct.memory.hopeless(PEER), undefined);
	world.hear({ type: "channel-refused", request: 2, code: "DIRECT_UNAVAILABLE", reason: "still so" });
	await assert.rejects(opening, { code: "DIRECT_UNAVAILABLE" });
	assert.equal(world.direct.memory.hopeless(PEER), "still so");
	await world.assertEmpty();
});

test("direct: a Coordinator that says all the time that this Client has moved makes it ask three times, no more", async (t) => {
	const world = await rig(t);
	const opening = assert.rejects(world.direct.connect(PEER, { auto: true }), { code: "DIRECT_UNAVAILABLE" });
	await world.clock.advance(0);
	for (let request = 1; request <= 10; request++) {
		world.hear(address);
		world.hear({ type: "channel-refused", request, code: "DIRECT_UNAVAILABLE", reason: "no" });
		await world.clock.advance(0);
	}
	await opening;
	assert.equal(world.said.filter(({ type }) => type === "channel-request").length, 3);
	await world.assertEmpty();
});

test("direct: what is known of this side's NAT is not held against a peer of the other family of addresses", async (t) => {
	const HARD = { mapping: "dependent", filtering: "by-port" } as const;
	for (const [address, mixed] of [
		["192.0.2.9", false],
		["2001:db8::9", true],
	] as const) {
		const world = await rig(t, {
			network: {
				...{ nat: HARD, hosts: () => [], settled: () => Promise.resolve(), mapped: () => undefined, changed: () => false },
				place: () => ownPlace({ socket: { address: "192.0.2.1", port: 1 }, observed: undefined, coordinator: undefined }, {}),
			} as unknown as OwnNetwork,
		});
		const bob = await world.peer(PEER);
		const opening = world.direct.connect(PEER);
		const failed = assert.rejects(opening, ({ message }: Error) => message.includes("NAT") !== mixed);
		await world.clock.advance(0);
		world.hear(bob.go(T1, { role: "dial", request: 1, nat: HARD, candidates: [{ address, port: 9, kind: "reflexive", packets: 64 }] }));
		await world.clock.advance(4_000);
		await failed;
		await world.assertEmpty();
	}
});

test("direct: a network that this machine has joined or left voids what was remembered, when the next stream is opened", async (t) => {
	let changed = false;
	const world = await rig(t, {
		network: { nat: NAT_UNKNOWN, hosts: () => [], settled: () => Promise.resolve(), mapped: () => undefined, changed: () => changed } as unknown as OwnNetwork,
	});
	world.direct.memory.despair(PEER, "both are behind a symmetric NAT");
	world.direct.lookAround();
	assert.equal(world.direct.memory.hopeless(PEER), "both are behind a symmetric NAT");
	changed = true;
	world.direct.lookAround();
	assert.equal(world.direct.memory.hopeless(PEER), undefined);
});

test("direct: a peer that has lost its Coordinator is given up when no packet comes from it, and not while its process is only busy", async (t) => {
	const world = await rig(t);
	// It answers no ping, as a process that is busy; its transport acknowledges.
	const bob = await world.peer(PEER);
	await world.up(bob, T1);
	world.hear({ type: "peer-changed", peer: PEER });
	await world.clock.advance(10_000);
	assert.notEqual(world.direct.find(PEER), undefined, "it is only busy");
	bob.transport.vanish();
	await world.clock.advance(2_000);
	assert.equal(world.direct.find(PEER), undefined, "nothing comes from it");
	world.direct.destroy(new ConecError("CLIENT_CLOSED", "the test is over"));
	await world.clock.advance(60_000);
	await world.assertEmpty();
});
