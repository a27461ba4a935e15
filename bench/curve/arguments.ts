/**
 * Command line of `npm run bench:curve`. Pure.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { checkWrite, namesOf, SHARED_OPTIONS, type SharedArguments } from "../command-line.ts";
import { FAMILIES, type Family } from "./catalogue.ts";

/** Which curves, and where the outcome goes. */
export interface CurveArguments extends SharedArguments {
	readonly quick: boolean;
	readonly only: readonly Family[];
}

export const USAGE = `npm run bench:curve -- [options]
  --only A,B   only these curves (see --list)
  --json       print one JSON document on stdout (npm run --silent bench:curve -- --json)
  --write      write the tables into docs/performance.md and the plots into docs/performance/; needs a full run
  --quick      fewer and shorter steps: a smoke test, not a measurement
  --list       names of the curves
  --help       this text
A full run takes less than ten minutes. Delays and losses need root and what the NAT lab needs (test/nat/lab).`;

/** @throws RangeError or TypeError with a message for the user. */
export function parseArguments(words: readonly string[]): CurveArguments {
	const { only: lists, ...flags } = parseArgs({ args: [...words], allowPositionals: false, options: SHARED_OPTIONS }).values;
	const only = namesOf(lists, FAMILIES, "curve");
	checkWrite("docs/performance.md", flags.write, { quick: flags.quick, only });
	return { ...flags, only: FAMILIES.filter((family) => only === undefined || only.includes(family)) };
}
