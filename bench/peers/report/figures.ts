/**
 * What a report has, and how its numbers are written. Pure.
 *
 * @module
 */

import { significant } from "../../pages/numbers.ts";
import type { Machine } from "../../report.ts";
import type { Cell, CpuRow, Failure, MeasuredRow } from "../outcome.ts";

/** One run: what `--json` prints. */
export interface Report {
	readonly machine: Machine;
	/** Short hash; "+" behind it: with changes that are not committed. */
	readonly commit: string;
	readonly date: string;
	readonly rounds: number;
	readonly seconds: number;
	/** Who was measured, and what each is. */
	readonly contenders: readonly { readonly name: string; readonly what: string }[];
	/** Who was not, and why. */
	readonly skipped: readonly { readonly name: string; readonly reason: string }[];
	readonly failures: readonly Failure[];
	readonly rows: readonly MeasuredRow[];
	readonly cpu: readonly CpuRow[];
}

/** How far Conec is ahead. */
export function formatAhead(ratio: number): string {
	return `${significant(ratio, 2)}x`;
}

/** Half of the range as a share of the median; nothing for a single round. */
export function formatSpread({ spread, rounds }: Cell): string {
	return rounds.length > 1 ? `±${Math.round(spread * 100)} %` : "";
}

/** Failures of one kind are told once, with their number. */
export function failureLines(failures: readonly Failure[]): string[] {
	const counts = new Map<string, number>();
	for (const { where, contender, reason } of failures) {
		const line = `${contender}, ${where}: ${reason}`;
		counts.set(line, (counts.get(line) ?? 0) + 1);
	}
	return [...counts].map(([line, count]) => (count === 1 ? line : `${line} (${count} times)`));
}
