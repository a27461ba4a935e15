/**
 * `npm run bench`: measures, prints a table or one JSON document, and writes nothing unless it is told to.
 *
 * Exit codes: 0 measured (whether targets are met or not), 1 something could not be measured, 2 wrong arguments.
 *
 * @module
 */

import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { type BenchArguments, parseArguments, USAGE } from "./arguments.ts";
import { build } from "./build.ts";
import { CATALOGUE, planOf } from "./catalogue.ts";
import { Context } from "./context.ts";
import { makeIdentity } from "./identity.ts";
import { describeCommit, describeMachine } from "./machine.ts";
import { measure } from "./measure.ts";
import { formatPage, formatTable, formatVerdict, QUIET_LOAD, type Report } from "./report.ts";

const root = join(import.meta.dirname, "..");

function log(line: string): void {
	process.stderr.write(`bench: ${line}\n`);
}

async function main(words: readonly string[]): Promise<number> {
	const names = CATALOGUE.map((entry) => entry.name);
	let options: BenchArguments;
	try {
		options = parseArguments(words, names);
	} catch (error) {
		log((error as Error).message);
		process.stderr.write(`${USAGE}\n`);
		return 2;
	}
	if (options.help || options.list) {
		process.stdout.write(`${options.help ? USAGE : names.join("\n")}\n`);
		return 0;
	}
	const machine = describeMachine(); // before we load it ourselves
	if (machine.loadAverage > QUIET_LOAD) {
		log(`the machine is not quiet (load average ${machine.loadAverage}); figures will be worse and wider`);
	}
	const library = options.library === undefined ? root : resolve(options.library);
	const plan = planOf(options.only);
	const raw = [...plan.subjects.keys()].some((name) => name.startsWith("raw-quinn-"));
	const { compiled, rawQuinn } = await build(root, library, raw, log);
	const context = new Context({ identity: await makeIdentity(), rawQuinn, quick: options.quick, root: library, compiled });
	process.once("SIGINT", () => {
		// Children end with us; what would stay are the files of the identity.
		context.identity.dispose();
		process.exit(130);
	});
	try {
		const results = await measure(context, plan, { ...options, log });
		const report: Report = {
			machine,
			commit: describeCommit(library),
			date: new Date().toISOString().slice(0, 10),
			rounds: options.rounds,
			seconds: options.seconds,
			results,
		};
		process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : `${formatTable(results)}\n\n${formatVerdict(results)}\n`);
		if (options.write) {
			writeFileSync(join(root, "bench/results.md"), formatPage(report));
		}
		return results.some((result) => result.rounds.length === 0) ? 1 : 0;
	} finally {
		await context.close();
	}
}

process.exitCode = await main(process.argv.slice(2)).catch((error: Error) => {
	log(error.stack ?? error.message);
	return 1;
});
