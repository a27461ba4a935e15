/**
 * `npm run bench`: measures, prints a table or one JSON document, and writes nothing unless it is told to.
 *
 * Whether targets are met or not says nothing about the exit code.
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
import { describeCommit } from "./machine.ts";
import { measure } from "./measure.ts";
import { cleanWhenTold, runBenchmark } from "./program.ts";
import { formatPage, formatTable, formatVerdict, type Report } from "./report.ts";

const root = join(import.meta.dirname, "..");

async function measureAll(options: BenchArguments, machine: Report["machine"], log: (line: string) => void): Promise<boolean> {
	const library = options.library === undefined ? root : resolve(options.library);
	const plan = planOf(options.only);
	const raw = [...plan.subjects.keys()].some((name) => name.startsWith("raw-quinn-"));
	const { compiled, rawQuinn } = await build(root, library, raw, log);
	const context = new Context({ identity: await makeIdentity(), rawQuinn, quick: options.quick, root: library, compiled });
	cleanWhenTold(() => context.identity.dispose());
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
		return results.every((result) => result.rounds.length > 0);
	} finally {
		await context.close();
	}
}

const names = CATALOGUE.map((entry) => entry.name);
await runBenchmark({ name: "bench", usage: USAGE, list: names.join("\n"), parse: (words) => parseArguments(words, names), measure: measureAll });
