/**
 * Command line of `npm run bench:curve`. Pure.
 *
 * @module
 */

import { parseArgs } from "node:util";
import { FAMILIES, type Family } from "./catalogue.ts";

/** Which curves, and where the outcome goes. */
export interface CurveArguments {
	readonly help: boolean;
	readonly list: boolean;
	readonly json: boolean;
	readonly write: boolean;
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
	const { values } = parseArgs({
		args: [...words],
		allowPositionals: false,
		options: {
			json: { type: "boolean", default: false },
			write: { type: "boolean", default: false },
			quick: { type: "boolean", default: false },
			list: { type: "boolean", default: false },
			help: { type: "boolean", default: false },
			only: { type: "string", multiple: true },
		},
	});
	const { only: lists, ...flags } = values;
	const names = lists?.flatMap((list) => list.split(",")).filter((name) => name !== "");
	const unknown = names?.find((name) => !(FAMILIES as readonly string[]).includes(name));
	if (unknown !== undefined) throw new RangeError(`Cannot measure "${unknown}": there is no such curve (see --list)`);
	if (names?.length === 0) throw new RangeError("Cannot measure nothing: name a curve (see --list)");
	if (flags.write && (flags.quick || names !== undefined)) throw new RangeError("Cannot write docs/performance.md: --quick and --only do not give all figures");
	return { ...flags, only: FAMILIES.filter((family) => names === undefined || names.includes(family)) };
}
