/**
 * Pairs of machines from the command line: `npm run test:worlds -- --pairs 100000`, or `--pair 7` for one of them.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { runHostile } from "./hostile.ts";
import { runLegPair } from "./pair.ts";

const { values } = parseArgs({ options: { pair: { type: "string" }, pairs: { type: "string" }, from: { type: "string" } } });

const first = Number(values.pair ?? values.from ?? 1);
const count = values.pair === undefined ? Number(values.pairs ?? 300) : 1;
const counts = new Map<string, number>();
let failed = 0;
for (let seed = first; seed < first + count; seed++) {
	try {
		for (const what of runLegPair(seed)) counts.set(what, (counts.get(what) ?? 0) + 1);
		runHostile(seed);
	} catch (error) {
		failed++;
		process.exitCode = 1;
		const { message } = error as Error;
		console.log(count === 1 ? message : `seed ${seed}: ${message.slice(-300)}; to see it again: npm run test:worlds -- --pair ${seed}`);
	}
}
console.log([...counts].map(([what, times]) => `${what} ${times}`).join(", "));
console.log(`${count} pairs, ${failed} with problems`);
