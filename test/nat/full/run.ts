/**
 * The full run, which makes docs/nat.md: `run.ts [SECTION...] [--rounds N]`. Sections: see SECTIONS; all of
 * them unless some are named, and then the page keeps the others as they were measured before, from `test/nat/full/results.json`.
 * Ends with 1 when something misses its figure that is not in `known.ts`.
 */

import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeCommit, describeMachine } from "../../../bench/machine.ts";
import { formatPage, type Results, surprises } from "../report/page.ts";
import type { Origin } from "../report/tables.ts";
import { measureCarriers, measureCrowd, measureIpv6, measureMoves, measureTrouble } from "./cases.ts";
import { measureFaults, measureThroughput } from "./faults.ts";
import { KNOWN } from "./known.ts";
import type { Run } from "./measure.ts";
import { measureBirthday, measurePairs } from "./pairs.ts";

const SECTIONS = {
	pairs: measurePairs,
	birthday: measureBirthday,
	carriers: measureCarriers,
	ipv6: measureIpv6,
	moves: measureMoves,
	trouble: measureTrouble,
	crowd: measureCrowd,
	faults: measureFaults,
	throughput: measureThroughput,
} as const;
type Name = keyof typeof SECTIONS;
const ROUNDS = 20;

const root = join(import.meta.dirname, "../../..");
const resultsFile = join(import.meta.dirname, "results.json");
const { names, rounds } = readWords(process.argv.slice(2));
// Once: the first section to end writes docs/nat.md, and with that the tree is not the commit's any more.
const origin = describeOrigin();
let results = readResults();
for (const name of names) {
	console.log(`\n== ${name}`);
	const startedMs = Date.now();
	const ends: (() => Promise<void> | void)[] = [];
	const run: Run = { owner: { after: (end) => void ends.push(end) }, rounds, root, log: (line) => console.log(line) };
	try {
		const rows = await SECTIONS[name](run);
		results = { ...results, [name]: { origin, rows } } as Results;
	} finally {
		for (const end of ends) await end();
	}
	console.log(`${name}: ${Math.round((Date.now() - startedMs) / 1_000)} s`);
	// After each section: the next one may take an hour, or fail.
	writeFileSync(resultsFile, `${JSON.stringify(results)}\n`);
	writeFileSync(join(root, "docs/nat.md"), formatPage(results, KNOWN));
}
const missed = surprises(results, KNOWN);
for (const { name, verdict, note } of missed) console.error(`MISSED ${name}: ${verdict.text}${note === undefined ? "" : `: ${note}`}`);
console.log(missed.length === 0 ? "\nEvery figure that was measured is reached, or known not to be." : `\n${missed.length} figures are missed.`);
process.exit(missed.length === 0 ? 0 : 1);

function readWords(words: readonly string[]): { names: readonly Name[]; rounds: number } {
	const at = words.indexOf("--rounds");
	const rounds = at < 0 ? ROUNDS : Number(words[at + 1]);
	const wanted = at < 0 ? words : words.toSpliced(at, 2);
	const unknown = wanted.filter((name) => !Object.hasOwn(SECTIONS, name));
	if (unknown.length > 0 || !Number.isInteger(rounds) || rounds < 1) {
		console.error(`usage: npm run test:nat -- --full [${Object.keys(SECTIONS).join("] [")}] [--rounds N]`);
		process.exit(2);
	}
	return { names: (wanted.length > 0 ? wanted : Object.keys(SECTIONS)) as Name[], rounds };
}

function readResults(): Results {
	try {
		return JSON.parse(readFileSync(resultsFile, "utf8")) as Results;
	} catch (error) {
		if ((error as NodeJS.ErrnoException).code === "ENOENT") return {};
		throw error;
	}
}

function describeOrigin(): Origin {
	const { cpu, cores, kernel, node } = describeMachine();
	return {
		commit: describeCommit(root),
		date: new Date().toISOString().slice(0, 10),
		machine: `${cpu}, ${cores} cores, Linux ${kernel.split(" ")[0]}, Node ${node}`,
	};
}
