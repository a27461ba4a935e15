/**
 * Attacks a Coordinator with each kind in turn, and prints what the others noticed: `npm run bench:attacks -- --only pongs,pings --seconds 8`.
 *
 * @module
 */

import { loadavg } from "node:os";
import { parseArgs } from "node:util";
import { describeCommit, describeMachine } from "../../bench/machine.ts";
import { coresOf } from "./cores.ts";
import { KINDS, kindOf } from "./kinds/index.ts";
import { type Round, type RoundOptions, runRound } from "./round.ts";
import { missed, table } from "./verdict.ts";

const HELP = `npm run bench:attacks -- [options]
  --only NAMES     these attacks, with commas between them
  --seconds N      how long each lasts (8)
  --keys N         how many keys attack (32)
  --rate N         acts a second (as fast as it goes)
  --memory         twice each, with 20 s after each, for what memory stays
  --no-control     without the rounds without packets
  --json           one JSON document on standard output
  --list           the attacks, and what must hold`;

const { values } = parseArgs({
	options: {
		only: { type: "string" },
		seconds: { type: "string", default: "8" },
		keys: { type: "string", default: "32" },
		rate: { type: "string" },
		memory: { type: "boolean", default: false },
		"no-control": { type: "boolean", default: false },
		json: { type: "boolean", default: false },
		list: { type: "boolean", default: false },
		help: { type: "boolean", default: false },
	},
});

for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => process.exit(130));
if (values.help) console.log(HELP);
else if (values.list) for (const { name, does, holds } of KINDS) console.log(`${name.padEnd(26)} ${does}\n${" ".repeat(27)}must hold: ${holds}`);
else await main();

async function main(): Promise<void> {
	const cores = coresOf();
	const options: RoundOptions = {
		...{ keys: positive("keys", values.keys), seconds: positive("seconds", values.seconds), memory: values.memory, cores },
		rate: values.rate === undefined ? undefined : positive("rate", values.rate),
	};
	const chosen = values.only?.split(",").map((name) => kindOf(name.trim()).name) ?? KINDS.map(({ name }) => name);
	const names = [...(values["no-control"] ? [] : ["quiet", "control"]), ...chosen];
	const rounds: (Round & { readonly load: number })[] = [];
	for (const name of names) {
		const load = loadavg()[0] ?? Number.NaN;
		try {
			const round = await runRound(name, options);
			rounds.push({ ...round, load });
			const words = missed(round);
			process.stderr.write(`${name}: ${words.length === 0 ? "holds" : words.join("; ")} (load ${load.toFixed(1)})\n`);
		} catch (error) {
			process.stderr.write(`${name}: could not be run: ${error instanceof Error ? error.message : error}\n`);
			process.exitCode = 1;
		}
	}
	const machine = describeMachine();
	const commit = describeCommit(process.cwd());
	if (values.json) console.log(JSON.stringify({ machine, commit, options, results: rounds.map((round) => ({ ...round, missed: missed(round) })) }, null, 1));
	else console.log(`${machine.cpu}, ${machine.cores} cores, Node.js ${machine.node}, commit ${commit}; ${told(options)}\n\n${table(rounds)}`);
}

function told({ keys, seconds, cores }: RoundOptions): string {
	const where = cores === undefined ? "not pinned" : `attackers on core ${cores.attackers}, all others on core ${cores.others}`;
	return `${keys} keys, ${seconds} s each, ${where}; milliseconds`;
}

function positive(name: string, text: string): number {
	const value = Number(text);
	if (!(value > 0)) throw new RangeError(`--${name} must be a number above 0`);
	return value;
}
