/**
 * Runs a plan: warm-up, interleaved rounds, then what is measured once.
 *
 * @module
 */

import type { Plan } from "./catalogue.ts";
import type { Context } from "./context.ts";
import type { Entry } from "./entry.ts";
import { type BenchResult, type Measured, resultOf } from "./results.ts";
import { interleave } from "./schedule.ts";
import { median } from "./stats.ts";
import type { Sample } from "./subjects/subject.ts";

/** How long and how often. */
export interface MeasureOptions {
	readonly rounds: number;
	readonly seconds: number;
	readonly log: (line: string) => void;
}

/** Measures everything planned. A subject that fails, in whichever round, is left out with a note; the others go on. */
export async function measure(context: Context, { entries, subjects }: Plan, options: MeasureOptions): Promise<BenchResult[]> {
	const failures = new Map<string, string>();
	const samples = new Map<string, Sample[]>();
	const order = [...subjects.keys()];
	const total = order.length * (options.rounds + 1);
	let done = 0;
	for (const [position, name] of [...order, ...interleave(order, options.rounds)].entries()) {
		const warmUp = position < order.length;
		const subject = subjects.get(name);
		if (subject === undefined || failures.has(name)) {
			continue;
		}
		try {
			const sample = await subject(context, warmUp ? Math.min(0.5, options.seconds) : options.seconds);
			done++;
			options.log(`${done}/${total} ${name}: ${Number(sample.value.toPrecision(4))}${warmUp ? " (warm-up)" : ""}`);
			if (!warmUp) {
				samples.set(name, [...(samples.get(name) ?? []), sample]);
			}
		} catch (error) {
			failures.set(name, (error as Error).message);
			samples.delete(name);
			options.log(`${name} failed: ${(error as Error).message}`);
		}
	}
	const measured = new Map([...samples].map(([name, rounds]) => [name, measuredOf(rounds)]));
	const results: BenchResult[] = [];
	for (const entry of entries) {
		try {
			const own = await ownFigures(entry, context, measured, failures, options.log);
			results.push(resultOf(entry, own, measured, failures));
		} catch (error) {
			options.log(`${entry.name} failed: ${(error as Error).message}`);
			results.push({ ...resultOf(entry, { rounds: [] }, measured), note: (error as Error).message.split("\n")[0] ?? "" });
		}
	}
	return results;
}

async function ownFigures(
	entry: Entry,
	context: Context,
	measured: ReadonlyMap<string, Measured>,
	failures: ReadonlyMap<string, string>,
	log: (line: string) => void,
): Promise<Measured> {
	if ("once" in entry) {
		const figures = await entry.once(context);
		log(`${entry.name}: ${Number(figures.rounds[0]?.toPrecision(4))}`);
		return figures;
	}
	const figures = measured.get(entry.name);
	if (figures === undefined) {
		throw new Error(failures.get(entry.name) ?? "it was not measured");
	}
	return figures;
}

/** Details are medians too. */
function measuredOf(rounds: readonly Sample[]): Measured {
	const names = Object.keys(rounds[0]?.details ?? {});
	return {
		rounds: rounds.map((sample) => sample.value),
		...(names.length === 0
			? {}
			: { details: Object.fromEntries(names.map((name) => [name, median(rounds.map((sample) => sample.details?.[name] ?? Number.NaN))])) }),
	};
}
