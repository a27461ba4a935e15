import assert from "node:assert/strict";
import { test } from "node:test";
import { createMemoryNetwork } from "../../../testing/memory/transport.ts";
import type { RouteCheck } from "../../session/runtime.ts";
import { connectOn } from "../client.ts";
import { leadsFrom, noWayWords, routeProblem } from "./route.ts";

const LOOPBACK = [
	{ address: "127.0.0.1", internal: true },
	{ address: "::1", internal: true },
];
const V4 = { address: "192.168.1.5", internal: false };
const V6 = { address: "2001:db8::5", internal: false };
const LINK = { address: "fe80::1", internal: false };
const NOWHERE = { address: "169.254.3.4", internal: false };

const WORDS: readonly (readonly [what: string, own: readonly { address: string; internal: boolean }[], blocked: readonly string[], words: RegExp])[] = [
	["no network at all", [], ["198.51.100.1"], /^this machine has no network \(ENETUNREACH\); connect it to one$/],
	["link-local addresses only", [LINK, NOWHERE], ["198.51.100.1", "2001:db8::9"], /^this machine has no network/],
	[
		"IPv6 alone, to an IPv4 Coordinator",
		[V6, LINK],
		["198.51.100.1"],
		/^this machine has no IPv4, and nothing else leads to 198\.51\.100\.1 \(ENETUNREACH\); give the Coordinator an IPv6 address, or this machine IPv4$/,
	],
	[
		"IPv4 alone, to an IPv6 Coordinator",
		[V4, LINK],
		["2001:db8::9"],
		/^this machine has no IPv6, .* 2001:db8::9 .*give the Coordinator an IPv4 address, or this machine IPv6$/,
	],
	["several addresses of the version that is missing", [V6], ["198.51.100.1", "198.51.100.2"], /has no IPv4, .* 198\.51\.100\.1 and 198\.51\.100\.2 /],
	["an address of the version, but no route", [V4], ["198.51.100.1"], /^this machine has no route to 198\.51\.100\.1 \(ENETUNREACH\); check its network$/],
	["both versions, and no route for either", [V4], ["198.51.100.1", "2001:db8::9"], /^this machine has no route to 198\.51\.100\.1 and 2001:db8::9 /],
];
for (const [what, own, blocked, words] of WORDS) {
	test(`route: ${what}`, () => assert.match(noWayWords(new Map(blocked.map((address) => [address, "ENETUNREACH"])), { lo: LOOPBACK, eth0: [...own] }), words));
}

test("route: the system knows the way to itself, from everywhere and from an address of its own", async () => {
	assert.equal(await routeProblem({ address: "127.0.0.1", port: 9 }, "::"), undefined);
	assert.equal(await routeProblem({ address: "127.0.0.1", port: 9 }, "127.0.0.1"), undefined);
	assert.equal(await routeProblem({ address: "::ffff:127.0.0.1", port: 9 }, "::"), undefined, "IPv4-mapped");
	assert.equal(await routeProblem({ address: "127.0.0.1", port: 9 }, "::1"), undefined, "of the other version: the real socket says it better");
});

test("route: an address that no packet can have is no way, and known at once", async () => {
	// Link-local without an interface; broadcast, which a socket has to ask for.
	assert.match((await routeProblem({ address: "255.255.255.255", port: 9 }, "::")) ?? "", /^E/);
	assert.match((await routeProblem({ address: "127.0.0.1", port: 9 }, "203.0.113.77")) ?? "", /^EADDRNOTAVAIL$/, "bound to what is not here");
});

test("route: an address of a single link leads nowhere else", () => {
	for (const [own, to, leads] of [
		["fe80::1", "2001:db8::9", false],
		["169.254.3.4", "198.51.100.1", false],
		["169.254.3.4", "169.254.9.9", true],
		["fe80::1", "fe80::2", true],
		["2001:db8::5", "2001:db8::9", true],
		["192.168.1.5", "198.51.100.1", true],
		["127.0.0.1", "127.0.0.1", true],
	] as const)
		assert.equal(leadsFrom(own, to), leads, `${own} to ${to}`);
});

const dead: RouteCheck = (to) => Promise.resolve(to.address.includes(":") ? "ENETUNREACH" : undefined);
const nothing: RouteCheck = () => Promise.resolve("ENETUNREACH");

test("route: a Client without any way fails at once, with the reason and no word of firewalls; nothing is dialled", async () => {
	const network = createMemoryNetwork();
	const dialled: unknown[] = [];
	network.onPacket = (packet) => dialled.push(packet) > 0;
	const startedAt = performance.now();
	const connecting = connectOn(
		({ host, port, limits }) => network.createTransport({ host, port, limits }),
		{ id: "a", coordinator: "both.invalid", pin: PIN, limits: { requestTimeoutMs: 60_000 } },
		() =>
			Promise.resolve([
				{ address: "2001:db8::9", family: 6 },
				{ address: "198.51.100.1", family: 4 },
			]),
		nothing,
	);
	await assert.rejects(connecting, (error: Error & { code?: string }) => {
		assert.equal(error.code, "COORDINATOR_UNREACHABLE");
		assert.match(error.message, /^Cannot reach Coordinator at both\.invalid:1719: this machine has no /);
		assert.doesNotMatch(error.message, /firewall|answer/);
		return true;
	});
	assert.ok(performance.now() - startedAt < 30_000);
	assert.deepEqual(dialled, []);
});

test("route: where one of both versions has no way the other is tried, and silence there names both", async () => {
	const network = createMemoryNetwork();
	const dialled = new Set<string>();
	network.onPacket = (packet) => {
		dialled.add(packet.to.address);
		return true;
	};
	const connecting = connectOn(
		({ host, port, limits }) => network.createTransport({ host, port, limits }),
		{ id: "a", coordinator: "both.invalid", pin: PIN, limits: { requestTimeoutMs: 300 } },
		() =>
			Promise.resolve([
				{ address: "2001:db8::9", family: 6 },
				{ address: "198.51.100.1", family: 4 },
			]),
		dead,
	);
	await assert.rejects(connecting, {
		code: "COORDINATOR_UNREACHABLE",
		message: /no answer over UDP within 0\.3 s \(there is no way from this machine to 2001:db8::9\); is it running/,
	});
	assert.deepEqual([...dialled], ["198.51.100.1"]);
});

const PIN = `sha256:${"ab".repeat(32)}`;
