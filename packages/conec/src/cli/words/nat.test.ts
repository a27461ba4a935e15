import assert from "node:assert/strict";
import { test } from "node:test";
import type { NatReport, OwnNat } from "../../index.ts";
import { directOutlook, type NatKind, natKind, natWords } from "./nat.ts";

const EVERY = { listen: true, holePunching: true, birthday: false };
const seen = (nat: NatReport): OwnNat => ({ ...nat, secondPort: nat.mapping === "unknown" ? "none" : "answers" });

const BUT = "but those behind a symmetric or address-dependent NAT: with a symmetric one if its ports are predictable, or if both sides say --birthday";
const IF_BY_ADDRESS =
	"should this NAT have another port for each address, only with those whose network lets in every port of an address that they have sent to";

const KINDS: readonly (readonly [nat: NatReport, kind: NatKind, words: string, outlook: string])[] = [
	[{ mapping: "none", filtering: "open" }, "none", "no NAT (filtering by address or not at all)", "with every peer that UDP reaches."],
	[{ mapping: "none", filtering: "unknown" }, "none", "no NAT (filtering not known)", "with every peer that UDP reaches."],
	[{ mapping: "none", filtering: "by-port" }, "firewall", "no NAT, but a firewall (address- and port-dependent filtering)", `with every peer ${BUT}.`],
	[
		{ mapping: "independent", filtering: "open" },
		"cone",
		"cone or address-dependent NAT (the Coordinator's one address cannot show which; filtering by address or not at all)",
		`with every peer that UDP reaches; ${IF_BY_ADDRESS}.`,
	],
	[
		{ mapping: "independent", filtering: "unknown" },
		"cone",
		"cone or address-dependent NAT (the Coordinator's one address cannot show which; filtering not known)",
		`with every peer that UDP reaches; ${IF_BY_ADDRESS}.`,
	],
	[
		{ mapping: "independent", filtering: "by-port" },
		"port-restricted",
		"port-restricted or address-dependent NAT (the Coordinator's one address cannot show which; address- and port-dependent filtering)",
		`with every peer ${BUT}; ${IF_BY_ADDRESS}.`,
	],
	[
		{ mapping: "dependent", filtering: "by-port", portStep: 1, lastPort: 9 },
		"symmetric",
		"symmetric NAT (address- and port-dependent mapping, predictable: ports go up by 1; address- and port-dependent filtering)",
		"with peers without a symmetric or address-dependent NAT of their own: ports here are predictable.",
	],
	[
		{ mapping: "dependent", filtering: "by-port" },
		"symmetric",
		"symmetric NAT (address- and port-dependent mapping, ports not predictable; address- and port-dependent filtering)",
		"only with peers whose network lets in every port of an address that they have sent to (no NAT, or full or restricted cone); with port-restricted ones if both sides say --birthday.",
	],
	[
		{ mapping: "unknown", filtering: "open" },
		"unknown",
		"not known",
		"with most peers; with which ones is not known, as the Coordinator has no second port to look at the NAT with.",
	],
];
for (const [nat, kind, words, outlook] of KINDS) {
	test(`NAT words: mapping ${nat.mapping}, filtering ${nat.filtering}${nat.portStep === undefined ? "" : ", predictable"} is ${kind}`, () => {
		assert.deepEqual([natKind(nat), natWords(nat), directOutlook(seen(nat), EVERY)], [kind, words, `Direct channels work ${outlook}`]);
		assert.match(directOutlook(seen(nat), EVERY), /^[A-Z][^.]*\.$/, "one sentence");
	});
}

test("NAT words: a second port that is promised and silent is no NAT of any kind, and promises no direct channel", () => {
	for (const [nat] of KINDS) {
		const outlook = directOutlook({ ...nat, secondPort: "silent" }, EVERY);
		assert.match(outlook, /^Direct channels may not work at all from here: the Coordinator's second UDP port does not answer, so either .* or [^.]*\.$/);
		assert.doesNotMatch(outlook, /has no second port|most peers/);
	}
});

test("NAT words: options of this side change what follows", () => {
	const nat: OwnNat = { mapping: "independent", filtering: "by-port", secondPort: "answers" };
	const open: OwnNat = { mapping: "none", filtering: "open", secondPort: "answers" };
	assert.match(directOutlook(nat, { ...EVERY, birthday: true }), /or if they say --birthday too; should/);
	assert.match(directOutlook(nat, { ...EVERY, listen: false }), /every peer called from here but/);
	const silent = { ...EVERY, holePunching: false };
	assert.equal(directOutlook(nat, silent), "Without hole punching, direct channels work only with peers whose network lets packets in as they are.");
	assert.match(directOutlook(nat, { ...silent, listen: false }), /only with peers called from here whose/);
	assert.equal(
		directOutlook(open, silent),
		"Without hole punching, direct channels work with peers whose network lets packets in as they are; should no firewall here keep out addresses that were never sent to, also with peers that do punch holes.",
	);
});
