/**
 * Rows as bars in an SVG that is readable on light and on dark pages. Pure.
 *
 * @module
 */

import { type Cell, type MeasuredRow, OURS } from "../outcome.ts";
import { formatAhead, formatFigure } from "./figures.ts";

const WIDTH = 720;
const LEFT = 104;
/** Where the longest bar ends; the numbers are behind it. */
const RIGHT = 560;
const BAR = 16;
const STEP = 22;
const TITLE = 34;
const GAP = 14;
const TOP = 48;

const STYLE = `		.ink { fill: #24292f; }
		.soft { fill: #57606a; font-size: 12px; }
		.bar { fill: #8c959f; }
		.ours { fill: #0b62b8; }
		.range { stroke: #24292f; stroke-width: 1.5; }
		@media (prefers-color-scheme: dark) {
			.ink { fill: #e6edf3; }
			.soft { fill: #9da7b1; }
			.bar { fill: #6e7681; }
			.ours { fill: #58a6ff; }
			.range { stroke: #e6edf3; }
		}`;

/** A picture with a panel for each row. `note`: where the figures are from. */
export function formatBars(title: string, note: string, rows: readonly MeasuredRow[]): string {
	const panels: string[] = [];
	let y = TOP;
	for (const row of rows) {
		panels.push(panel(row, y));
		y += TITLE + row.cells.length * STEP + GAP;
	}
	const description = rows
		.map((row) => `${row.title}: ${row.cells.map(({ contender, median }) => `${contender} ${formatFigure(median, row.unit)}`).join(", ")}.`)
		.join(" ");
	return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${y}" role="img" aria-labelledby="title description" font-family="system-ui, -apple-system, 'Segoe UI', sans-serif" font-size="14">
	<title id="title">${escaped(title)}</title>
	<desc id="description">${escaped(description)}</desc>
	<style>
${STYLE}
	</style>
	<text class="ink" x="0" y="18" font-size="16" font-weight="600">${escaped(title)}</text>
	<text class="soft" x="0" y="36">${escaped(note)}</text>
${panels.join("\n")}
</svg>
`;
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

function escaped(text: string): string {
	return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;").replaceAll('"', "&quot;");
}
