import assert from "node:assert/strict";
import { test } from "node:test";
import { DEFAULT_LIMITS } from "../../limits.ts";
import type { ChannelCandidate } from "../../wire/channel-messages.ts";
import { type OwnPlace, ownPlace } from "../network/own-place.ts";
import { usableAddress, usableCandidates } from "./peer-addresses.ts";

const INTERFACES = {
	lo: [
		{ address: "127.0.0.1", netmask: "255.0.0.0" },
		{ address: "::1", netmask: "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	],
	eth0: [
		{ address: "192.168.1.10", netmask: "255.255.255.128" },
		{ address: "2001:db8:1::10", netmask: "ffff:ffff:ffff:ffff::" },
		{ address: "fe80::1%eth0", netmask: "ffff:ffff:ffff:ffff::" },
	],
	docker0: [{ address: "172.17.0.1", netmask: "255.255.0.0" }],
	ppp0: [{ address: "10.9.9.9", netmask: "255.255.255.255" }],
	wan: [{ address: "198.51.100.1", netmask: "255.255.255.254" }],
};
const PORT = 4711;
const REMOTE = { address: "203.0.113.200", port: 1719 };
/** Behind a NAT, with the Coordinator on the Internet. */
const HOME: OwnPlace = ownPlace({ socket: { address: "::", port: PORT }, observed: { address: "203.0.113.7", port: 40_000 }, coordinator: REMOTE }, INTERFACES);
const at = (observed: string, coordinator: string): OwnPlace => ({
	...HOME,
	observed: { address: observed, port: 40_000 },
	coordinator: { address: coordinator, port: 1719 },
});

/** `=203.0.113.7:5000` is where the Coordinator sees the peer, `10.0.0.1:5000` what the peer says of itself. */
const tried = (own: OwnPlace, ...named: string[]): string[] => {
	const candidates = named.map((text): ChannelCandidate => {
		const [, seen, address = "", port] = /^(=?)(.*):(\d+)$/.exec(text) ?? [];
		return { address, port: Number(port), kind: seen === "=" ? "reflexive" : "host", packets: 8 };
	});
	return usableCandidates(candidates, { own, birthday: undefined, limits: DEFAULT_LIMITS }).map(({ address, port }) => `${address}:${port}`);
};

const ELSEWHERE: readonly (readonly [what: string, named: readonly string[], tried: readonly string[]])[] = [
	["its own LAN address", ["=203.0.113.9:5000", "192.168.1.10:22"], ["203.0.113.9:5000"]],
	["a bridge that both have", ["=203.0.113.9:5000", "172.17.0.1:5000"], ["203.0.113.9:5000"]],
	["a point-to-point address of its own", ["=203.0.113.9:5000", "10.9.9.9:5000"], ["203.0.113.9:5000"]],
	["its own public IPv6 address", ["=203.0.113.9:5000", "2001:db8:1::10:5000"], ["203.0.113.9:5000"]],
	["its own IPv6 address, spelled otherwise", ["=203.0.113.9:5000", "2001:0DB8:1:0:0:0:0:10:5000"], ["203.0.113.9:5000"]],
	["its own public IPv4 address, claimed", ["=203.0.113.9:5000", "198.51.100.1:22"], ["203.0.113.9:5000"]],
	["its own LAN address, IPv4-mapped", ["=203.0.113.9:5000", "::ffff:192.168.1.10:22"], ["203.0.113.9:5000"]],
	["loopback, and IPv4-mapped", ["127.0.0.1:22", "127.1.2.3:22", "::1:22", "::ffff:127.0.0.1:22"], []],
	["its own socket as the Coordinator sees it", ["=203.0.113.7:40000"], []],
	["the Coordinator's socket", ["=203.0.113.200:1719", "203.0.113.200:1719"], []],
	["the Coordinator's machine at another port", ["=203.0.113.200:1720"], ["203.0.113.200:1720"]],
	["broadcast addresses of its networks", ["192.168.1.127:9", "172.17.255.255:9"], []],
	["what is no broadcast address there", ["192.168.1.126:9", "10.9.9.10:9"], ["192.168.1.126:9", "10.9.9.10:9"]],
	["broadcast, multicast, nowhere", ["255.255.255.255:9", "224.0.0.1:9", "239.1.1.1:9", "ff02::1:9", "0.0.0.0:9", ":::9", "0.1.2.3:9", "240.0.0.1:9"], []],
	["link-local, with and without a scope", ["169.254.1.1:9", "fe80::1:9", "fe80::2:9", "fe80::2%eth0:9", "192.168.1.20%eth0:9"], []],
	["what is no address", ["localhost:9", "192.168.1:9", "1.2.3.4.5:9", ":9"], []],
	["a neighbour's LAN address", ["=203.0.113.7:5000", "192.168.1.20:5000"], ["203.0.113.7:5000", "192.168.1.20:5000"]],
	["a neighbour with the same bridge", ["=203.0.113.7:5000", "192.168.1.20:5000", "172.17.0.1:5000"], ["203.0.113.7:5000", "192.168.1.20:5000"]],
];
for (const [what, named, expected] of ELSEWHERE) {
	test(`peer addresses: ${what}`, () => assert.deepEqual(tried(HOME, ...named), expected));
}

const HERE: readonly (readonly [what: string, own: OwnPlace, named: readonly string[], tried: readonly string[]])[] = [
	["behind a NAT", HOME, ["=203.0.113.7:40001", "192.168.1.10:5000", "172.17.0.1:5000"], ["203.0.113.7:40001", "192.168.1.10:5000", "172.17.0.1:5000"]],
	["behind a NAT, but its own port", HOME, ["=203.0.113.7:40001", `192.168.1.10:${PORT}`, "172.17.0.1:5000"], ["203.0.113.7:40001", "172.17.0.1:5000"]],
	["over IPv6", at("2001:db8:1::10", "2001:db8:9::1"), ["=2001:db8:1::10:5000", "192.168.1.10:5000"], ["2001:db8:1::10:5000", "192.168.1.10:5000"]],
	["on a public address", at("198.51.100.1", "203.0.113.200"), ["=198.51.100.1:5000"], ["198.51.100.1:5000"]],
	["one over IPv4, the peer over IPv6", HOME, ["=2001:db8:1::10:5000", "192.168.1.10:5000"], ["2001:db8:1::10:5000", "192.168.1.10:5000"]],
	["the Coordinator in the LAN", at("192.168.1.10", "192.168.1.1"), ["=192.168.1.10:5000", "172.17.0.1:5000"], ["192.168.1.10:5000", "172.17.0.1:5000"]],
	[
		"the Coordinator here too, both by loopback",
		at("127.0.0.1", "127.0.0.1"),
		["=127.0.0.1:5000", "192.168.1.10:5000"],
		["127.0.0.1:5000", "192.168.1.10:5000"],
	],
	["the Coordinator here too, this side by loopback", at("127.0.0.1", "127.0.0.1"), ["=192.168.1.10:5000"], ["192.168.1.10:5000"]],
	[
		"the Coordinator here too, the peer by loopback",
		at("192.168.1.10", "192.168.1.10"),
		["192.168.1.10:5000", "172.17.0.1:5000"],
		["192.168.1.10:5000", "172.17.0.1:5000"],
	],
];
for (const [what, own, named, expected] of HERE) {
	test(`peer addresses: two Clients on one machine meet: ${what}`, () => assert.deepEqual(tried(own, ...named), expected));
}

test("peer addresses: who is seen elsewhere, or has addresses that this machine has not, is not on it", () => {
	assert.deepEqual(tried(at("192.168.1.10", "192.168.1.10"), "=192.168.1.20:5000", "172.17.0.1:22"), ["192.168.1.20:5000"], "a neighbour of the Coordinator's");
	assert.deepEqual(tried(at("127.0.0.1", "127.0.0.1"), "=127.0.0.1:5000", "10.0.0.5:5000", "192.168.1.10:22"), ["10.0.0.5:5000"]);
	// Its NAT is this machine: through the bridge it is reached as it is.
	assert.deepEqual(tried(at("198.51.100.1", "203.0.113.200"), "=198.51.100.1:5000", "172.17.0.2:6000"), ["172.17.0.2:6000"]);
	assert.deepEqual(tried({ ...HOME, observed: undefined, coordinator: undefined }, "192.168.1.10:22"), [], "the Coordinator is lost");
});

test("peer addresses: a socket on one address is only itself there", () => {
	const own = { ...at("192.168.1.10", "192.168.1.1"), socket: { address: "192.168.1.10", port: PORT } };
	assert.deepEqual(tried(own, "=192.168.1.10:5000", `172.17.0.1:${PORT}`), ["192.168.1.10:5000", `172.17.0.1:${PORT}`]);
	assert.deepEqual(tried(own, `=192.168.1.10:${PORT}`), []);
});

test("peer addresses: a peer that has moved is followed to no address of this machine, unless it is on it", () => {
	const moved = (own: OwnPlace, address: string) => usableAddress({ address, port: 22 }, own, [{ address, kind: "reflexive" }])?.address;
	assert.deepEqual(
		["192.168.1.10", "172.17.0.1", "127.0.0.1", "224.0.0.1", "192.168.1.127"].map((address) => moved(HOME, address)),
		[undefined, undefined, undefined, undefined, undefined],
	);
	assert.equal(moved(HOME, "203.0.113.9"), "203.0.113.9");
	assert.equal(moved(at("192.168.1.10", "192.168.1.1"), "192.168.1.10"), "192.168.1.10");
});
