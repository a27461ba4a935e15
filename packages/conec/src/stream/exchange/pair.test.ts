import assert from "node:assert/strict";
import { test } from "node:test";
import { runHostile } from "../../../testing/legs/hostile.ts";
import type { Happening } from "../../../testing/legs/mood.ts";
import { runLegPair } from "../../../testing/legs/pair.ts";

/** `CONEC_PAIR_SEEDS` says how many pairs are tried. `npm run test:worlds -- --pairs 100000` tries many. */
const SEEDS = Number(process.env["CONEC_PAIR_SEEDS"] ?? 300);

test("stream pairs: every unit once and in order or an error at both ends, whatever happens to the legs between them", (t) => {
	const counts = new Map<Happening, number>();
	for (let seed = 1; seed <= SEEDS; seed++) for (const what of runLegPair(seed)) counts.set(what, (counts.get(what) ?? 0) + 1);
	t.diagnostic([...counts].map(([what, count]) => `${what} ${count}`).join(", "));
	const wanted: readonly Happening[] = [
		"orderly",
		"reset",
		"stop",
		"destroy",
		"kill",
		"moved",
		"resumed",
		"restart",
		"rejected",
		"blocked",
		"from",
		"acknowledged",
		"unacknowledged",
		"silent",
	];
	for (const what of wanted) assert.ok((counts.get(what) ?? 0) >= SEEDS / 100, `"${what}" happened in ${counts.get(what) ?? 0} of ${SEEDS} runs`);
});

test("stream pairs: a peer that sends what it likes gets an error, holds nothing beyond the limits, and leaves nothing", () => {
	const counts = new Map<string, number>();
	for (let seed = 1; seed <= SEEDS; seed++) {
		const end = runHostile(seed);
		counts.set(end, (counts.get(end) ?? 0) + 1);
	}
	for (const end of ["closed", "FRAME_INVALID", "other"]) assert.ok((counts.get(end) ?? 0) > 0, `none ended by "${end}"`);
});
