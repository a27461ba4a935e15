/**
 * What packets others can be made to send, with the default limits: fifty Clients, one of which names addresses that are not its own.
 *
 * | what it names                                 | what goes there                                         |
 * |-----------------------------------------------|---------------------------------------------------------|
 * | a third party on the internet                 | at most 60 packets in any minute, from all together     |
 * | a machine in the network of those who probe   | the same                                                |
 * | the Coordinator, loopback, multicast, broadcast | nothing                                               |
 * | a forged source address of its own packets    | at most 60 datagrams beside QUIC in any minute, of QUIC three bytes for one; nobody is given it |
 */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { nowMs, sleep } from "./actors/actions.ts";
import { COORDINATOR_ADDRESS, packetsTo, VICTIM_ADDRESS } from "./lab.ts";
import { mostWithin, type Sample } from "./report/figures.ts";
import { type Peer, story, World } from "./world.ts";

const HONEST = 49;
const PER_MINUTE = 60;
const WATCHED_MS = 66_000;
const FORGED_SOURCE = "203.0.113.201";
const FORGED_MS = 15_000;
/** Of IP and UDP. */
const HEADER_BYTES = 28;
const MTU_PROBE_BYTES = 1_452;
const MTU_PROBES = 3;
/** Nobody has it. */
const LAN_VICTIM = "10.0.2.77";
const MAIN_PORT = 1719;
const MALLORY = "mallory";

const world = await World.up({ after }, { wire: { delayMs: 5 }, a: "none", b: "port" }, ["a2", "b"]);
const mallory = await world.lab.actor("a", "hostile");
const [address, port] = world.where.coordinator.split(":");
const honest = await connectAll();
await mallory.call("enter", { id: MALLORY, coordinator: { address, port: Number(port) }, pin: world.where.pin });
await count("b");

const NAMED = [
	...[4_000, 4_001, 53].map((port) => ({ address: VICTIM_ADDRESS, port })),
	{ address: LAN_VICTIM, port: 4_000 },
	{ address: COORDINATOR_ADDRESS, port: MAIN_PORT },
	{ address: "127.0.0.1", port: 4_000 },
	{ address: "224.0.0.251", port: 5_353 },
	{ address: "255.255.255.255", port: 4_000 },
];

test(`budget: whoever one of ${HONEST + 1} Clients names, gets ${PER_MINUTE} packets a minute at the most, and the others notice nothing`, async (t) => {
	const [one, other] = [honest.b[0], honest.a2[0]] as [Peer, Peer];
	const talk = await one.openStream(other, "proxied");
	assert.equal(talk.error, undefined, JSON.stringify(talk));
	await mallory.call("name", { addresses: NAMED });
	const victim: Sample[] = [{ atMs: nowMs(), count: 0 }];
	const lan: Sample[] = [{ atMs: nowMs(), count: 0 }];
	const all = [...honest.b, ...honest.a2];
	const started = nowMs();
	const calls: Promise<unknown>[] = [];
	for (let turn = 0; nowMs() - started < WATCHED_MS; turn++) {
		// It asks everybody over and over, and some of them ask it.
		await mallory.call("ask", { peers: Array.from({ length: 8 }, (_, i) => all[(turn * 8 + i) % all.length]?.id) });
		if (turn % 5 === 0) calls.push((all[turn % all.length] as Peer).openChannel({ id: MALLORY }, 9_000));
		await sleep(700);
		victim.push({ atMs: nowMs(), count: packetsTo(await world.lab.packets(), VICTIM_ADDRESS) });
		lan.push({ atMs: nowMs(), count: await counted("b", "lan") });
		const echo = await one.echo(talk);
		assert.ok(echo.error === undefined && echo.ms < 1_000, JSON.stringify(echo));
	}
	await Promise.all(calls);
	const account = JSON.stringify(await mallory.call("account"));
	const toVictim = mostWithin(victim, 60_000);
	const toLan = mostWithin(lan, 60_000);
	t.diagnostic(`${toVictim} packets to the third party, ${toLan} to the machine at home; ${account}`);
	assert.ok(toVictim > 0 && toLan > 0, `nothing was probed, so nothing is proven: ${account}`);
	assert.ok(toVictim <= PER_MINUTE, `${toVictim} packets to ${VICTIM_ADDRESS} in a minute; ${account}`);
	assert.ok(toLan <= PER_MINUTE, `${toLan} packets to ${LAN_VICTIM} in a minute; ${account}`);
	for (const never of ["coordinator", "loopback", "multicast", "broadcast"]) assert.equal(await counted("b", never), 0, never);
	const channel = await one.openChannel(other);
	assert.equal(channel.error, undefined, `two of the others cannot meet any more: ${JSON.stringify(channel)}${await story(one, other)}`);
});

