import assert from "node:assert/strict";
import { test } from "node:test";
import { CATALOGUE, planOf, REFERENCES } from "./catalogue.ts";

test("catalogue: has every result that the acceptance tests read, each with a reference", () => {
	for (const name of [
		"quic-bulk-64k",
		"quic-bulk-1k",
		"quic-small-64",
		"stream-small-64",
		"quic-rtt-64",
		"proxy-bulk-64k",
		"proxy-small-64",
		"proxy-rtt-64",
		"connect",
		"connect-ca",
		"paused-reader-bytes",
		"direct-bulk-64k",
		"broadcast-1-100-100",
		"broadcast-1-10-1k",
		"broadcast-rtt",
	]) {
		const entry = CATALOGUE.find((candidate) => candidate.name === name);
		assert.ok(entry !== undefined && entry.references.length > 0, name);
	}
});

test("catalogue: names are unique among results and references", () => {
	const names = [...CATALOGUE.map((entry) => entry.name), ...Object.keys(REFERENCES)];
	assert.equal(new Set(names).size, names.length);
});

test("plan: one result brings its references along, each subject once", () => {
	const { entries, subjects } = planOf(["stream-small-64"]);
	assert.deepEqual(
		entries.map((entry) => entry.name),
		["stream-small-64"],
	);
	assert.deepEqual([...subjects.keys()], ["stream-small-64", "quic-small-64", "node-tls-small-64"]);
});

test("plan: everything can be planned, and a result measured once brings only its references into the rounds", () => {
	assert.equal(planOf(undefined).entries.length, CATALOGUE.length);
	assert.deepEqual([...planOf(["file-1gib"]).subjects.keys()], ["proxy-bulk-64k"]);
	assert.deepEqual([...planOf(["churn-handles"]).subjects.keys()], []);
});

test("plan: a broadcast and nats-server run next to each other, and its delivery time next to the proxied round trip", () => {
	assert.deepEqual(
		[...planOf(["broadcast-1-100-100", "broadcast-rtt"]).subjects.keys()],
		["broadcast-1-100-100", "nats-1-100-100", "broadcast-rtt", "proxy-rtt-64", "proxy-time", "nats-time"],
	);
});
