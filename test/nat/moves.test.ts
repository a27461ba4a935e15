/** A Client that moved while it was idle is reached directly at the first try. Twenty times each: `npm run test:nat -- --full`. */

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sleep } from "./actors/actions.ts";
import { afterMove, CALLS, MOVES } from "./moves.ts";
import { BRISK_MS } from "./report/results.ts";
import { eventually, story, World } from "./world.ts";

/** Several labs at once on a machine that may be busy: the full run, which has it for itself, holds the figure itself. */
const DIRECT_MS = 2 * BRISK_MS;
/** As long as a keep-alive and a challenge take at the most. */
const LATER_MS = 9_000;
/** A keep-alive every 5 s tells of the move; then come a challenge and a look at the new NAT. */
const NAT_KNOWN_MS = 15_000;

describe("moves", { concurrency: 5 }, () => {
	for (const move of MOVES) {
		test(`moves: an idle Client moves (${move.name}); direct within ${DIRECT_MS} ms, whoever calls, as a stream or a channel`, async (t) => {
			const world = await World.up(t);
			const tries = await afterMove(world, move);
			const wrong: string[] = [];
			for (const call of CALLS) {
				const { ok, ms, note, pair } = tries.get(call) ?? assert.fail(call);
				t.diagnostic(`${call}: ${Math.round(ms)} ms${note === undefined ? "" : `, ${note}`}`);
				// A channel waits ten seconds. A stream does not, and where a busy machine made it too late, it is there for the next one.
				const next = ok || call.endsWith("channel") ? undefined : await pair[0].visit(pair[1]);
				if (!(ok || next?.path === "direct") || (next?.ms ?? ms) > DIRECT_MS) wrong.push(`${call}: ${note ?? ""} after ${ms} ms${await story(...pair)}`);
			}
			assert.deepEqual(wrong, []);
		});
	}

	for (const move of MOVES) {
		test(`moves: a Client that is called before anybody can know that it moved (${move.name}) has a stream all the same, and ${LATER_MS / 1_000} s later a direct one`, async (t) => {
			const world = await World.up(t);
			await world.renew(move.kinds);
			const [a, b] = await Promise.all([world.connect("a"), world.connect("b")]);
			await Promise.all([a.nat(), b.nat()]);
			await move.strike(world);
			const early = await a.visit(b);
			t.diagnostic(`at once: ${early.path} after ${Math.round(early.ms)} ms`);
			assert.equal(early.error, undefined, `${JSON.stringify(early)}${await story(a, b)}`);
			await sleep(LATER_MS);
			const { path, ms } = await a.openStream(b);
			t.diagnostic(`later: ${path} after ${Math.round(ms)} ms`);
			assert.ok(path === "direct" && ms <= DIRECT_MS, `${path} after ${ms} ms${await story(a, b)}`);
		});
	}

	test(`moves: what an idle Client says of its NAT is that of its new network within ${NAT_KNOWN_MS} ms`, async (t) => {
		const world = await World.up(t);
		await world.renew(["port", "port"]);
		const [a, b] = await Promise.all([world.connect("a"), world.connect("b")]);
		assert.equal((await b.nat()).mapping, "independent");
		for (const [kind, mapping] of [
			["sym", "dependent"],
			["port", "independent"],
		] as const) {
			await world.lab.set("B", kind);
			const known = await eventually(NAT_KNOWN_MS, async () => (await b.nat()).mapping === mapping);
			assert.ok(known, `${kind}: ${JSON.stringify(await b.nat())}${await story(a, b)}`);
		}
		const { path } = await a.openStream(b);
		assert.equal(path, "direct", `back behind a cone it is reached directly${await story(a, b)}`);
	});
});