test("budget: a forged source address gets few packets and is given to nobody", async (t) => {
	await world.lab.recount();
	await world.lab.exec("a", "ip", "addr", "add", `${FORGED_SOURCE}/32`, "dev", "eth0");
	await world.lab.exec("a", "ip", "route", "replace", "default", "via", "198.51.100.1", "src", FORGED_SOURCE);
	const started = nowMs();
	const samples: Sample[] = [{ atMs: started, count: 0 }];
	const calls: Promise<unknown>[] = [];
	for (let turn = 0; nowMs() - started < FORGED_MS; turn++) {
		await mallory.call("ask", { peers: [honest.b[turn % honest.b.length]?.id] });
		if (turn % 4 === 0) calls.push((honest.b[turn % honest.b.length] as Peer).openChannel({ id: MALLORY }, 4_000));
		await sleep(500);
		samples.push({ atMs: nowMs(), count: packetsTo(await world.lab.packets("punch"), FORGED_SOURCE) });
	}
	await Promise.all(calls);
	const packets = await world.lab.packets();
	samples.push({ atMs: nowMs(), count: packetsTo(await world.lab.packets("punch"), FORGED_SOURCE) });
	const punches = packetsTo(await world.lab.packets("punch"), FORGED_SOURCE);
	t.diagnostic(`${packetsTo(packets, FORGED_SOURCE)} packets (${punches} no QUIC) to the forged address; ${JSON.stringify(await mallory.call("account"))}`);
	assert.ok(
		packets.some(({ from }) => from === FORGED_SOURCE),
		`nothing was forged: ${JSON.stringify(packets)}`,
	);
	const others = packets.filter(({ from, to }) => to === FORGED_SOURCE && from !== COORDINATOR_ADDRESS);
	assert.deepEqual(others, [], "only the Coordinator, which has to ask whether it is really there, has sent to it");
	const payload = (which: "from" | "to"): number =>
		packets.reduce((sum, { bytes, packets, [which]: address }) => sum + (address === FORGED_SOURCE ? bytes - HEADER_BYTES * packets : 0), 0);
	t.diagnostic(`${payload("to")} bytes to the forged address, ${payload("from")} from it`);
	// QUIC looks after each packet from there as if the Client had moved, within its own bound (RFC 9000, 9.3.1).
	assert.ok(mostWithin(samples, 60_000) <= PER_MINUTE, `${punches} datagrams beside QUIC to ${FORGED_SOURCE} in a minute`);
	// quinn does not count the probes of the path's MTU, and gives a size up after three that are lost (quinn-proto 0.11, mtud.rs).
	assert.ok(
		payload("to") <= 3 * payload("from") + MTU_PROBES * MTU_PROBE_BYTES,
		`${payload("to")} bytes to ${FORGED_SOURCE} for ${payload("from")} from it (RFC 9000 section 8: at most three times)`,
	);
});

async function connectAll(): Promise<Record<"a2" | "b", Peer[]>> {
	const made: Record<"a2" | "b", Peer[]> = { a2: [], b: [] };
	// In turns: one address may have 16 connections without hello.
	for (let i = 0; i < HONEST; i += 7) {
		const turn = Array.from({ length: Math.min(7, HONEST - i) }, (_, j) => (((i + j) & 1) === 0 ? "b" : "a2") as "a2" | "b");
		for (const [place, peer] of await Promise.all(turn.map(async (place) => [place, await world.connect(place)] as const))) made[place].push(peer);
	}
	return made;
}

/** Counts what leaves a machine, also what no router ever sees. */
async function count(node: "b"): Promise<void> {
	const rules: Record<string, string> = {
		lan: `ip daddr ${LAN_VICTIM}`,
		coordinator: `ip daddr ${COORDINATOR_ADDRESS} udp dport ${MAIN_PORT} @th,64,2 0`,
		loopback: "ip daddr 127.0.0.0/8",
		multicast: "ip daddr 224.0.0.0/4",
		broadcast: "ip daddr 255.255.255.255",
	};
	const counters = Object.keys(rules).map((name) => `counter ${name} { }`);
	const lines = Object.entries(rules).map(([name, rule]) => `meta l4proto udp ${rule} counter name "${name}"`);
	const chain = ["chain out {", "type filter hook output priority 0;", ...lines, "}"];
	await world.lab.exec(node, "nft", ["table ip outgoing {", ...counters, ...chain, "}"].join("\n"));
}

async function counted(node: "b", name: string): Promise<number> {
	const json = await world.lab.exec(node, "nft", "-j", "list", "counter", "ip", "outgoing", name);
	const { nftables } = JSON.parse(json) as { nftables: { counter?: { packets: number } }[] };
	return nftables.find(({ counter }) => counter !== undefined)?.counter?.packets ?? Number.NaN;
}
