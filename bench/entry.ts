/**
 * A figure of the table, before it is measured.
 *
 * @module
 */

import type { Context } from "./context.ts";
import type { Measured, ResultPlan } from "./results.ts";
import type { Subject } from "./subjects/subject.ts";

/** Measured in interleaved rounds, or once. */
export type Entry = ResultPlan & ({ readonly rounds: Subject } | { readonly once: (context: Context) => Promise<Measured> });

/** What was measured once. */
export function single(value: number, details?: Readonly<Record<string, number>>): Measured {
	return { rounds: [value], ...(details === undefined ? {} : { details }) };
}
