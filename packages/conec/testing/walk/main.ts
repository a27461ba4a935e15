/**
 * Walks from the command line: `npm run test:worlds -- --seeds 2000`, or `--seed 7` for one of them, with its log.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { runWalks } from "./many.ts";
import { KINDS, runWalk } from "./run.ts";
import { Tally } from "./tally.ts";

const { values } = parseArgs({ options: { seed: { type: "string" }, seeds: { type: "string" }, from: { type: "string" }, sights: { type: "boolean" } } });

if (values.seed === undefined) await many(Number(values.from ?? 1), Number(values.seeds ?? 300));
else await one(Number(values.seed));

async function one(seed: number): Promise<void> {
	const { log, problems, virtualMs } = await runWalk(seed);
	for (const line of log) console.log(line);
	console.log(`\nseed ${seed}: ${problems.length} problems in ${Math.round(virtualMs / 1_000)} s of virtual time`);
	for (const problem of problems) console.log(`  ${problem}`);
	if (problems.length > 0) process.exitCode = 1;
}

async function many(from: number, count: number): Promise<void> {
	const started = performance.now();
	const tally = new Tally();
	await runWalks(from, count, (result) => {
		const { seed, problems } = result;
		tally.add(result);
		if (problems.length === 0) return;
		process.exitCode = 1;
		console.log(`seed ${seed}: ${problems.length} problems; to see it again: npm run test:worlds -- --seed ${seed}`);
		for (const problem of problems.slice(0, 5)) console.log(`  ${problem}`);
	});
	console.log(
		tally.report(
			KINDS.map(({ name }) => name),
			values.sights === true,
		),
	);
	const seconds = (performance.now() - started) / 1_000;
	console.log(`${count} seeds in ${seconds.toFixed(1)} s, ${tally.failed} with problems`);
}
