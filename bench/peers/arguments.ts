/**
 * Command line of `npm run bench:peers`. Pure.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { checkWrite, namesOf, ROUND_OPTIONS, type Rounds, roundsOf, SHARED_OPTIONS, type SharedArguments } from "../command-line.ts";

/** What to measure, against whom, and where the outcome goes. */
export interface PeersArguments extends SharedArguments, Rounds {
	readonly install: "no" | "first" | "only";
	/** Names of figures; `undefined`: all. */
	readonly only: readonly string[] | undefined;
	/** Names of systems, Conec always among them; `undefined`: all. */
	readonly against: readonly string[] | undefined;
}

export const USAGE = `npm run bench:peers -- [options]
  --install       first install what is measured: packages into bench/peers, Node.js 24, raw quinn, the crate conec 0.2.0 (some minutes);
                  alone it measures nothing
  --json          print one JSON document on stdout (npm run --silent bench:peers -- --json)
  --write         write the table into docs/performance.md and the plots into docs/performance/; needs a full run
  --only A,B      only these figures (see --list)
  --against A,B   only these systems (see --list), and Conec
  --rounds N      rounds of each figure (default 9; those that are far behind take part in every third)
  --seconds S     length of a round (default 0.6)
  --quick         one short round: a smoke test, not a measurement
  --list          names of figures and systems
  --help          this text`;

/** @throws RangeError or TypeError with a message for the user. */
export function parseArguments(words: readonly string[], figures: readonly string[], systems: readonly string[]): PeersArguments {
	const options = { ...SHARED_OPTIONS, ...ROUND_OPTIONS, install: { type: "boolean", default: false }, against: { type: "string", multiple: true } } as const;
	const { json, write, list, help, quick, install, ...values } = parseArgs({ args: [...words], allowPositionals: false, options }).values;
	const only = namesOf(values.only, figures, "figure");
	const against = namesOf(values.against, systems, "system");
	checkWrite("docs/performance.md", write, { quick, only, against });
	const rounds = roundsOf(values, quick ? { rounds: 1, seconds: 0.2 } : { rounds: 9, seconds: 0.6 });
	return { help, list, install: !install ? "no" : words.length === 1 ? "only" : "first", json, write, only, against, ...rounds };
}
