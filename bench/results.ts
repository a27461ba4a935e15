/**
 * What a figure is, what it has to reach, and whether it does. Pure.
 *
 * @module
 */

import { type Summary, summarise } from "./stats.ts";

/** `messages/s`, `streams/s` and `MB/s` (10^6 bytes of payload) are better when higher, all others when lower; `ratio` says so itself. */
export type Unit = "MB/s" | "messages/s" | "streams/s" | "us" | "ms" | "s" | "bytes" | "share" | "count";

/** What must hold: a bound on the value itself, or on its ratio to the first reference. */
export interface Target {
	readonly of: "value" | "ratio";
	readonly relation: ">=" | "<=";
	readonly bound: number;
}

/** A figure to be had, before it is measured. */
export interface ResultPlan {
	readonly name: string;
	readonly title: string;
	readonly unit: Unit;
	/** Subjects to compare with, the deciding one first. */
	readonly references: readonly string[];
	readonly target?: Target;
}

/** The same figure of something else, from the same run. */
export interface Reference {
	readonly name: string;
	readonly value: number;
	readonly spread: number;
}

/** A measured figure. `ratio` is `value / reference.value`. */
export interface BenchResult {
	readonly name: string;
	readonly title: string;
	readonly value: number;
	readonly unit: Unit;
	readonly spread: number;
	readonly rounds: readonly number[];
	/** Further figures of the same measurement, such as `p99`. */
	readonly details?: Readonly<Record<string, number>>;
	readonly reference?: Reference;
	readonly ratio?: number;
	/** All references, the deciding one first. */
	readonly references: readonly Reference[];
	readonly target?: Target & { readonly met: boolean };
	/** Why something is missing. */
	readonly note?: string;
}

/** What was measured of a subject, round by round. */
export interface Measured {
	readonly rounds: readonly number[];
	readonly details?: Readonly<Record<string, number>>;
}

/** Puts a plan and the measurements together. References that were not measured are left out; `failures` says why. */
export function resultOf(
	plan: ResultPlan,
	measured: Measured,
	others: ReadonlyMap<string, Measured>,
	failures: ReadonlyMap<string, string> = new Map(),
): BenchResult {
	const summary = summarise(measured.rounds);
	const references: Reference[] = [];
	for (const name of plan.references) {
		const other = others.get(name);
		if (other !== undefined && other.rounds.length > 0) {
			references.push(referenceOf(name, summarise(other.rounds)));
		}
	}
	const reference = references[0];
	const ratio = reference === undefined || reference.value === 0 ? undefined : summary.median / reference.value;
	const missing = plan.references[0] !== undefined && reference?.name !== plan.references[0] ? plan.references[0] : undefined;
	return {
		name: plan.name,
		title: plan.title,
		value: summary.median,
		unit: plan.unit,
		spread: summary.spread,
		rounds: summary.rounds,
		...(measured.details === undefined ? {} : { details: measured.details }),
		...(reference === undefined ? {} : { reference }),
		...(ratio === undefined ? {} : { ratio }),
		references,
		...(plan.target === undefined ? {} : { target: { ...plan.target, met: isMet(plan.target, summary.median, missing === undefined ? ratio : undefined) } }),
		...(missing === undefined ? {} : { note: [`${missing} was not measured`, ...reasonOf(failures.get(missing))].join(": ") }),
	};
}

/** Whether the bound holds. A ratio that could not be had does not meet any. */
export function isMet(target: Target, value: number, ratio: number | undefined): boolean {
	const subject = target.of === "value" ? value : ratio;
	if (subject === undefined || Number.isNaN(subject)) {
		return false;
	}
	return target.relation === ">=" ? subject >= target.bound : subject <= target.bound;
}

/** The first line of an error. */
function reasonOf(message: string | undefined): string[] {
	return message === undefined ? [] : message.split("\n").slice(0, 1);
}

function referenceOf(name: string, summary: Summary): Reference {
	return { name, value: summary.median, spread: summary.spread };
}
