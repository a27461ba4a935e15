/**
 * What was measured, step by step. Pure.
 *
 * @module
 */

/** What a line or a limit allows at most, worked out beforehand. */
export interface Bound {
	/** In the unit of the figure that is looked at for a bend. */
	readonly value: number;
	readonly what: string;
}

/** One step of one curve. */
export interface Step {
	readonly curve: string;
	readonly x: number;
	/** By the keys of the curve's figures. */
	readonly values: Readonly<Record<string, number>>;
	/** Which share of a core each thread has had, by its name. */
	readonly busy: Readonly<Record<string, number>>;
	readonly bound?: Bound;
	/** How many cores of the machine had nothing to do. */
	readonly idle?: number;
}

/** A step without figures. */
export interface Failure {
	readonly curve: string;
	readonly x: number;
	readonly reason: string;
}

/** Curves that this machine cannot measure. */
export interface Skipped {
	readonly what: string;
	readonly reason: string;
}

/** All of a run. */
export interface Outcome {
	readonly steps: Step[];
	readonly failures: Failure[];
	readonly skipped: Skipped[];
}

/** A thread that has had so much of a core did nothing else. */
const BUSY = 0.85;
/** With less of a core idle, everybody waits for one. */
const IDLE = 0.2;
/** So near to a bound, it is the bound. */
const NEAR = 0.7;

/** What holds a step back, by what was measured beside it. `cores`: of the machine. */
export function causeOf({ values, busy, bound, idle }: Step, key: string, cores: number): string {
	const threads = Object.entries(busy).sort(([, one], [, other]) => other - one);
	const [name = "nothing", most = 0] = threads[0] ?? [];
	const all = threads.reduce((sum, [, share]) => sum + share, 0);
	const value = values[key] ?? Number.NaN;
	if (bound !== undefined && value >= NEAR * bound.value) return bound.what;
	if (all >= BUSY * cores) return `all ${cores} cores are busy, most of all ${name} (${most.toFixed(2)} of a core)`;
	if (idle !== undefined && idle < IDLE)
		return `all ${cores} cores are busy, ${all.toFixed(2)} of them with this, most of all ${name} (${most.toFixed(2)} of a core)`;
	if (most >= BUSY) return `${name} is busy (${most.toFixed(2)} of a core)`;
	return `no thread and no bound: most has ${name} (${most.toFixed(2)} of a core)`;
}

/** Steps of one curve, in the order of what grows. */
export function stepsOfCurve({ steps }: Pick<Outcome, "steps">, curve: string): Step[] {
	return steps.filter((step) => step.curve === curve).sort((one, other) => one.x - other.x);
}
