import assert from "node:assert/strict";
import { test } from "node:test";
import { addressSource, sourceKeys } from "./source.ts";

test("source: IPv4 addresses and their /24, IPv6 /64 and their /48", () => {
	const cases: [address: string, host: string, network: string][] = [
		["192.0.2.7", "192.0.2.7", "192.0.2.0/24"],
		["2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", "2001:db8:1::/48"],
		["2001:0DB8:0001:0002::9", "2001:db8:1:2::/64", "2001:db8:1::/48"],
		["2001:db8::1", "2001:db8:0:0::/64", "2001:db8:0::/48"],
		["::1", "0:0:0:0::/64", "0:0:0::/48"],
		["::", "0:0:0:0::/64", "0:0:0::/48"],
		["fe80::1%eth0", "fe80:0:0:0::/64", "fe80:0:0::/48"],
		["::ffff:192.0.2.7", "192.0.2.7", "192.0.2.0/24"],
		["64:ff9b::192.0.2.7", "192.0.2.7", "192.0.2.0/24"],
		["64:ff9b:1::192.0.2.7", "64:ff9b:1:0::/64", "64:ff9b:1::/48"],
		["no address", "no address", "no address"],
	];
	for (const [address, host, network] of cases) {
		const source = addressSource(address);
		assert.deepEqual([source.host, source.network], [host, network], address);
		const again = addressSource(host);
		assert.deepEqual([again.host, again.network], [host, network], `what stands for ${address} has the same network`);
	}
});

test("source: loopback is nobody's address, so only the key counts there", () => {
	for (const address of ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"]) assert.deepEqual(sourceKeys("sha256:aa", address), ["sha256:aa"], address);
	assert.deepEqual(sourceKeys("sha256:aa", "10.1.2.3"), ["sha256:aa", "10.1.2.3", "10.1.2.0/24"]);
});
