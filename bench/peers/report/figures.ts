/**
 * What a report has, and how its numbers are written. Pure.
 *
 * @module
 */

import type { Machine } from "../../report.ts";
import type { Unit } from "../catalogue.ts";
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

/** A value with its unit, three significant figures. */
export function formatFigure(value: number, unit: Unit): string {
	if (!Number.isFinite(value)) return "?";
	switch (unit) {
		case "/s":
			if (Math.abs(value) >= 999_500) return `${significant(value / 1e6)} M/s`;
			return Math.abs(value) >= 9_995 ? `${significant(value / 1e3)} k/s` : `${significant(value)} /s`;
		case "share":
			return significant(value);
		default:
			return `${significant(value)} ${unit}`;
	}
}

/** How far Conec is ahead. */
export function formatAhead(ratio: number): string {
	return `${significant(ratio, 2)}x`;
}

/** Half of the range as a share of the median; nothing for a single round. */
export function formatSpread({ spread, rounds }: Cell): string {
	return rounds.length > 1 ? `±${Math.round(spread * 100)} %` : "";
}

/** So many significant figures, never as a power of ten. */
export function significant(value: number, figures = 3): string {
	const digits = value === 0 ? 0 : Math.max(0, figures - 1 - Math.floor(Math.log10(Math.abs(value))));
	return String(Number(value.toFixed(Math.min(digits, 9))));
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
