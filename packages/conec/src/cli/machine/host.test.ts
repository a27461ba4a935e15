import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { idFromHostName } from "./client-id.ts";
import { certificateNames } from "./host.ts";

const label63 = "a".repeat(63);

/** Names of machines, whether a certificate can carry them, and the id that comes of them. */
const HOSTS: readonly (readonly [host: string, carried: boolean, id: string])[] = [
	["vm", true, "vm"],
	["VM-2.Example.org", true, "vm-2"],
	[label63, true, "a".repeat(60)],
	[`${label63}.example.org`, true, "a".repeat(60)],
	["a".repeat(64), false, "a".repeat(60)],
	[`${label63}.${label63}.${label63}.${"a".repeat(61)}`, true, "a".repeat(60)],
	[`${label63}.${label63}.${label63}.${"a".repeat(62)}`, false, "a".repeat(60)],
	["", false, "conec"],
	[" ", false, "conec"],
	["-", false, "conec"],
	["-a", false, "a"],
	["a-", false, "a"],
	["a..b", false, "a"],
	["a.", false, "a"],
	[".a", false, "conec"],
	["x_y", false, "x-y"],
	["(none)", false, "none"],
	["Ünï", false, "n"],
	["写真", false, "conec"],
	["xn--abc", true, "xn-abc"],
	["xn", true, "host-xn"],
	["123", false, "host-123"],
	["192.168.1.5", false, "host-192"],
	["1.example", true, "host-1"],
	["fe80::1", false, "fe80-1"],
	["localhost", false, "localhost"],
	["LOCALHOST", false, "localhost"],
	["a\nb", false, "a-b"],
	["a\0b", false, "a-b"],
];
for (const [host, carried, id] of HOSTS) {
	test(`own host: ${JSON.stringify(host.slice(0, 70))} is ${carried ? "" : "not "}a name for a certificate, and makes the id ${id}`, () => {
		assert.deepEqual(certificateNames(host), carried ? [host.toLowerCase()] : []);
		assert.equal(idFromHostName(host), id);
	});
}

test("own host: whatever the machine is called, what comes of it is valid", () => {
	fc.assert(
		fc.property(fc.oneof(fc.string({ unit: "binary" }), fc.stringMatching(/^[A-Za-z0-9_.-]{0,300}$/)), (host) => {
			for (const name of certificateNames(host)) {
				assert.ok(name.length <= 253);
				for (const label of name.split(".")) assert.match(label, /^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/);
			}
		}),
	);
});
