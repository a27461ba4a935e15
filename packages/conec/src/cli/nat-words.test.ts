import assert from "node:assert/strict";
import { test } from "node:test";
import type { NatReport } from "../index.ts";
import { directOutlook, type NatKind, natKind, natWords } from "./nat-words.ts";

const EVERY = { listen: true, holePunching: true, birthday: false };

const KINDS: readonly (readonly [nat: NatReport, kind: NatKind, words: RegExp, outlook: RegExp])[] = [
	[
		{ mapping: "none", filtering: "open" },
		"none",
		/^no NAT \(filtering by address or not at all\)$/,
		/^Direct channels work with every peer that UDP reaches\.$/,
	],
	[{ mapping: "none", filtering: "unknown" }, "none", /^no NAT \(filtering not known\)$/, /every peer that UDP reaches/],
	[{ mapping: "none", filtering: "by-port" }, "firewall", /^no NAT, but a firewall/, /every peer but those behind a symmetric NAT/],
	[{ mapping: "independent", filtering: "open" }, "cone", /^cone NAT \(endpoint-independent mapping/, /every peer that UDP reaches/],
	[
		{ mapping: "independent", filtering: "by-port" },
		"port-restricted",
		/address- and port-dependent filtering/,
		/but those behind a symmetric NAT.*if both sides say --birthday/,
	],
	[{ mapping: "dependent", filtering: "by-port", portStep: 1, lastPort: 9 }, "symmetric", /ports go up by 1/, /without a symmetric NAT of their own/],
	[{ mapping: "dependent", filtering: "by-port" }, "symmetric", /ports not predictable/, /only with peers .*full or restricted cone/],
	[{ mapping: "unknown", filtering: "open" }, "unknown", /^not known$/, /no second port/],
];
for (const [nat, kind, words, outlook] of KINDS) {
	test(`NAT words: mapping ${nat.mapping}, filtering ${nat.filtering}${nat.portStep === undefined ? "" : ", predictable"} is ${kind}`, () => {
		assert.equal(natKind(nat), kind);
		assert.match(natWords(nat), words);
		assert.match(directOutlook(nat, EVERY), outlook);
		assert.match(directOutlook(nat, EVERY), /^[A-Z][^.]*\.$/, "one sentence");
	});
}

test("NAT words: options of this side change what follows", () => {
	const nat: NatReport = { mapping: "independent", filtering: "by-port" };
	assert.match(directOutlook(nat, { ...EVERY, birthday: true }), /if they say --birthday too\.$/);
	assert.match(directOutlook(nat, { ...EVERY, listen: false }), /every peer called from here but/);
	assert.match(
		directOutlook(nat, { ...EVERY, holePunching: false }),
		/^Without hole punching, .* only with peers whose network lets packets in as they are\.$/,
	);
	assert.match(directOutlook(nat, { ...EVERY, holePunching: false, listen: false }), /only with peers called from here whose/);
});
