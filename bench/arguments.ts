/**
 * Command line of the benchmark. Pure.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { checkWrite, namesOf, ROUND_OPTIONS, type Rounds, roundsOf, SHARED_OPTIONS, type SharedArguments } from "./command-line.ts";

/** What to measure, for how long, and where the outcome goes. */
export interface BenchArguments extends SharedArguments, Rounds {
	readonly quick: boolean;
	/** Names of results; `undefined`: all. */
	readonly only: readonly string[] | undefined;
	/** A work tree whose library is measured by this tree's benchmark; `undefined`: this one's. */
	readonly library: string | undefined;
}

export const USAGE = `npm run bench -- [options]
  --json          print one JSON document {machine, commit, results} on stdout (npm run --silent bench -- --json)
  --only A,B      only these results (see --list)
  --quick         short rounds, small files: a smoke test, not a measurement
  --rounds N      rounds per figure (default 5, quick 2)
  --seconds S     length of a round (default 2, quick 0.4)
  --write         update bench/results.md; needs a full run
  --list          names of the results
  --library DIR   measure the library of that work tree with this benchmark
  --help          this text`;

/** @throws RangeError or TypeError with a message for the user. */
export function parseArguments(words: readonly string[], known: readonly string[]): BenchArguments {
	const options = { ...SHARED_OPTIONS, ...ROUND_OPTIONS, library: { type: "string" } } as const;
	const { json, write, list, help, quick, library, ...values } = parseArgs({ args: [...words], allowPositionals: false, options }).values;
	const only = namesOf(values.only, known, "result");
	if (write && library !== undefined) throw new RangeError("Cannot write results.md: they are those of another library");
	checkWrite("results.md", write, { quick, only });
	const rounds = roundsOf(values, quick ? { rounds: 2, seconds: 0.4 } : { rounds: 5, seconds: 2 });
	return { json, write, list, help, quick, only, ...rounds, library };
}
