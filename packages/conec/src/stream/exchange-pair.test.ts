import assert from "node:assert/strict";
import { test } from "node:test";
import { type Happening, runExchangePair } from "../../testing/exchange/pair.ts";

const SEEDS = 4_000;

test("stream exchange: two machines agree, whatever the line between them does", () => {
	const counts = new Map<Happening, number>();
	for (let seed = 1; seed <= SEEDS; seed++) for (const what of runExchangePair(seed)) counts.set(what, (counts.get(what) ?? 0) + 1);
	const wanted: readonly Happening[] = [
		"orderly",
		"reset",
		"stop",
		"destroy",
		"loss",
		"rejected",
		"timeout",
		"early",
		"waiting",
		"overtaken",
		"crossed",
		"delivered",
		"acknowledged",
		"unacknowledged",
	];
	for (const what of wanted) assert.ok((counts.get(what) ?? 0) >= SEEDS / 200, `"${what}" happened in ${counts.get(what) ?? 0} of ${SEEDS} runs`);
});
