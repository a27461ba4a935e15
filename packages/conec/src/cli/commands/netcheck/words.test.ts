import assert from "node:assert/strict";
import { test } from "node:test";
import { directOutlook } from "../../words/nat.ts";
import { type Netcheck, netcheckLines, outlookOf } from "./words.ts";

const EVERY = { listen: true, holePunching: true, birthday: false };
const OWN = { 4: ["192.168.1.5"], 6: [] };
const IPV4 = {
	family: 4,
	reached: true,
	observed: { address: "203.0.113.7", port: 40_123 },
	roundTripMs: 23.4,
	nat: { mapping: "independent", filtering: "by-port", secondPort: "answers" },
} as const;
const NO_IPV6 = { family: 6, reached: false, reason: "this machine has no IPv6 address of its own", tried: false } as const;
const IPV6 = {
	family: 6,
	reached: true,
	observed: { address: "2001:db8::5", port: 4_711 },
	roundTripMs: 20,
	nat: { mapping: "none", filtering: "by-port", secondPort: "answers" },
} as const;
const NO_IPV4 = { family: 4, reached: false, reason: "no IPv4 address of the Coordinator is known", tried: false } as const;

test("netcheck words: everything that was found, and what follows from the way that Clients take", () => {
	const check = { coordinator: "conec.example.org", own: OWN, looks: [IPV4, NO_IPV6] };
	assert.deepEqual(netcheckLines(check, EVERY), [
		"Coordinator  conec.example.org, reached over IPv4",
		"UDP          gets through",
		"IPv4         own 192.168.1.5",
		"             seen as 203.0.113.7:40123; round trip 23.4 ms",
		"             NAT: port-restricted or address-dependent NAT (the Coordinator's one address cannot show which; address- and port-dependent filtering)",
		"IPv6         own none",
		"             not reached: this machine has no IPv6 address of its own",
		"",
		outlookOf(check, EVERY),
	]);
	assert.match(outlookOf(check, EVERY), /^Direct channels work with every peer but those behind a symmetric or address-dependent NAT/);
});

test("netcheck words: nothing reached means that UDP is blocked or nothing listens", () => {
	const lines = netcheckLines(
		{ coordinator: "c", own: OWN, looks: [{ ...NO_IPV6, family: 4, reason: "no packet came back\u0007", tried: true }, NO_IPV6] },
		EVERY,
	);
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

test("netcheck words: where there is no way to the Coordinator nothing is said of UDP and firewalls", () => {
	const none = { ...NO_IPV4, reason: "this machine has no IPv4 address of its own" };
	const lines = netcheckLines(
		{ coordinator: "c", own: { 4: [], 6: ["2001:db8::5"] }, looks: [none, { ...NO_IPV6, reason: "no IPv6 address of the Coordinator is known" }] },
		EVERY,
	);
	assert.equal(lines[1], "UDP          is not tried: there is no way to the Coordinator from this machine");
	assert.ok(lines.every((line) => !/blocked|nothing listens/.test(line)));
});

test("netcheck words: a second port that does not answer is told by itself", () => {
	const look = { ...IPV4, nat: { mapping: "unknown", filtering: "by-port", secondPort: "silent" } } as const;
	const lines = netcheckLines({ coordinator: "c", own: OWN, looks: [look, NO_IPV6] }, EVERY);
	assert.ok(lines.includes("             NAT: not known"));
	assert.ok(lines.includes("             the Coordinator's second UDP port does not answer"));
	assert.match(lines.at(-1) ?? "", /^Direct channels may not work at all from here/);
});

const BOTH = { 4: ["192.168.1.5"], 6: ["2001:db8::5"] };
const LOCAL6 = { 4: ["192.168.1.5"], 6: ["fd00::5"] };
const PUBLIC4 = { 4: ["198.51.100.5"], 6: ["2001:db8::5"] };
const WORKS = "Over IPv6 they work with every peer that has it too, whatever the NATs of IPv4.";
const MAY = "Over IPv6 they may work with every peer that has it too, whatever the NATs of IPv4.";
const ONLY6 = "Peers without IPv6 are reached directly only in the same network, as the Coordinator sees this Client over IPv6.";
const BEYOND: readonly (readonly [what: string, own: typeof BOTH, looks: Netcheck["looks"], more: string | undefined])[] = [
	["IPv4 first, IPv6 reaches the Coordinator too", BOTH, [IPV4, IPV6], WORKS],
	["IPv4 first, the Coordinator has no IPv6", BOTH, [IPV4, { ...NO_IPV6, reason: "no IPv6 address of the Coordinator is known" }], MAY],
	["IPv4 first, packets over IPv6 vanish", BOTH, [IPV4, { ...NO_IPV6, reason: "no packet came back", tried: true }], undefined],
	["IPv4 first, IPv6 behind a NAT", BOTH, [IPV4, { ...IPV6, nat: { ...IPV6.nat, mapping: "independent" } }], undefined],
	["IPv4 first, IPv6 in the own network only", LOCAL6, [IPV4, NO_IPV6], undefined],
	["IPv4 first, no IPv6", { 4: ["192.168.1.5"], 6: [] }, [IPV4, NO_IPV6], undefined],
	["IPv4 first, IPv6 reached but its second port silent", BOTH, [IPV4, { ...IPV6, nat: { ...IPV6.nat, secondPort: "silent" } }], undefined],
	["IPv4 first and its second port silent, IPv6 not tried", BOTH, [{ ...IPV4, nat: { ...IPV4.nat, secondPort: "silent" } }, NO_IPV6], undefined],
	["IPv4 first and its second port silent, IPv6 answers", BOTH, [{ ...IPV4, nat: { ...IPV4.nat, secondPort: "silent" } }, IPV6], WORKS],
	["IPv6 first, a private IPv4 address", BOTH, [IPV6, NO_IPV4], ONLY6],
	["IPv6 first, IPv4 reaches the Coordinator too", BOTH, [IPV6, IPV4], ONLY6],
	["IPv6 first, a public IPv4 address", PUBLIC4, [IPV6, NO_IPV4], undefined],
];
for (const [what, own, looks, more] of BEYOND) {
	test(`netcheck words: the other IP version: ${what}`, () => {
		const [first] = looks;
		assert.ok(first?.reached);
		const alone = directOutlook(first.nat, EVERY);
		assert.equal(outlookOf({ coordinator: "c", own, looks }, EVERY), more === undefined ? alone : `${alone} ${more}`);
	});
}
