import assert from "node:assert/strict";
import { test } from "node:test";
import type { NatReport } from "../../wire/channel-messages.ts";
import type { PunchPlan, PunchReport } from "./plan.ts";
import { describeFailure, type PunchOutcome } from "./words.ts";

const OPEN: NatReport = { mapping: "none", filtering: "open" };
const FIREWALL: NatReport = { mapping: "none", filtering: "by-port" };
const CONE: NatReport = { mapping: "independent", filtering: "open" };
const PORT: NatReport = { mapping: "independent", filtering: "by-port" };
const HARD: NatReport = { mapping: "dependent", filtering: "by-port" };
const UNKNOWN: NatReport = { mapping: "unknown", filtering: "unknown" };

const PLAN: PunchPlan = {
	role: "dial",
	candidates: [{ address: "203.0.113.9", port: 5_000, kind: "reflexive", packets: 64 }],
	ownNat: OPEN,
	peerNat: OPEN,
	punch: true,
	peerPunch: true,
	birthday: undefined,
	coordinatorRttMs: 20,
	waitMs: 0,
	deadlineMs: 1_500,
};
const REPORT: PunchReport = {
	candidates: [
		{ address: "203.0.113.9", port: 5_000, kind: "reflexive", probes: 8, answered: false },
		{ address: "2001:db8::9", port: 5_000, kind: "host", probes: 3, answered: false },
	],
	predictedProbes: 0,
	birthdayProbes: 0,
	sent: [],
};
const NOTHING: PunchOutcome = { dialled: [], heard: false };
const FROM = "no answer within 1500 ms from 203.0.113.9:5000 (8 probes), [2001:db8::9]:5000 (3 probes)";

const NATS: readonly (readonly [own: NatReport, peer: NatReport, because: string])[] = [
	[OPEN, OPEN, ""],
	[OPEN, PORT, ""],
	[CONE, CONE, ""],
	[UNKNOWN, PORT, ""],
	[FIREWALL, FIREWALL, ""],
	[PORT, PORT, "; it cannot work if one of the NATs uses another port for each address, which is not known here"],
	[CONE, PORT, "; it cannot work if one of the NATs uses another port for each address, which is not known here"],
	[FIREWALL, PORT, "; it cannot work if one of the NATs uses another port for each address, which is not known here"],
	[PORT, FIREWALL, "; it cannot work if one of the NATs uses another port for each address, which is not known here"],
	[HARD, HARD, "; both sides are behind NATs that use another port for every destination"],
	[HARD, PORT, "; this side's NAT uses another port for every destination, and the peer's lets in known ports only"],
	[PORT, HARD, "; the peer's NAT uses another port for every destination, and this side's lets in known ports only"],
];
for (const [ownNat, peerNat, because] of NATS) {
	test(`hole punch words: ${ownNat.mapping}/${ownNat.filtering} to ${peerNat.mapping}/${peerNat.filtering}`, () =>
		assert.equal(describeFailure({ ...PLAN, ownNat, peerNat }, REPORT, NOTHING), `${FROM}${because}`));
}

const OUTCOMES: readonly (readonly [what: string, plan: Partial<PunchPlan>, report: Partial<PunchReport>, outcome: Partial<PunchOutcome>, words: string])[] = [
	["no address", { candidates: [] }, {}, {}, "the peer has no address that may be tried"],
	["answers, but no QUIC", {}, {}, { dialled: [{ address: "2001:db8::9", port: 1 }], heard: true }, "no QUIC connection came about with [2001:db8::9]:1"],
	["heard, by who accepts", { role: "accept" }, {}, { heard: true }, "the peer was heard, but it did not connect"],
	["heard, by who dials", {}, {}, { heard: true }, "the peer was heard, but no answer to a probe came within 1500 ms"],
	["without hole punching", { punch: false }, {}, {}, "nobody came within 1500 ms, and this side does not punch holes"],
	["no time", {}, { candidates: [] }, {}, "the time of 1500 ms was over before it could begin"],
	["guesses", {}, { predictedProbes: 40, birthdayProbes: 2_048 }, {}, `${FROM}, predicted ports (40 probes), random ports (2048 probes)`],
];
for (const [what, plan, report, outcome, words] of OUTCOMES) {
	test(`hole punch words: ${what}`, () => assert.equal(describeFailure({ ...PLAN, ...plan }, { ...REPORT, ...report }, { ...NOTHING, ...outcome }), words));
}
