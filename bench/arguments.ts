/**
 * Command line of the benchmark. Pure.
 *
 * @module
 */

import { parseArgs } from "node:util";

/** What to measure, for how long, and where the outcome goes. */
export interface BenchArguments {
	readonly json: boolean;
	readonly write: boolean;
	readonly list: boolean;
	readonly help: boolean;
	readonly quick: boolean;
	/** Names of results; `undefined`: all. */
	readonly only: readonly string[] | undefined;
	readonly rounds: number;
	readonly seconds: number;
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
	const { values } = parseArgs({
		args: [...words],
		allowPositionals: false,
		options: {
			json: { type: "boolean", default: false },
			write: { type: "boolean", default: false },
			list: { type: "boolean", default: false },
			help: { type: "boolean", default: false },
			quick: { type: "boolean", default: false },
			only: { type: "string", multiple: true },
			rounds: { type: "string" },
			seconds: { type: "string" },
			library: { type: "string" },
		},
	});
	const only = values.only?.flatMap((list) => list.split(",")).filter((name) => name !== "");
	const unknown = only?.find((name) => !known.includes(name));
	if (unknown !== undefined) {
		throw new RangeError(`Cannot measure "${unknown}": there is no such result (see --list)`);
	}
	if (values.write && values.library !== undefined) {
		throw new RangeError("Cannot write results.md: they are those of another library");
	}
	if (values.write && (values.quick || only !== undefined)) {
		throw new RangeError("Cannot write results.md: --quick and --only do not give all figures");
	}
	const rounds = positive("--rounds", values.rounds, values.quick ? 2 : 5);
	if (!Number.isInteger(rounds)) {
		throw new RangeError("--rounds must be a whole number");
	}
	return {
		json: values.json,
		write: values.write,
		list: values.list,
		help: values.help,
		quick: values.quick,
		only,
		rounds,
		seconds: positive("--seconds", values.seconds, values.quick ? 0.4 : 2),
		library: values.library,
	};
}

function positive(name: string, text: string | undefined, otherwise: number): number {
	if (text === undefined) {
		return otherwise;
	}
	const value = Number(text);
	if (!(value > 0 && value <= 1_000)) {
		throw new RangeError(`${name} must be a number above 0, at most 1000`);
	}
	return value;
}
