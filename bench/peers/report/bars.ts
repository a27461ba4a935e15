/**
 * Rows as bars in an SVG that is readable on light and on dark pages. Pure.
 *
 * @module
 */

import { formatFigure } from "../../pages/numbers.ts";
import { escaped, PICTURE_TOP, picture } from "../../pages/picture.ts";
import { type Cell, type MeasuredRow, OURS } from "../outcome.ts";
import { formatAhead } from "./figures.ts";

const LEFT = 104;
/** Where the longest bar ends; the numbers are behind it. */
const RIGHT = 540;
const BAR = 16;
const STEP = 22;
const TITLE = 34;
const GAP = 14;

/** A picture with a panel for each row. `note`: where the figures are from. */
export function formatBars(title: string, note: string, rows: readonly MeasuredRow[]): string {
	const panels: string[] = [];
	let y = PICTURE_TOP;
	for (const row of rows) {
		panels.push(panel(row, y));
		y += TITLE + row.cells.length * STEP + GAP;
	}
	const description = rows
		.map((row) => `${row.title}: ${row.cells.map(({ contender, median }) => `${contender} ${formatFigure(median, row.unit)}`).join(", ")}.`)
		.join(" ");
	return picture({ title, note, description, height: y }, panels);
}

function panel({ title, unit, better, cells }: MeasuredRow, top: number): string {
	const longest = Math.max(...cells.flatMap(({ rounds, median }) => [...rounds, median]));
	const xOf = (value: number): number => Math.round(LEFT + ((RIGHT - LEFT) * Math.max(0, value)) / (longest > 0 ? longest : 1));
	const bars = cells.map((cell, index) => bar(cell, top + TITLE + index * STEP, formatFigure(cell.median, unit), xOf));
	const heading = `	<text class="ink" x="0" y="${top + 22}" font-weight="600">${escaped(title)} <tspan class="soft" font-weight="400">${better} is better</tspan></text>`;
	return [heading, ...bars].join("\n");
}

function bar({ contender, median, rounds, ahead }: Cell, y: number, value: string, xOf: (value: number) => number): string {
	const [from, to] = [xOf(Math.min(...rounds)), xOf(Math.max(...rounds))];
	const end = xOf(median);
	const middle = y + BAR / 2;
	const ours = contender === OURS;
	return [
		`	<text class="ink" x="${LEFT - 8}" y="${y + 13}" text-anchor="end"${ours ? ' font-weight="600"' : ""}>${escaped(contender)}</text>`,
		`	<rect class="${ours ? "ours" : "bar"}" x="${LEFT}" y="${y}" width="${Math.max(1, end - LEFT)}" height="${BAR}" rx="2"/>`,
		...(rounds.length > 1 ? [`	<path class="range" d="M ${from} ${middle} L ${to} ${middle}"/>`] : []),
		`	<text class="ink" x="${Math.max(end, to) + 8}" y="${y + 13}">${escaped(value)}${ahead === undefined ? "" : ` <tspan class="soft">Conec ${formatAhead(ahead.median)}</tspan>`}</text>`,
	].join("\n");
}
