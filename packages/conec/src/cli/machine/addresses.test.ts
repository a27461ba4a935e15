import assert from "node:assert/strict";
import { test } from "node:test";
import { addressScope, ownAddresses } from "./addresses.ts";

test("own addresses: of one family, without loopback and link-local ones, each once", () => {
	const interfaces = {
		lo: [
			{ address: "127.0.0.1", internal: true },
			{ address: "::1", internal: true },
		],
		eth0: [
			{ address: "192.168.1.5", internal: false },
			{ address: "fe80::1", internal: false },
			{ address: "2001:db8::5", internal: false },
		],
		eth1: [
			{ address: "169.254.1.1", internal: false },
			{ address: "192.168.1.5", internal: false },
		],
		gone: undefined,
	};
	assert.deepEqual(ownAddresses(4, interfaces), ["192.168.1.5"]);
	assert.deepEqual(ownAddresses(6, interfaces), ["2001:db8::5"]);
});

test("own addresses: where an address means something", () => {
	const scopes = { "127.9.9.9": "machine", "::1": "machine", "169.254.0.1": "link", "febf::1": "link", "10.1.2.3": "private" } as const;
	const more = {
		"172.16.0.1": "private",
		"172.32.0.1": "public",
		"100.64.0.1": "private",
		"100.128.0.1": "public",
		"fd00::1": "private",
		"2001:db8::1": "public",
	};
	for (const [address, scope] of Object.entries({ ...scopes, ...more })) assert.equal(addressScope(address), scope, address);
});
