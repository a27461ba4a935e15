/**
 * From rounds to rows: medians, and how far Conec is ahead. Pure.
 *
 * @module
 */

import type { Unit } from "../pages/numbers.ts";
import { pairedRatio } from "../paired.ts";
import { median, summarise } from "../stats.ts";
import type { Figure, Row } from "./catalogue.ts";
import type { Cpu, Sample } from "./loads/sample.ts";

/** The one that all others are compared with. */
export const OURS = "conec";

/** Something that gave no figure. */
export interface Failure {
	/** The figure, or the group whose processes could not be started. */
	readonly where: string;
	readonly contender: string;
	readonly reason: string;
}

/** What was measured: samples by figure, by system, by round. */
export interface Outcome {
	readonly samples: Map<string, Map<string, Map<number, Sample>>>;
	readonly failures: Failure[];
}

/** How far Conec is ahead in the rounds that both took part in. */
export interface Ahead {
	/** Median of the ratios, round by round. Above 1: Conec is better, whichever way is better. */
	readonly median: number;
	/** Ends of the 90 % interval of that median. */
	readonly low: number;
	readonly high: number;
	readonly rounds: number;
}

/** One system in one row. */
export interface Cell {
	readonly contender: string;
	readonly median: number;
	/** Half of the range of the rounds, as a share of the median. */
	readonly spread: number;
	readonly rounds: readonly number[];
	/** Not for Conec itself. */
	readonly ahead?: Ahead;
}

/** A row of the table. */
export interface MeasuredRow {
	readonly name: string;
	readonly title: string;
	readonly unit: Unit;
	readonly better: "higher" | "lower";
	readonly cells: readonly Cell[];
}

/** CPU seconds for a unit of a figure, medians of the rounds. */
export interface CpuRow {
	readonly figure: string;
	readonly unit: string;
	readonly cells: readonly (Cpu & { readonly contender: string; readonly total: number })[];
}

/** The rows of what was measured, those without any figure left out. `order`: the names of the systems. */
export function measuredRows(rows: readonly Row[], outcome: Outcome, order: readonly string[]): MeasuredRow[] {
	return rows
		.filter(({ ours }) => ours === undefined || outcome.samples.has(ours))
		.map(({ name, title, unit, better, ...row }): MeasuredRow => {
			const own = valuesOf(row, OURS, outcome);
			const cells = order
				.map((contender) => cellOf(contender, contender === OURS ? own : valuesOf(row, contender, outcome), own, better))
				.filter((cell) => cell.rounds.length > 0);
			return { name, title, unit, better, cells };
		})
		.filter(({ cells }) => cells.length > 0);
}

/** CPU seconds of sender, hub and receiver, figure by figure. */
export function cpuRows(figures: readonly Figure[], { samples }: Outcome, order: readonly string[]): CpuRow[] {
	return figures
		.filter(({ cpuUnit }) => cpuUnit !== undefined)
		.map(({ name, cpuUnit = "" }) => {
			const cells = order.flatMap((contender) => {
				const all = [...(samples.get(name)?.get(contender)?.values() ?? [])].flatMap(({ cpu }) => (cpu === undefined ? [] : [cpu]));
				const of = (pick: (cpu: Cpu) => number): number => median(all.map(pick));
				const total = of(({ sender, hub, receiver }) => sender + hub + receiver);
				return all.length === 0
					? []
					: [{ contender, sender: of(({ sender }) => sender), hub: of(({ hub }) => hub), receiver: of(({ receiver }) => receiver), total }];
			});
			return { figure: name, unit: cpuUnit, cells };
		})
		.filter(({ cells }) => cells.length > 0);
}

/** The values of a row by round. */
function valuesOf(row: Pick<Row, "figure" | "key" | "ours" | "shareOf">, contender: string, { samples }: Outcome): Map<number, number> {
	const figure = contender === OURS ? (row.ours ?? row.figure) : row.figure;
	const values = new Map<number, number>();
	for (const [round, sample] of samples.get(figure)?.get(contender) ?? []) {
		const value = sample.values[row.key] ?? Number.NaN;
		const whole = row.shareOf === undefined ? 1 : (samples.get(row.shareOf)?.get(contender)?.get(round)?.values[row.key] ?? Number.NaN);
		if (Number.isFinite(value / whole)) values.set(round, value / whole);
	}
	return values;
}

function cellOf(contender: string, values: ReadonlyMap<number, number>, own: ReadonlyMap<number, number>, better: Row["better"]): Cell {
	const { median: middle, spread, rounds } = summarise([...values.values()]);
	if (contender === OURS) return { contender, median: middle, spread, rounds };
	const both = [...values].filter(([round]) => own.has(round));
	const pairs = both.map(([round, its]): [number, number] => (better === "higher" ? [its, own.get(round) ?? 0] : [own.get(round) ?? 0, its]));
	const { pairs: count, median: ratio, low, high } = pairedRatio(pairs);
	return { contender, median: middle, spread, rounds, ...(count === 0 ? {} : { ahead: { median: ratio, low, high, rounds: count } }) };
}
