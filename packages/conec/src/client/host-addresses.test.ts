import assert from "node:assert/strict";
import type { NetworkInterfaceInfo } from "node:os";
import { test } from "node:test";
import { hostAddresses } from "./host-addresses.ts";

function own(address: string, internal = false): NetworkInterfaceInfo {
	const family = address.includes(":") ? "IPv6" : "IPv4";
	return { address, family, internal, netmask: "", mac: "", cidr: null, ...(family === "IPv6" ? { scopeid: 0 } : {}) } as NetworkInterfaceInfo;
}

const INTERFACES = {
	lo: [own("127.0.0.1", true), own("::1", true)],
	eth0: [own("fe80::1"), own("2001:db8::5"), own("192.168.1.7")],
	wifi: [own("169.254.3.4"), own("10.0.0.9")],
};

test("host addresses: all of a socket on every interface, IPv4 first, without loopback and link-local ones", () => {
	assert.deepEqual(
		hostAddresses({ address: "::", port: 7 }, INTERFACES).map(({ address }) => address),
		["192.168.1.7", "10.0.0.9", "2001:db8::5"],
	);
	assert.deepEqual(
		hostAddresses({ address: "0.0.0.0", port: 7 }, INTERFACES).map(({ address, port }) => `${address}:${port}`),
		["192.168.1.7:7", "10.0.0.9:7"],
	);
});

test("host addresses: a bound address is the only one, and none if it is loopback", () => {
	assert.deepEqual(hostAddresses({ address: "10.0.0.9", port: 7 }, INTERFACES), [{ address: "10.0.0.9", port: 7 }]);
	assert.deepEqual(hostAddresses({ address: "127.0.0.1", port: 7 }, INTERFACES), []);
	assert.deepEqual(hostAddresses({ address: "::1", port: 7 }, INTERFACES), []);
});

test("host addresses: no more than a request may name", () => {
	const many = { eth0: Array.from({ length: 20 }, (_, index) => own(`10.1.0.${index + 1}`)) };
	assert.equal(hostAddresses({ address: "::", port: 7 }, many).length, 8);
	assert.deepEqual(hostAddresses({ address: "::", port: 7 }, {}), []);
});
