/**
 * Command line of `npm run bench:peers`. Pure.
 *
 * @module
 */

import { parseArgs } from "node:util";

/** What to measure, against whom, and where the outcome goes. */
export interface PeersArguments {
	readonly help: boolean;
	readonly list: boolean;
	readonly install: boolean;
	readonly json: boolean;
	readonly write: boolean;
	/** Names of figures; `undefined`: all. */
	readonly only: readonly string[] | undefined;
	/** Names of systems, Conec always among them; `undefined`: all. */
	readonly against: readonly string[] | undefined;
	readonly rounds: number;
	readonly seconds: number;
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
	const { values } = parseArgs({
		args: [...words],
		allowPositionals: false,
		options: {
			install: { type: "boolean", default: false },
			json: { type: "boolean", default: false },
			write: { type: "boolean", default: false },
			list: { type: "boolean", default: false },
			help: { type: "boolean", default: false },
			quick: { type: "boolean", default: false },
			only: { type: "string", multiple: true },
			against: { type: "string", multiple: true },
			rounds: { type: "string" },
			seconds: { type: "string" },
		},
	});
	const only = namesOf(values.only, figures, "figure");
	const against = namesOf(values.against, systems, "system");
	if (values.write && (values.quick || only !== undefined || against !== undefined))
		throw new RangeError("Cannot write docs/performance.md: --quick, --only and --against do not give all figures");
	const rounds = positive("--rounds", values.rounds, values.quick ? 1 : 9);
	if (!Number.isInteger(rounds)) throw new RangeError("--rounds must be a whole number");
	return {
		help: values.help,
		list: values.list,
		install: values.install,
		json: values.json,
		write: values.write,
		only,
		against,
		rounds,
		seconds: positive("--seconds", values.seconds, values.quick ? 0.2 : 0.6),
	};
}

function namesOf(lists: readonly string[] | undefined, known: readonly string[], kind: string): readonly string[] | undefined {
	const names = lists?.flatMap((list) => list.split(",")).filter((name) => name !== "");
	const unknown = names?.find((name) => !known.includes(name));
	if (unknown !== undefined) throw new RangeError(`Cannot measure "${unknown}": there is no such ${kind} (see --list)`);
	if (names?.length === 0) throw new RangeError(`Cannot measure nothing: name a ${kind} (see --list)`);
	return names;
}

function positive(name: string, text: string | undefined, otherwise: number): number {
	if (text === undefined) return otherwise;
	const value = Number(text);
	if (!(value > 0 && value <= 1_000)) throw new RangeError(`${name} must be a number above 0, at most 1000`);
	return value;
}
