import assert from "node:assert/strict";
import { test } from "node:test";
import { FIGURES, PLOTS, ROWS } from "./catalogue.ts";

const figures = FIGURES.map(({ name }) => name);
const rows = ROWS.map(({ name }) => name);

test("catalogue: names are names once", () => {
	assert.equal(new Set(figures).size, figures.length);
	assert.equal(new Set(rows).size, rows.length);
	assert.equal(new Set(PLOTS.map(({ name }) => name)).size, PLOTS.length);
});

test("catalogue: rows and plots are of what is measured, and everything that is measured is shown", () => {
	for (const { name, figure, ours = figure, shareOf = figure } of ROWS)
		for (const one of [figure, ours, shareOf]) assert.ok(figures.includes(one), `${name}: ${one}`);
	for (const figure of FIGURES)
		assert.ok(
			ROWS.some((row) => row.figure === figure.name || row.ours === figure.name),
			figure.name,
		);
	for (const plot of PLOTS) for (const row of plot.rows) assert.ok(rows.includes(row), `${plot.name}: ${row}`);
});
