/**
 * The outcome as a part of `docs/performance.md`. Pure.
 *
 * @module
 */

import { QUIET_LOAD } from "../../report.ts";
import { PLOTS } from "../catalogue.ts";
import { type Cell, type CpuRow, type MeasuredRow, OURS } from "../outcome.ts";
import { failureLines, formatAhead, formatFigure, formatSpread, type Report, significant } from "./figures.ts";

/** Between these lines the page is written by the benchmark; around them by people. */
export const BEGIN = "<!-- peers: begin, written by `npm run bench:peers -- --write` -->";
export const END = "<!-- peers: end -->";

/**
 * The page with a new part.
 *
 * @throws Error when the page has not exactly one place for it.
 */
export function withPart(page: string, part: string): string {
	const [before, rest, ...more] = page.split(BEGIN);
	const [, after, ...others] = rest?.split(END) ?? [];
	if (before === undefined || after === undefined || more.length > 0 || others.length > 0)
		throw new Error(`Cannot write docs/performance.md: it needs the lines "${BEGIN}" and "${END}" once`);
	return `${before}${BEGIN}\n\n${part.trim()}\n\n${END}${after}`;
}

/** What stands between the lines. */
export function formatPart(report: Report): string {
	const { machine, contenders, skipped, failures, rows, cpu } = report;
	const names = contenders.map(({ name }) => name);
	const loaded = machine.loadAverage > QUIET_LOAD ? " (**not quiet**: others used the machine meanwhile)" : "";
	return [
		[
			`- Machine: ${machine.cpu}, ${machine.cores} cores, ${significant(machine.memoryBytes / 2 ** 30)} GiB, ${machine.platform}, Linux ${machine.kernel}, Node.js ${machine.node}`,
			`- Load before the run: ${significant(machine.loadAverage)}${loaded}`,
			`- Commit ${report.commit}, ${report.date}; ${report.rounds} rounds of ${report.seconds} s`,
		].join("\n"),
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

function list(title: string, items: readonly string[]): string[] {
	return items.length === 0 ? [] : [`${title}\n\n${items.map((item) => `- ${item}`).join("\n")}`];
}

function table(headings: readonly string[], lines: readonly (readonly string[])[]): string {
	return [headings, headings.map((_, column) => (column === 0 ? "---" : "---:")), ...lines].map((line) => `| ${line.join(" | ")} |`).join("\n");
}
