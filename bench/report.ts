/**
 * The outcome as text: a table for people, a page for the repository. Pure.
 *
 * @module
 */

import type { BenchResult, Reference, Target, Unit } from "./results.ts";

/** Where and on what the figures were taken. */
export interface Machine {
	readonly cpu: string;
	readonly cores: number;
	readonly memoryBytes: number;
	readonly kernel: string;
	readonly node: string;
	readonly platform: string;
	/** Processes that wanted to run before we began, averaged over a minute: others on the machine make figures worse. */
	readonly loadAverage: number;
}

/** One run. */
export interface Report {
	readonly machine: Machine;
	/** Short hash; "+" behind it: with changes that are not committed. */
	readonly commit: string;
	readonly date: string;
	readonly rounds: number;
	readonly seconds: number;
	readonly results: readonly BenchResult[];
}

/** Above this load average a machine is not quiet. */
export const QUIET_LOAD = 0.5;

const HEADINGS = ["result", "value", "+-", "reference", "ratio", "node:tls", "target", "met"];

/** Columns aligned with spaces; the titles are left to the page. */
export function formatTable(results: readonly BenchResult[]): string {
	const rows = [HEADINGS, ...results.map(cells)];
	const widths = HEADINGS.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));
	return rows
		.map((row) =>
			row
				.map((cell, column) => cell.padEnd(widths[column] ?? 0))
				.join("  ")
				.trimEnd(),
		)
		.join("\n");
}

/** How many targets are met, which are not, and why something is missing. */
export function formatVerdict(results: readonly BenchResult[]): string {
	const notes = results.filter((result) => result.note !== undefined).map((result) => `\n${result.name}: ${result.note}`);
	return countTargets(results) + notes.join("");
}

function countTargets(results: readonly BenchResult[]): string {
	const targets = results.filter((result) => result.target !== undefined);
	const missed = targets.filter((result) => !result.target?.met).map((result) => result.name);
	const met = `${targets.length - missed.length} of ${targets.length} targets met`;
	return missed.length === 0 ? met : `${met}; missed: ${missed.join(", ")}`;
}

/** `bench/results.md`. */
export function formatPage(report: Report): string {
	const { machine } = report;
	const table = [HEADINGS, HEADINGS.map(() => "---"), ...report.results.map((result) => [`\`${result.name}\`: ${result.title}`, ...cells(result).slice(1)])]
		.map((row) => `| ${row.join(" | ")} |`)
		.join("\n");
	return `# Benchmark results

Written by \`npm run bench -- --write\`. What each figure means and what distorts it: [README.md](README.md).

- Machine: ${machine.cpu}, ${machine.cores} cores, ${formatValue(machine.memoryBytes, "bytes")}, ${machine.platform}
- Load before the run: ${significant(machine.loadAverage)}${machine.loadAverage > QUIET_LOAD ? " (not quiet: others used the machine meanwhile)" : ""}
- Kernel: ${machine.kernel}
- Node: ${machine.node}
- Commit: ${report.commit}
- Date: ${report.date}
- ${report.rounds} rounds of ${report.seconds} s each, interleaved; medians; "+-" is half of the range

${table}

${formatVerdict(report.results)}.
`;
}

/** A value with its unit, three significant figures. */
export function formatValue(value: number, unit: Unit): string {
	switch (unit) {
		case "MB/s":
			return `${significant(value)} MB/s`;
		case "messages/s":
			return Math.abs(value) >= 1e6 ? `${significant(value / 1e6)} M/s` : `${significant(value / 1e3)} k/s`;
		case "streams/s":
			return Math.abs(value) >= 1e3 ? `${significant(value / 1e3)} k/s` : `${significant(value)} /s`;
		case "bytes":
			return Math.abs(value) >= 1_048_576 ? `${significant(value / 1_048_576)} MiB` : `${significant(value / 1_024)} KiB`;
		case "share":
		case "count":
			return significant(value);
		default:
			return `${significant(value)} ${unit}`;
	}
}

function cells(result: BenchResult): string[] {
	const tls = result.references.find((reference) => reference.name.startsWith("node-tls"));
	const beside = Object.entries(result.details ?? {}).map(([name, value]) => ` (${name} ${formatValue(value, result.unit)})`);
	return [
		result.name,
		formatValue(result.value, result.unit) + beside.join(""),
		result.rounds.length > 1 ? `${Math.round(result.spread * 100)} %` : "",
		result.reference === undefined ? "" : referenceCell(result.reference, result.unit),
		result.ratio === undefined ? "" : significant(result.ratio),
		tls === undefined ? "" : formatValue(tls.value, result.unit),
		result.target === undefined ? "" : targetCell(result.target, result.unit),
		result.target === undefined ? "" : result.target.met ? "yes" : "NO",
	];
}

function referenceCell(reference: Reference, unit: Unit): string {
	return `${formatValue(reference.value, unit)} ${reference.name}`;
}

function targetCell(target: Target, unit: Unit): string {
	return target.of === "ratio" ? `ratio ${target.relation} ${target.bound}` : `${target.relation} ${formatValue(target.bound, unit)}`;
}

function significant(value: number): string {
	if (!Number.isFinite(value)) {
		return "?";
	}
	const digits = value === 0 ? 0 : Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
	return String(Number(value.toFixed(Math.min(digits, 6))));
}
