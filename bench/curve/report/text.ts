/**
 * A curve as a table, for a terminal and for `docs/performance.md`. Pure.
 *
 * @module
 */

import { aligned } from "../../pages/aligned.ts";
import { formatFigure, significant } from "../../pages/numbers.ts";
import { list, originLines, type Place, placeOf, table } from "../../pages/written-part.ts";
import { wordsOf } from "../bend.ts";
import { type Curve, PLOTS } from "../catalogue.ts";
import { failureLines, type MeasuredCurve, type Report } from "./report.ts";

/** Between these lines the page is written by the benchmark; around them by people. */
export const CURVE: Place = placeOf("curve", "npm run bench:curve -- --write");

/** All that was measured, on a terminal. */
export function formatTable({ curves, skipped, failures }: Pick<Report, "curves" | "skipped" | "failures">): string {
	const parts = curves.map((measured) => `${measured.curve.name}: ${measured.curve.title}\n${aligned(linesOf(measured))}\n${bendLine(measured)}`);
	const missing = [...skipped.map(({ what, reason }) => `skipped: ${what}: ${reason}`), ...failureLines(failures).map((line) => `failed: ${line}`)];
	return [...parts, ...(missing.length === 0 ? [] : [missing.join("\n")])].join("\n\n");
}

/** What stands between the lines of the page. */
export function formatPart(report: Report): string {
	const { curves, skipped, failures, seconds } = report;
	return [
		originLines(report, `one round of each step, ${Math.round(seconds)} s in all`),
		...PLOTS.map(({ name, title }) => `![${title}: the figures of the tables as curves](performance/${name}.svg)`),
		...curves.flatMap((measured) => {
			const [headings = [], ...lines] = linesOf(measured);
			return [`### ${measured.curve.title}`, table(headings, lines), bendLine(measured)];
		}),
		...list(
			"Not measured:",
			skipped.map(({ what, reason }) => `${what}: ${reason}`),
		),
		...list("Failed, and therefore without figures:", failureLines(failures)),
	].join("\n\n");
}

/** A step as people say it. */
export function formatStep(x: number, kind: Curve["x"]): string {
	if (kind !== "bytes") return `${x.toLocaleString("en")} ${kind === "ms" ? "ms" : x === 1 ? kind.slice(0, -1) : kind}`;
	if (x >= 1_048_576) return `${significant(x / 1_048_576)} MiB`;
	return x >= 1_024 ? `${significant(x / 1_024)} KiB` : `${x} B`;
}

function linesOf({ curve, steps, causes }: MeasuredCurve): string[][] {
	const shown = curve.figures.filter(({ key }) => steps.some(({ values }) => values[key] !== undefined));
	return [
		["", ...shown.map(({ title }) => title), "held back by"],
		...steps.map(({ x, values }, index) => [
			formatStep(x, curve.x),
			...shown.map(({ key, unit }) => (values[key] === undefined ? "" : formatFigure(values[key], unit))),
			causes[index] ?? "",
		]),
	];
}

function bendLine({ curve, bend, steps, causes }: MeasuredCurve): string {
	const figure = curve.figures.find(({ key }) => key === curve.bend)?.title ?? curve.bend;
	if (bend === undefined) return `No bend in "${figure}".`;
	const cause = causes[steps.findIndex(({ x }) => x === bend.x)] ?? "";
	return `"${figure}" bends at ${formatStep(bend.x, curve.x)}: ${wordsOf(bend)}. Held back there by ${cause}.`;
}
