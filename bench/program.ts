/**
 * A benchmark as a program: it reads its arguments, answers `--help` and `--list`, says whether the machine is quiet, and measures.
 *
 * Exit codes: 0 measured, 1 something could not be measured, 2 wrong arguments.
 *
 * @module
 */

import type { SharedArguments } from "./command-line.ts";
import { describeMachine } from "./machine.ts";
import { type Machine, QUIET_LOAD } from "./report.ts";

/** What {@link runBenchmark} needs of one. */
export interface Benchmark<Options extends SharedArguments> {
	/** What its lines on standard error begin with. */
	readonly name: string;
	readonly usage: string;
	/** What `--list` prints. */
	readonly list: string;
	/** Throws an error with a message for the user. */
	readonly parse: (words: readonly string[]) => Options;
	/** Prints what comes out. False: something could not be measured. `machine`: as it was before anything was done. */
	readonly measure: (options: Options, machine: Machine, log: (line: string) => void) => Promise<boolean>;
}

/** Runs it with the arguments of this process, and sets the exit code. */
export async function runBenchmark<Options extends SharedArguments>(benchmark: Benchmark<Options>): Promise<void> {
	const log = (line: string): void => void process.stderr.write(`${benchmark.name}: ${line}\n`);
	try {
		process.exitCode = await run(benchmark, process.argv.slice(2), log);
	} catch (error) {
		log((error as Error).stack ?? String(error));
		process.exitCode = 1;
	}
}

async function run<Options extends SharedArguments>(
	{ usage, list, parse, measure }: Benchmark<Options>,
	words: readonly string[],
	log: (line: string) => void,
): Promise<number> {
	let options: Options;
	try {
		options = parse(words);
	} catch (error) {
		log((error as Error).message);
		process.stderr.write(`${usage}\n`);
		return 2;
	}
	if (options.help || options.list) {
		process.stdout.write(`${options.help ? usage : list}\n`);
		return 0;
	}
	const machine = describeMachine(); // before we load it ourselves
	if (machine.loadAverage > QUIET_LOAD) log(`the machine is not quiet (load average ${machine.loadAverage}); figures will be worse and wider`);
	return (await measure(options, machine, log)) ? 0 : 1;
}

/** Our processes end with us when we are told to. What would stay is for `clean` to remove. */
export function cleanWhenTold(clean: () => void): void {
	for (const [signal, code] of [
		["SIGINT", 130],
		["SIGTERM", 143],
	] as const) {
		process.once(signal, () => {
			clean();
			process.exit(code);
		});
	}
}
