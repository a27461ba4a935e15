import assert from "node:assert/strict";
import { test } from "node:test";
import type { PathReport } from "../../index.ts";
import { channelLine, endpoint, explainLines, pathPhrase } from "./path.ts";

const AUTO = { asked: "auto", used: undefined } as const;
const DIRECT: PathReport = {
	peers: ["alice", "bob"],
	path: "direct",
	reason: "this side dialled",
	candidates: [
		{ address: "203.0.113.10", port: 4711, kind: "reflexive", probes: 5, answered: true, rttMs: 12.34 },
		{ address: "192.168.1.4", port: 4711, kind: "host", probes: 1, answered: false },
		{ address: "2001:db8::1", port: 4711, kind: "host", probes: 0, answered: false },
		{ address: "203.0.113.10", port: 4712, kind: "predicted" },
	],
	nat: { own: { mapping: "independent", filtering: "by-port" }, peer: { mapping: "unknown", filtering: "unknown" } },
	address: { address: "203.0.113.10", port: 4711 },
	rttMs: 11.9,
};
const PROXIED: PathReport = { peers: ["alice", "bob"], path: "proxied", reason: "no answer\u001b[2J", candidates: [], nat: {} };

test("path words: addresses and paths", () => {
	assert.equal(endpoint({ address: "203.0.113.10", port: 1 }), "203.0.113.10:1");
	assert.equal(endpoint({ address: "2001:db8::1", port: 1_719 }), "[2001:db8::1]:1719");
	assert.equal(pathPhrase("proxied", { address: "203.0.113.10", port: 1 }), "through the Coordinator");
	assert.equal(pathPhrase("direct", { address: "203.0.113.10", port: 1 }), "direct, 203.0.113.10:1");
	assert.equal(pathPhrase("direct", undefined), "direct");
});

test("path words: a direct path with the NATs that are known and every address that was tried", () => {
	assert.deepEqual(explainLines(DIRECT, { asked: "auto", used: "direct" }), [
		"path to bob: direct, 203.0.113.10:4711, round trip 11.9 ms (this side dialled)",
		"  NAT here   port-restricted or address-dependent NAT (the Coordinator's one address cannot show which; address- and port-dependent filtering)",
		"  tried      203.0.113.10:4711  as the Coordinator sees it, 5 probes, answered in 12.3 ms",
		"             192.168.1.4:4711  its own address, 1 probe, no answer",
		"             [2001:db8::1]:4711  its own address, not probed",
		"             203.0.113.10:4712  predicted port",
	]);
});

test("path words: a proxied path says why, escaped; or that it was asked for", () => {
	assert.deepEqual(explainLines(PROXIED, AUTO), ["path to bob: through the Coordinator: no answer\\x1b[2J"]);
	assert.deepEqual(explainLines(PROXIED, { asked: "proxied", used: "proxied" }), ["path to bob: through the Coordinator, as --path proxied says"]);
	assert.deepEqual(explainLines({ ...PROXIED, path: "none", reason: "the Coordinator is lost" }, AUTO), ["path to bob: none: the Coordinator is lost"]);
});

test("path words: a stream on another path than the present one is told", () => {
	assert.match(explainLines(DIRECT, { asked: "auto", used: "proxied" })[1] ?? "", /began through the Coordinator, before/);
	assert.match(explainLines(PROXIED, { asked: "auto", used: "direct" })[1] ?? "", /was direct; that channel has ended/);
});

test("path words: a pair at the Coordinator", () => {
	const peers = ["alice", "bob"] as const;
	const address = { address: "203.0.113.10", port: 4711 };
	assert.equal(channelLine({ peers, outcome: "up", address, rttMs: 12.3 }), "alice and bob have a direct channel (203.0.113.10:4711, 12 ms)");
	assert.equal(channelLine({ peers, outcome: "up", rttMs: 0 }), "alice and bob have a direct channel (under 1 ms)");
	assert.equal(channelLine({ peers, outcome: "up" }), "alice and bob have a direct channel");
	assert.equal(channelLine({ peers, outcome: "failed", reason: "no\u0007answer" }), "no direct channel from alice to bob: no\\x07answer");
	assert.equal(channelLine({ peers, outcome: "down" }), "the direct channel from alice to bob has ended");
});
