/** What a path survives: addresses and mappings that change in the middle of a transfer, and losses. Each fault twenty times: `npm run test:nat -- --full`. */

import assert from "node:assert/strict";
import { after, test } from "node:test";
import { FAULTS, faultOutcome, MIB, TRANSFER_BYTES } from "./faults.ts";
import { story, World } from "./world.ts";

const world = await World.up({ after });

for (const fault of FAULTS) {
	test(`faults: ${fault.name} in the middle of ${TRANSFER_BYTES / MIB} MiB ${fault.promise}`, async (t) => {
		const outcome = await faultOutcome(world, fault);
		const { pauseMs, detectionMs, againMs } = outcome;
		t.diagnostic(JSON.stringify({ pauseMs, detectionMs, againMs }));
		const wrong = outcome.problem ?? outcome.late;
		assert.equal(wrong, undefined, `${wrong}\n${outcome.story}`);
	});
}

for (const { rttMs, lossPercent, mebibytes } of [
	{ rttMs: 40, lossPercent: 1, mebibytes: 4 },
	{ rttMs: 40, lossPercent: 5, mebibytes: 2 },
	{ rttMs: 150, lossPercent: 1, mebibytes: 1 },
	{ rttMs: 150, lossPercent: 5, mebibytes: 0.25 },
]) {
	test(`faults: with ${lossPercent} % loss and ${rttMs} ms a channel comes up and ${mebibytes} MiB arrive as they were sent, on both paths`, async () => {
		for (const link of ["a", "b", "co"] as const) await world.lab.wire(link, { delayMs: rttMs / 4, lossPercent: link === "a" ? lossPercent : 0, seed: 11 });
		const [a, b] = await world.pair(["port", "port"]);
		const channel = await a.openChannel(b);
		assert.equal(channel.error, undefined, `${JSON.stringify(channel)}${await story(a, b)}`);
		const names = (["direct", "proxied"] as const).map((path) => ({ path, name: `lossy ${path} ${a.id}` }));
		for (const { path, name } of names) assert.deepEqual(await a.send(b, path, name, mebibytes * MIB), { path });
		for (const { name } of names) {
			const account = await a.result(name);
			assert.equal(account.error, undefined, `${name}: ${JSON.stringify(account)}`);
			assert.equal(account.bytes, mebibytes * MIB);
		}
	});
}
