import assert from "node:assert/strict";
import { test } from "node:test";
import type { DirectChannel } from "../channel/channel.ts";
import type { PastAttempt } from "../direct/path-memory.ts";
import { NAT_UNKNOWN } from "../network/nat-check.ts";
import { explainPath, type PathFacts } from "./explain.ts";

const FACTS: PathFacts = {
	id: "alice",
	peer: "bob",
	proxied: true,
	arranged: true,
	channel: undefined,
	last: undefined,
	hopeless: undefined,
	trying: false,
	ownNat: NAT_UNKNOWN,
	silentPort: false,
};
const PAST: PastAttempt = { at: new Date(0), outcome: "failed", reason: "no answer from x", durationMs: 1_500, candidates: [], peerNat: NAT_UNKNOWN };
const UP: PastAttempt = { ...PAST, outcome: "up", reason: "direct to x" };
const channel = (dialled: boolean): DirectChannel =>
	({ dialled, stats: () => ({ rttMs: 5, remoteAddress: { address: "203.0.113.9", port: 1 }, since: new Date(0) }) }) as unknown as DirectChannel;
const PORT = "; the Coordinator's second UDP port does not answer either, so this network may let out only some ports";

const REASONS: readonly (readonly [what: string, changes: Partial<PathFacts>, path: string, reason: string])[] = [
	["a channel of this side's", { channel: channel(true), last: UP }, "direct", "this side dialled"],
	["a channel of the peer's", { channel: channel(false), trying: true }, "direct", "the peer dialled"],
	["no Coordinator and no channel", { proxied: "the Coordinator is lost", last: PAST }, "none", "the Coordinator is lost"],
	["oneself", { peer: "alice" }, "proxied", "streams to oneself go through the Coordinator"],
	["a Coordinator without direct channels", { arranged: false, trying: true }, "proxied", "the Coordinator arranges no direct channels"],
	["an attempt under way", { trying: true, last: PAST, hopeless: "no hope" }, "proxied", "a direct channel is being tried"],
	["no attempt", {}, "proxied", "no direct channel has been tried"],
	["no attempt, and a silent second port", { silentPort: true }, "proxied", "no direct channel has been tried"],
	["one that failed", { last: PAST }, "proxied", "no answer from x"],
	["one that failed, and a silent second port", { last: PAST, silentPort: true }, "proxied", `no answer from x${PORT}`],
	["no hope", { last: PAST, hopeless: "both are behind a symmetric NAT" }, "proxied", "both are behind a symmetric NAT"],
	["no hope, and a silent second port", { hopeless: "no answer", silentPort: true }, "proxied", `no answer${PORT}`],
	["one that was up", { last: UP, silentPort: true }, "proxied", "the direct channel has ended"],
];
for (const [what, changes, path, reason] of REASONS) {
	test(`explain: ${what}`, () => {
		const report = explainPath({ ...FACTS, ...changes });
		assert.deepEqual([report.path, report.reason], [path, reason]);
	});
}
