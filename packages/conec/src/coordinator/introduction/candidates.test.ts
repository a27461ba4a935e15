import assert from "node:assert/strict";
import { networkInterfaces } from "node:os";
import { test } from "node:test";
import { scopeOf } from "../../wire/address-scope.ts";
import type { WireAddress } from "../../wire/fields.ts";
import { parseIp, unmapIp } from "../../wire/ip-address.ts";
import { ownSockets } from "../addresses/own-sockets.ts";
import { candidatesFor } from "./candidates.ts";

const at = (address: string, port = 4_000): { address: string; port: number } => ({ address, port });
const nobody = (_address: WireAddress): boolean => false;
const hostsGiven = (hosts: readonly string[], reflexive = "192.0.2.7", prober = "198.51.100.8", isOwn = nobody): string[] =>
	candidatesFor({ reflexive: at(reflexive), hosts: hosts.map((host) => at(host)) }, at(prober), isOwn).flatMap(({ kind, address }) =>
		kind === "host" ? [address] : [],
	);

test("candidates: where an address means something", () => {
	for (const [scope, ...addresses] of [
		["public", "192.0.2.7", "8.8.8.8", "100.63.255.255", "100.128.0.0", "172.15.0.1", "172.32.0.1", "2001:db8::1", "2600::1", "::ffff:8.8.8.8"],
		["private", "10.0.0.1", "172.16.0.1", "172.31.255.254", "192.168.0.1", "100.64.0.1", "fc00::1", "fdff::1", "::ffff:10.0.0.1"],
		["loopback", "127.0.0.1", "127.255.255.254", "::1", "::ffff:127.0.0.1"],
		[
			"never",
			"0.0.0.0",
			"0.1.2.3",
			"169.254.1.1",
			"224.0.0.1",
			"239.255.255.255",
			"240.0.0.1",
			"255.255.255.255",
			"::",
			"fe80::1",
			"ff02::1",
			"fec0::1",
			"::ffff:0.0.0.0",
		],
		["never", "64:ff9b::808:808", "2002:808:808::1", "2001::1", "::8.8.8.8", "100::1"],
	] as const) {
		for (const address of addresses) assert.equal(scopeOf(unmapIp(parseIp(address) as Uint8Array)), scope, address);
	}
});

test("candidates: the validated address comes first, then what the Client says of itself, each IP address once, but for one more port of the validated one", () => {
	const side = {
		reflexive: at("::ffff:192.0.2.7"),
		hosts: [at("192.0.2.7"), at("192.0.2.7", 9), at("192.0.2.7", 10), at("10.0.0.5"), at("::ffff:10.0.0.5", 9), at("2001:DB8::5"), at("203.0.113.9")],
	};
	assert.deepEqual(candidatesFor(side, at("198.51.100.8"), nobody), [
		{ address: "192.0.2.7", port: 4_000, kind: "reflexive", budgetKey: "192.0.2.7" },
		{ address: "192.0.2.7", port: 9, kind: "host", budgetKey: "192.0.2.7" },
		{ address: "10.0.0.5", port: 4_000, kind: "host", budgetKey: "198.51.100.8 10.0.0.5" },
		{ address: "2001:db8::5", port: 4_000, kind: "host", budgetKey: "2001:db8::5" },
		{ address: "203.0.113.9", port: 4_000, kind: "host", budgetKey: "203.0.113.9" },
	]);
	assert.deepEqual(candidatesFor({ ...side, hosts: [], reflexive: undefined }, at("198.51.100.8"), nobody), []);
	assert.deepEqual(candidatesFor(side, undefined, nobody), []);
});

test("candidates: multicast, broadcast, link-local, unspecified, loopback and what is no address are given to nobody", () => {
	const bad = [
		"224.0.0.1",
		"ff02::1",
		"255.255.255.255",
		"192.168.1.255",
		"169.254.0.1",
		"fe80::1",
		"0.0.0.0",
		"::",
		"127.0.0.1",
		"::1",
		"::ffff:127.0.0.1",
		"::ffff:224.0.0.1",
		"x",
		"",
	];
	assert.deepEqual(hostsGiven(bad), []);
	assert.deepEqual(hostsGiven(bad, "127.0.0.1", "127.0.0.1"), [], "on one machine neither");
	assert.deepEqual(hostsGiven([...bad, "192.168.1.5"]), ["192.168.1.5"]);
});

test("candidates: loopback only where the Coordinator sees both there, and only the address that it sees", () => {
	const kinds = (reflexive: string, prober: string): string[] =>
		candidatesFor({ reflexive: at(reflexive), hosts: [] }, at(prober), nobody).map(({ kind }) => kind);
	assert.deepEqual(kinds("127.0.0.1", "127.0.0.1"), ["reflexive"]);
	assert.deepEqual(kinds("127.0.0.1", "::1"), ["reflexive"]);
	for (const prober of ["192.0.2.7", "192.168.1.5", "2001:db8::1", "fe80::1"]) assert.deepEqual(kinds("127.0.0.1", prober), []);
});

test("candidates: a private address that the Coordinator sees is somebody else's to who is not on that network", () => {
	const seen = (prober: string) => candidatesFor({ reflexive: at("192.168.1.5"), hosts: [] }, at(prober), nobody)[0];
	assert.deepEqual([seen("192.168.1.6")?.kind, seen("127.0.0.1")?.kind], ["reflexive", "reflexive"]);
	assert.deepEqual([seen("192.0.2.7")?.kind, seen("192.0.2.7")?.budgetKey], ["host", "192.0.2.7 192.168.1.5"]);
});

test("candidates: the Coordinator's own sockets are given to nobody, in whatever spelling", () => {
	let now = 0;
	const isOwn = ownSockets("::", [1719, 1720], () => now, networkInterfaces);
	for (const address of ["127.0.0.1", "127.9.9.9", "::1"]) {
		assert.deepEqual(
			[1719, 1720, 1721].map((port) => isOwn({ address, port })),
			[true, true, false],
			address,
		);
	}
	now = 60_000;
	assert.equal(isOwn({ address: "203.0.113.9", port: 1719 }), false);
	assert.equal(ownSockets("203.0.113.9", [1719], () => now, networkInterfaces)({ address: "203.0.113.9", port: 1719 }), true);
	assert.deepEqual(
		hostsGiven(["::ffff:203.0.113.9", "10.0.0.5"], "192.0.2.7", "198.51.100.8", ({ address }) => address === "203.0.113.9"),
		["10.0.0.5"],
	);
	assert.deepEqual(
		candidatesFor({ reflexive: at("192.0.2.7"), hosts: [] }, at("198.51.100.8"), () => true),
		[],
	);
});
