import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isAlternative } from "../../wire/come-back.ts";
import { parseCoordinator, parseSocketAddress } from "./address.ts";

test("coordinator: every documented form is read", () => {
	const cases: [string, string, number][] = [
		["example.org", "example.org", 1719],
		["example.org:7", "example.org", 7],
		["localhost:65535", "localhost", 65_535],
		["10.0.0.1", "10.0.0.1", 1719],
		["10.0.0.1:20", "10.0.0.1", 20],
		["[::1]:1719", "::1", 1719],
		["[2001:db8::1]", "2001:db8::1", 1719],
		["::1", "::1", 1719],
		["fe80::1%eth0", "fe80::1%eth0", 1719],
		["[fe80::1%eth0]", "fe80::1%eth0", 1719],
		["[fe80::1%3]:7", "fe80::1%3", 7],
		["bücher.example:7", "xn--bcher-kva.example", 7],
	];
	for (const [text, host, port] of cases) assert.deepEqual(parseCoordinator(text), { host, port }, text);
});

test("coordinator: anything else is refused", () => {
	for (const text of [
		"",
		":",
		":1",
		"a:",
		"a:0",
		"a:65536",
		"a:b",
		"a b",
		"quic://a",
		"a/b",
		"[a]:1",
		"[::1",
		"::1]:3",
		"a..b",
		"-a",
		"u@h",
		"a:1:2",
		"a%b",
		"10.0.0.1%eth0",
		"[fe80::1%]",
		"[fe80::1%a b]",
		"é%41",
		"\uff11.2.3.4",
	]) {
		assert.throws(() => parseCoordinator(text), { name: "TypeError", code: "OPTION_INVALID" }, text);
	}
});

test("coordinator: a bad port is called a bad port, and the option is named", () => {
	for (const port of ["0", "65536", "99999", "100000", "b", "", "-1", "1 ", "0x50"]) {
		for (const host of ["a", "10.0.0.1", "[::1]"]) {
			assert.throws(() => parseCoordinator(`${host}:${port}`), {
				option: "coordinator",
				problem: `must have a port from 1 to 65535 after the colon, not ${JSON.stringify(port)}`,
			});
		}
	}
	assert.throws(() => parseSocketAddress("10.0.0.1:0", 1), { message: /^Option "address" must have a port from 1 to 65535/ });
});

test("address: is an IP address with an optional port", () => {
	assert.deepEqual(parseSocketAddress("127.0.0.1:9", 1), { address: "127.0.0.1", port: 9 });
	assert.deepEqual(parseSocketAddress("127.0.0.1", 1), { address: "127.0.0.1", port: 1 });
	assert.deepEqual(parseSocketAddress("[::1]:9", 1), { address: "::1", port: 9 });
	assert.deepEqual(parseSocketAddress("[::1]", 1), { address: "::1", port: 1 });
	assert.deepEqual(parseSocketAddress("::1", 1), { address: "::1", port: 1 });
	assert.deepEqual(parseSocketAddress("[fe80::1%eth0]:9", 1), { address: "fe80::1%eth0", port: 9 });
	assert.deepEqual(parseSocketAddress("fe80::1%eth0", 1), { address: "fe80::1%eth0", port: 1 });
	for (const text of ["localhost:1", "", "1.2.3:4", "1.2.3.4:0"])
		assert.throws(() => parseSocketAddress(text, 1), { code: "OPTION_INVALID", message: /"address"/ }, text);
});

test("coordinator: whatever a Coordinator may name as an alternative is read, and nothing of it is lost", () => {
	const letters = fc.constantFrom(..."aZ09.-_:[]%f ");
	const near = fc.array(letters, { maxLength: 24 }).map((chars) => chars.join(""));
	const shaped = fc
		.tuple(
			fc.oneof(
				near,
				fc.domain(),
				fc.ipV4(),
				fc.ipV6().map((ip) => `[${ip}]`),
			),
			fc.nat({ max: 70_000 }),
		)
		.map(([host, port]) => `${host}:${port}`);
	let passed = 0;
	fc.assert(
		fc.property(fc.oneof(near, shaped), (text) => {
			if (!isAlternative(text)) return;
			passed++;
			const { host, port } = parseCoordinator(text);
			assert.ok(host !== "" && text.endsWith(`:${port}`), text);
		}),
		{ numRuns: 2_000 },
	);
	assert.ok(passed > 100, `${passed}`);
});
