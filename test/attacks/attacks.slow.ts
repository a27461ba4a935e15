/**
 * Each kind of attack for some seconds: nobody else loses an id, a connection, an open stream, a place or a name, nothing crashes or hangs, and
 * half of what is opened comes within seconds. How quick everything stays is not asked here, as it depends on the machine: `npm run bench:attacks`.
 */

import assert from "node:assert/strict";
import { test } from "node:test";
import { coresOf } from "./cores.ts";
import { KINDS } from "./kinds/index.ts";
import { runRound } from "./round.ts";
import { missed, plainLosses } from "./verdict.ts";

const SECONDS = 3;
const KEYS = 32;
/** Far more than an idle machine takes for half of them. */
const HALF_WITHIN_MS = 5_000;

/** Attacks that are known to succeed, and what is to stop them. Take the line out when it does: a test that is "to do" fails nothing. */
const SUCCEEDS: Readonly<Record<string, string>> = {
	// Everybody waits.
	...entries("turns of the event loop", "coordinator-empty", "opens-unanswered", "open-answer-reset", "open-nobody", "joins", "joins-new-names", "watches"),
	...entries(
		"control messages are read slower",
		"pongs",
		"pings",
		"nested",
		"metadata",
		"peer-checks",
		"broadcast-counts",
		"channel-requests",
		"channel-answers",
		"channel-lists",
	),
	// Nobody else gets in, or somebody is put out.
	...entries("fair pools", "places", "broadcast-names", "leases", "silent-streams"),
	...entries("an id is judged by several pings", "id-theft"),
};

function entries(reason: string, ...names: readonly string[]): Record<string, string> {
	return Object.fromEntries(names.map((name) => [name, reason]));
}

for (const { name, does } of KINDS) {
	const todo = SUCCEEDS[name];
	test(`attack ${name}: ${does}`, { timeout: 240_000, ...(todo === undefined ? {} : { todo }) }, async (t) => {
		const round = await runRound(name, { keys: KEYS, seconds: SECONDS, cores: coresOf() });
		const { bystanders, deeds, realSources } = round;
		t.diagnostic(`${deeds.acts} acts; ${missed(round).join("; ") || "every figure holds"}${realSources ? "" : " (from loopback)"}`);
		assert.ok(deeds.acts > 0, "the attackers have done something");
		assert.deepEqual(plainLosses(round), []);
		assert.ok(bystanders.stream.p50 < HALF_WITHIN_MS, `half of the streams took ${bystanders.stream.p50} ms`);
		assert.ok(bystanders.connect.p50 < HALF_WITHIN_MS, `half of the connects took ${bystanders.connect.p50} ms`);
		assert.ok(bystanders.echo.count > 0 && bystanders.echo.p50 < HALF_WITHIN_MS, `half of the messages took ${bystanders.echo.p50} ms`);
	});
}
