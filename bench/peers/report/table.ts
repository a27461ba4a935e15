/**
 * The outcome on a terminal. Pure.
 *
 * @module
 */

import { aligned } from "../../pages/aligned.ts";
import { formatFigure, significant } from "../../pages/numbers.ts";
import type { CpuRow, MeasuredRow } from "../outcome.ts";
import { failureLines, formatAhead, formatSpread, type Report } from "./figures.ts";

const HEADINGS = ["figure", "system", "value", "+-", "Conec ahead", "90 % interval", "rounds"];
const CPU_HEADINGS = ["CPU seconds", "system", "sender", "middle", "receiver", "all"];

/** All that was measured, who is missing and why, and what failed. */
export function formatTable({ rows, cpu, skipped, failures }: Pick<Report, "rows" | "cpu" | "skipped" | "failures">): string {
	const parts = [aligned([HEADINGS, ...rows.flatMap(linesOf)])];
	if (cpu.length > 0) parts.push(aligned([CPU_HEADINGS, ...cpu.flatMap(cpuLinesOf)]));
	const missing = [...skipped.map(({ name, reason }) => `skipped: ${name}: ${reason}`), ...failureLines(failures).map((line) => `failed: ${line}`)];
	if (missing.length > 0) parts.push(missing.join("\n"));
	return parts.join("\n\n");
}

function linesOf({ title, unit, cells }: MeasuredRow): string[][] {
	return cells.map((cell, index) => {
		const { contender, median, ahead, rounds } = cell;
		const interval = ahead === undefined || ahead.rounds < 2 ? "" : `${significant(ahead.low, 2)} to ${significant(ahead.high, 2)}`;
		const ratio = ahead === undefined ? "" : formatAhead(ahead.median);
		return [index === 0 ? title : "", contender, formatFigure(median, unit), formatSpread(cell), ratio, interval, String(rounds.length)];
	});
}

function cpuLinesOf({ figure, unit, cells }: CpuRow): string[][] {
	return cells.map(({ contender, sender, hub, receiver, total }, index) => [
		index === 0 ? `${figure}, for a ${unit}` : "",
		contender,
		...[sender, hub, receiver, total].map((seconds) => significant(seconds)),
	]);
}
