import assert from "node:assert/strict";
import type { NetworkInterfaceInfo } from "node:os";
import { test } from "node:test";
import { routeSources } from "../../session/route-sources.ts";
import { hostAddresses, ownAddresses } from "./host-addresses.ts";

function own(address: string, internal = false): NetworkInterfaceInfo {
	const family = address.includes(":") ? "IPv6" : "IPv4";
	return { address, family, internal, netmask: "", mac: "", cidr: null, ...(family === "IPv6" ? { scopeid: 0 } : {}) } as NetworkInterfaceInfo;
}

const ANY = { address: "::", port: 7 };
const LO = { lo: [own("127.0.0.1", true), own("::1", true)] };
const INTERFACES = {
	...LO,
	eth0: [own("fe80::1"), own("2001:db8::5"), own("192.168.1.7")],
	wifi: [own("169.254.3.4"), own("10.0.0.9")],
};
const listed = (interfaces: NodeJS.Dict<NetworkInterfaceInfo[]>, sources: readonly string[] = []): string[] =>
	hostAddresses(ANY, sources, interfaces).map(({ address }) => address);

test("host addresses: all of a socket on every interface, IPv4 first, without loopback and link-local ones", () => {
	assert.deepEqual(listed(INTERFACES), ["192.168.1.7", "10.0.0.9", "2001:db8::5"]);
	assert.deepEqual(
		hostAddresses({ address: "0.0.0.0", port: 7 }, [], INTERFACES).map(({ address, port }) => `${address}:${port}`),
		["192.168.1.7:7", "10.0.0.9:7"],
	);
});

test("host addresses: a bound address is the only one, and none if it is loopback", () => {
	assert.deepEqual(hostAddresses({ address: "10.0.0.9", port: 7 }, [], INTERFACES), [{ address: "10.0.0.9", port: 7 }]);
	assert.deepEqual(hostAddresses({ address: "127.0.0.1", port: 7 }, [], INTERFACES), []);
	assert.deepEqual(hostAddresses({ address: "::1", port: 7 }, ["::1"], INTERFACES), []);
});

test("host addresses: no more than a request may name, but all are known", () => {
	const many = { eth0: Array.from({ length: 20 }, (_, index) => own(`10.1.0.${index + 1}`)) };
	assert.deepEqual([hostAddresses(ANY, [], many).length, ownAddresses(ANY, many).length], [8, 20]);
	assert.deepEqual(hostAddresses(ANY, [], {}), []);
});

/** A network inside the machine, by the name of its interface. */
const BRIDGES: Readonly<Record<string, (n: number) => string>> = {
	"Docker's networks": (n) => `br-${n.toString(16).padStart(12, "0")}`,
	"docker0 and its like": (n) => `docker${n}`,
	veth: (n) => `veth${n}a2b3`,
	libvirt: (n) => `virbr${n}`,
	LXD: (n) => `lxdbr${n}`,
	VMware: (n) => `vmnet${n}`,
	VirtualBox: (n) => `vboxnet${n}`,
	"Hyper-V": (n) => `vEthernet (Switch ${n})`,
	"of any name, by their addresses": (n) => `mynet${n}`,
};

for (const [what, name] of Object.entries(BRIDGES)) {
	test(`host addresses: ten bridges push neither the LAN nor IPv6 out (${what})`, () => {
		const address = (n: number): string => (what.startsWith("of any name") ? `172.${17 + n}.0.1` : `192.168.${150 + n}.1`);
		const bridges = Object.fromEntries(Array.from({ length: 10 }, (_, n) => [name(n), [own(address(n)), own(`fd00:0:0:${n + 1}::1`)]]));
		// The LAN's interface is younger than all of them.
		const machine = { ...LO, ...bridges, usb0: [own("192.168.1.7"), own("2001:db8::5"), own("2001:db8::6"), own("fd12:3456::7")] };
		const found = listed(machine, ["192.168.1.7", "2001:db8::5"]);
		assert.deepEqual(found.slice(0, 3), ["192.168.1.7", "2001:db8::5", "fd12:3456::7"]);
		assert.equal(found.length, 8);
		assert.equal(found.includes("2001:db8::6"), false, "this machine does not send from there");
		assert.deepEqual(listed(machine).slice(0, 3), ["192.168.1.7", "2001:db8::5", "fd12:3456::7"], "where no route is known");
		assert.deepEqual(hostAddresses({ address: "0.0.0.0", port: 7 }, [], machine)[0]?.address, "192.168.1.7");
	});
}

test("host addresses: each family keeps two places, whatever the other has", () => {
	const sixes = Array.from({ length: 12 }, (_, n) => own(`2001:db8:${n + 1}::5`));
	const fours = Array.from({ length: 12 }, (_, n) => own(`10.0.${n}.5`));
	const families = (addresses: readonly string[]): number[] => [
		addresses.filter((address) => !address.includes(":")).length,
		addresses.filter((address) => address.includes(":")).length,
	];
	assert.deepEqual(families(listed({ eth0: [...sixes, ...fours] })), [6, 2]);
	assert.deepEqual(families(listed({ eth0: [...sixes, ...fours.slice(0, 1)] })), [1, 7]);
	assert.deepEqual(families(listed({ eth0: [...sixes], docker0: fours.slice(0, 3) })), [2, 6]);
	assert.deepEqual(families(listed({ eth0: [...fours], docker0: sixes.slice(0, 1) })), [7, 1]);
	assert.deepEqual(families(listed({ eth0: fours })), [8, 0]);
});

test("host addresses: what has the default route comes first, also on a bridge or in a container", () => {
	for (const [machine, sources] of [
		[{ wlan0: [own("10.9.0.1")], "br-0123456789ab": [own("192.168.1.7")] }, ["192.168.1.7"]],
		[{ net1: [own("10.9.0.1")], eth0: [own("172.17.0.2")] }, ["172.17.0.2"]],
		[{ docker0: [own("172.17.0.1")], "br-lan": [own("192.168.1.1")] }, []],
		[{ docker0: [own("172.17.0.1")], tailscale0: [own("100.100.1.2")] }, []],
	] as const) {
		const [first] = listed(machine as unknown as NodeJS.Dict<NetworkInterfaceInfo[]>, sources);
		assert.equal(first, sources[0] ?? Object.values(machine)[1]?.[0]?.address);
	}
});

test("route sources: of this machine, at once, and nothing where there is no way", async () => {
	for (const to of ["127.0.0.1", "::1", undefined, "2001:db8::1", "no address", ""]) {
		const sources = await routeSources(to);
		assert.equal(new Set(sources).size, sources.length);
		if (to === "127.0.0.1") assert.ok(sources.includes("127.0.0.1"));
		assert.ok(sources.every((address) => /^[0-9a-f.:%\w]+$/i.test(address)));
	}
});
