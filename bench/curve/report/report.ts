/**
 * What a run says: its curves, where each bends, and what holds that step back. Pure.
 *
 * @module
 */

import type { Machine } from "../../report.ts";
import { type Bend, bendOf } from "../bend.ts";
import { CURVES, type Curve } from "../catalogue.ts";
import { causeOf, type Failure, type Outcome, type Skipped, type Step, stepsOfCurve } from "../outcome.ts";

/** One curve as it was measured. */
export interface MeasuredCurve {
	readonly curve: Curve;
	readonly steps: readonly Step[];
	readonly bend?: Bend;
	/** What holds each step back, in the order of the steps. */
	readonly causes: readonly string[];
}

/** One run: what `--json` prints. */
export interface Report {
	readonly machine: Machine;
	/** Short hash; "+" behind it: with changes that are not committed. */
	readonly commit: string;
	readonly date: string;
	/** How long it took. */
	readonly seconds: number;
	readonly curves: readonly MeasuredCurve[];
	readonly failures: readonly Failure[];
	readonly skipped: readonly Skipped[];
}

/** The curves of which a step was measured. */
export function measuredCurves(outcome: Outcome, cores: number): MeasuredCurve[] {
	return CURVES.map((curve): MeasuredCurve => {
		const steps = stepsOfCurve(outcome, curve.name);
		const bend = bendOf(steps.map(({ x, values }) => ({ x, y: values[curve.bend] ?? Number.NaN })));
		return { curve, steps, ...(bend === undefined ? {} : { bend }), causes: steps.map((step) => causeOf(step, curve.bend, cores)) };
	}).filter(({ steps }) => steps.length > 0);
}

/** Steps without figures, one a line. */
export function failureLines(failures: readonly Failure[]): string[] {
	return failures.map(({ curve, x, reason }) => `${curve}, ${x}: ${reason}`);
}
