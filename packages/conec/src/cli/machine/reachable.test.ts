import assert from "node:assert/strict";
import { test } from "node:test";
import { coordinatorArgument, reachableAddresses } from "./reachable.ts";

const INTERFACES = {
	lo: [
		{ address: "127.0.0.1", internal: true },
		{ address: "::1", internal: true },
	],
	eth0: [
		{ address: "2001:db8::5", internal: false },
		{ address: "fe80::1", internal: false },
		{ address: "192.168.1.5", internal: false },
		{ address: "169.254.3.4", internal: false },
	],
	none: undefined,
};

test("reachable: a given name wins, then the address listened on", () => {
	assert.deepEqual(reachableAddresses("::", "conec.example.org", INTERFACES), ["conec.example.org"]);
	assert.deepEqual(reachableAddresses("127.0.0.1", undefined, INTERFACES), ["127.0.0.1"]);
});

test("reachable: everywhere means the machine's own addresses, IPv4 first, none that work only on the link", () => {
	assert.deepEqual(reachableAddresses("::", undefined, INTERFACES), ["192.168.1.5", "2001:db8::5"]);
	assert.deepEqual(reachableAddresses("0.0.0.0", undefined, INTERFACES), ["192.168.1.5"]);
	assert.deepEqual(reachableAddresses("::", undefined, { lo: INTERFACES.lo }), ["localhost"]);
});

test("reachable: the port is left out when it is the default, IPv6 is bracketed", () => {
	assert.equal(coordinatorArgument("a.example", 1_719), "a.example");
	assert.equal(coordinatorArgument("a.example", 4_433), "a.example:4433");
	assert.equal(coordinatorArgument("2001:db8::5", 1_719), "[2001:db8::5]");
	assert.equal(coordinatorArgument("2001:db8::5", 1), "[2001:db8::5]:1");
});
