/**
 * The outcome as a part of `docs/performance.md`. Pure.
 *
 * @module
 */

import { formatFigure, significant } from "../../pages/numbers.ts";
import { list, originLines, type Place, placeOf, table } from "../../pages/written-part.ts";
import { PLOTS } from "../catalogue.ts";
import { type Cell, type CpuRow, type MeasuredRow, OURS } from "../outcome.ts";
import { failureLines, formatAhead, formatSpread, type Report } from "./figures.ts";

/** Between these lines the page is written by the benchmark; around them by people. */
export const PEERS: Place = placeOf("peers", "npm run bench:peers -- --write");

/** What stands between the lines. */
export function formatPart(report: Report): string {
	const { contenders, skipped, failures, rows, cpu } = report;
	const names = contenders.map(({ name }) => name);
	return [
		originLines(report, `${report.rounds} rounds of ${report.seconds} s`),
		...PLOTS.map(({ name, title }) => `![${title}: the figures of the table as bars](performance/${name}.svg)`),
		table(
			["figure", ...names],
			rows.map((row) => [row.title, ...names.map((name) => cellText(row, name))]),
		),
		...(cpu.length === 0 ? [] : ["CPU seconds of all processes for a unit, and in brackets those of sender, middle and receiver:"]),
		...(cpu.length === 0
			? []
			: [
					table(
						["figure", ...names],
						cpu.map((row) => [`${row.figure}, for a ${row.unit}`, ...names.map((name) => cpuText(row, name))]),
					),
				]),
		contenders.map(({ name, what }) => `- \`${name}\`: ${what}`).join("\n"),
		...list(
			"Not measured:",
			skipped.map(({ name, reason }) => `\`${name}\`: ${reason}`),
		),
		...list("Failed in some round, which then has no figure:", failureLines(failures)),
	].join("\n\n");
}

function cellText({ unit, cells }: MeasuredRow, name: string): string {
	const cell = cells.find(({ contender }) => contender === name);
	if (cell === undefined) return "";
	return [formatFigure(cell.median, unit), formatSpread(cell), aheadText(cell)].filter((text) => text !== "").join(" ");
}

function aheadText({ contender, ahead }: Cell): string {
	return contender === OURS || ahead === undefined ? "" : `(${formatAhead(ahead.median)})`;
}

function cpuText({ cells }: CpuRow, name: string): string {
	const cell = cells.find(({ contender }) => contender === name);
	if (cell === undefined) return "";
	return `${significant(cell.total)} (${[cell.sender, cell.hub, cell.receiver].map((seconds) => significant(seconds, 2)).join(" / ")})`;
}
