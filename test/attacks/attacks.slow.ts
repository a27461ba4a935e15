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

for (const { name, does } of KINDS) {
	test(`attack ${name}: ${does}`, { timeout: 240_000 }, async (t) => {
		const round = await runRound(name, { keys: KEYS, seconds: SECONDS, cores: coresOf() });
		const { bystanders, deeds, realSources } = round;
		t.diagnostic(`${deeds.acts} acts; ${missed(round).join("; ") || "every figure holds"}${realSources ? "" : " (from loopback)"}`);
		if (!realSources) return t.skip("sources of its own need root, Linux and `ip`; from loopback only keys count");
		assert.ok(deeds.acts > 0, "the attackers have done something");
		assert.deepEqual(plainLosses(round), []);
		assert.ok(bystanders.stream.p50 < HALF_WITHIN_MS, `half of the streams took ${bystanders.stream.p50} ms`);
		assert.ok(bystanders.connect.p50 < HALF_WITHIN_MS, `half of the connects took ${bystanders.connect.p50} ms`);
		assert.ok(bystanders.echo.count > 0 && bystanders.echo.p50 < HALF_WITHIN_MS, `half of the messages took ${bystanders.echo.p50} ms`);
	});
}
