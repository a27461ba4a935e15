import assert from "node:assert/strict";
import { test } from "node:test";
import { netcheckLines, outlookOf } from "./netcheck-words.ts";

const EVERY = { listen: true, holePunching: true, birthday: false };
const OWN = { 4: ["192.168.1.5"], 6: [] };
const IPV4 = {
	family: 4,
	reached: true,
	observed: { address: "203.0.113.7", port: 40_123 },
	roundTripMs: 23.4,
	nat: { mapping: "independent", filtering: "by-port" },
} as const;
const NO_IPV6 = { family: 6, reached: false, reason: "this machine has no IPv6 address of its own" } as const;

test("netcheck words: everything that was found, and what follows from the way that Clients take", () => {
	const check = { coordinator: "conec.example.org", own: OWN, looks: [IPV4, NO_IPV6] };
	assert.deepEqual(netcheckLines(check, EVERY), [
		"Coordinator  conec.example.org, reached over IPv4",
		"UDP          gets through",
		"IPv4         own 192.168.1.5",
		"             seen as 203.0.113.7:40123; round trip 23.40 ms",
		"             NAT: port-restricted cone NAT (endpoint-independent mapping, address- and port-dependent filtering)",
		"IPv6         own none",
		"             not reached: this machine has no IPv6 address of its own",
		"",
		outlookOf(check, EVERY),
	]);
	assert.match(outlookOf(check, EVERY), /^Direct channels work with every peer but those behind a symmetric NAT/);
});

test("netcheck words: nothing reached means that UDP is blocked or nothing listens", () => {
	const lines = netcheckLines({ coordinator: "c", own: OWN, looks: [{ ...NO_IPV6, family: 4, reason: "no packet came back\u0007" }, NO_IPV6] }, EVERY);
	assert.match(lines[1] ?? "", /^UDP +is blocked, or nothing listens there/);
	assert.ok(lines.includes("             not reached: no packet came back\\x07"));
	assert.match(lines.at(-1) ?? "", /need a Coordinator that is reached, and UDP/);
});

test("netcheck words: a Coordinator nearby does not show what is in front of the Internet", () => {
	const seenAs = (address: string): string[] =>
		netcheckLines({ coordinator: "c", own: OWN, looks: [{ ...IPV4, observed: { address, port: 9 } }, NO_IPV6] }, EVERY);
	assert.match(seenAs("192.168.1.5").at(-1) ?? "", /same private network/);
	assert.match(seenAs("127.0.0.1").at(-1) ?? "", /Clients on this machine/);
	assert.ok(seenAs("127.0.0.1").some((line) => /nothing to see/.test(line)));
});
