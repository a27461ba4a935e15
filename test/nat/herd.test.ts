/** Many Clients behind one address lose their Coordinator, which is killed and comes again. It has so much to do that each source is slowed. */

import assert from "node:assert/strict";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { CoordinatorOptions } from "../../packages/conec/src/index.ts";
import type { Actor } from "./actor.ts";
import { nowMs, sleep } from "./actors/actions.ts";
import { COORDINATOR_ADDRESS, Lab, RTT_100 } from "./lab.ts";

const CLIENTS = 500;
const DOWN_MS = 2_000;
const WATCHED_MS = 15_000;
/** Without tokens ten of one network are let in a second. */
const SLOW_MS = 6_000;

interface Return {
	/** After the port was bound, the first one first. */
	readonly backMs: readonly number[];
	readonly failures: Readonly<Record<string, number>>;
}

async function herd(t: TestContext, tokens: boolean, watchedMs: number): Promise<Return> {
	const lab = await Lab.up(t, { a: "port", wire: RTT_100 });
	const stateDirectory = await mkdtemp(join(tmpdir(), "conec-herd-"));
	t.after(() => rm(stateDirectory, { recursive: true, force: true }));
	const listen = async (limits: CoordinatorOptions["limits"] = {}): Promise<{ actor: Actor; pin: string; boundMs: number }> => {
		const actor = await lab.actor("coord", "coordinator");
		const options: CoordinatorOptions = { port: 1719, stateDirectory, limits };
		const { pin } = await actor.call<{ pin: string }>("listen", options);
		return { actor, pin, boundMs: nowMs() };
	};
	const first = await listen();
	const clients = await lab.actor("a", "herd");
	const where = { address: COORDINATOR_ADDRESS, port: 1719, pin: first.pin };
	await clients.call("enter", { count: CLIENTS, where });
	await first.actor.kill();
	await clients.call("lose", { where, tokens });
	await sleep(DOWN_MS);
	// As if many others came too: it is loaded from the first connection on.
	const { pin, boundMs } = await listen({ retryThreshold: 0 });
	assert.equal(pin, first.pin);
	for (;;) {
		const { backMs, failures } = await clients.call<Return>("back");
		if (backMs.length < CLIENTS && nowMs() - boundMs < watchedMs) await sleep(250);
		else return { backMs: backMs.map((ms) => Math.round(ms - boundMs)).sort((one, other) => one - other), failures };
	}
}

function summary({ backMs, failures }: Return): string {
	const at = (share: number): string => `${backMs[Math.ceil(share * CLIENTS) - 1] ?? "-"} ms`;
	return `${backMs.length} of ${CLIENTS} are back; half after ${at(0.5)}, 95 % after ${at(0.95)}, all after ${at(1)}; failures: ${JSON.stringify(failures)}`;
}

test(`herd: ${CLIENTS} Clients behind one address return to a Coordinator that was killed within ${WATCHED_MS / 1_000} s, as it knows them by their tokens`, async (t) => {
	const back = await herd(t, true, WATCHED_MS);
	t.diagnostic(summary(back));
	assert.equal(back.backMs.length, CLIENTS, summary(back));
});

test("herd: without tokens each source is let in slowly, as ever", async (t) => {
	const back = await herd(t, false, SLOW_MS);
	t.diagnostic(summary(back));
	assert.ok(back.backMs.length <= (12 * SLOW_MS) / 1_000, summary(back));
});
