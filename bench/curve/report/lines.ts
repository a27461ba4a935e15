/**
 * Curves as lines in an SVG, both axes logarithmic where the figures need it. Pure.
 *
 * @module
 */

import { formatFigure, type Unit } from "../../pages/numbers.ts";
import { escaped, PICTURE_TOP, picture } from "../../pages/picture.ts";
import type { Curve, Panel, Plot } from "../catalogue.ts";
import type { MeasuredCurve } from "./report.ts";
import { formatStep } from "./text.ts";

const LEFT = 78;
/** Where the last step is; names of the lines are behind it. */
const RIGHT = 520;
const HEADING = 30;
const HEIGHT = 170;
const GAP = 46;
/** Lines whose names would be on each other are moved apart by so much. */
const NAME_STEP = 15;

interface Line {
	readonly label: string;
	readonly points: readonly { readonly x: number; readonly y: number }[];
	readonly bend?: number;
}

interface Drawn {
	readonly title: string;
	readonly unit: Unit;
	readonly kind: Curve["x"];
	readonly lines: readonly Line[];
}

/** A picture with a panel for each figure. `note`: where the figures are from. Without any figure there is none. */
export function formatLines(plot: Plot, note: string, curves: readonly MeasuredCurve[]): string | undefined {
	const drawn = plot.panels.map((panel) => drawnOf(panel, curves)).filter(({ lines }) => lines.length > 0);
	if (drawn.length === 0) return undefined;
	const panels = drawn.map((panel, index) => panelOf(panel, PICTURE_TOP + index * (HEADING + HEIGHT + GAP)));
	const description = drawn.map(descriptionOf).join(" ");
	return picture({ title: plot.title, note, description, height: PICTURE_TOP + drawn.length * (HEADING + HEIGHT + GAP) }, panels);
}

function drawnOf(panel: Panel, curves: readonly MeasuredCurve[]): Drawn {
	const found = panel.curves.flatMap(([name, label]) => {
		const measured = curves.find(({ curve }) => curve.name === name);
		return measured === undefined ? [] : [{ measured, label }];
	});
	const [first] = found;
	const lines = found
		.map(({ measured: { curve, steps, bend }, label }): Line => {
			const points = steps.flatMap(({ x, values }) => (Number.isFinite(values[panel.key]) ? [{ x, y: values[panel.key] ?? 0 }] : []));
			return { label, points, ...(bend !== undefined && curve.bend === panel.key ? { bend: bend.x } : {}) };
		})
		.filter(({ points }) => points.length > 0);
	const unit = first?.measured.curve.figures.find(({ key }) => key === panel.key)?.unit ?? "share";
	return { title: panel.title, unit, kind: first?.measured.curve.x ?? "bytes", lines };
}

function panelOf({ title, unit, kind, lines }: Drawn, top: number): string {
	const points = lines.flatMap((line) => line.points);
	const steps = [...new Set(points.map(({ x }) => x))].sort((one, other) => one - other);
	const xOf = scale(
		steps,
		[LEFT, RIGHT],
		steps.some((step) => step <= 0),
	);
	const values = points.map(({ y }) => y);
	const bottom = top + HEADING + HEIGHT;
	const least = Math.min(...values);
	const linear = least <= 0 || Math.max(...values) / least < 10;
	const ends = linear ? [0, Math.max(...values, Number.MIN_VALUE)] : decadesOf(values);
	const yOf = scale(ends, [bottom, top + HEADING], linear);
	const marks = linear ? [0, (ends[1] ?? 1) / 2, ends[1] ?? 1] : decadesBetween(ends);
	let nameY = Number.NEGATIVE_INFINITY;
	const names = lines
		.map((line, index) => ({ line, index, y: yOf(line.points.at(-1)?.y ?? 0) }))
		.sort((one, other) => one.y - other.y)
		.map(({ line, index, y }) => {
			nameY = Math.max(y + 4, nameY + NAME_STEP);
			return `	<text class="ink line-name-${index}" x="${RIGHT + 10}" y="${Math.round(nameY)}" font-size="12">${escaped(line.label)}</text>`;
		});
	return [
		`	<text class="ink" x="0" y="${top + 16}" font-weight="600">${escaped(title)}</text>`,
		...marks.map(
			(mark) =>
				`	<path class="grid" d="M ${LEFT} ${Math.round(yOf(mark))} H ${RIGHT}"/>\n	<text class="soft" x="${LEFT - 8}" y="${Math.round(yOf(mark)) + 4}" text-anchor="end">${escaped(formatFigure(mark, unit))}</text>`,
		),
		...steps.map(
			(step) =>
				`	<text class="soft" x="${Math.round(xOf(step))}" y="${bottom + 18}" text-anchor="middle">${escaped(formatStep(step, kind).replace(/ (Clients?|streams?)$/, ""))}</text>`,
		),
		...lines.flatMap((line, index) => [
			`	<path class="line line-${index}" d="M ${line.points.map(({ x, y }) => `${Math.round(xOf(x))} ${Math.round(yOf(y))}`).join(" L ")}"/>`,
			...line.points.map(
				({ x, y }) =>
					`	<circle class="${x === line.bend ? "bend" : "dot"} dot-${index}" cx="${Math.round(xOf(x))}" cy="${Math.round(yOf(y))}" r="${x === line.bend ? 6 : 3}"/>`,
			),
		]),
		...names,
	].join("\n");
}

/** A place for each value between two ends, by logarithms or not. Steps that cannot be on logarithms stand in a row. */
function scale(values: readonly number[], [from, to]: readonly [number, number], linear: boolean): (value: number) => number {
	const [least = 0, most = 1] = [Math.min(...values), Math.max(...values)];
	const place = linear ? (value: number) => value - least : (value: number) => Math.log(value / least);
	const whole = place(most);
	return (value) => (whole === 0 ? (from + to) / 2 : from + ((to - from) * place(value)) / whole);
}

function decadesOf(values: readonly number[]): [number, number] {
	return [10 ** Math.floor(Math.log10(Math.min(...values))), 10 ** Math.ceil(Math.log10(Math.max(...values)))];
}

function decadesBetween([from = 1, to = 1]: readonly number[]): number[] {
	const count = Math.round(Math.log10(to / from));
	return Array.from({ length: count + 1 }, (_, index) => from * 10 ** index);
}

function descriptionOf({ title, unit, kind, lines }: Drawn): string {
	const texts = lines.map(({ label, points }) => `${label}: ${points.map(({ x, y }) => `${formatStep(x, kind)} ${formatFigure(y, unit)}`).join(", ")}`);
	return `${title}. ${texts.join("; ")}.`;
}
