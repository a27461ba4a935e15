/**
 * `npm run bench:peers`: Conec next to what one would otherwise pick. Prints a table or one JSON document, and writes nothing unless it is told to.
 *
 * What is not installed is skipped, and is no failure.
 *
 * @module
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeCommit } from "../machine.ts";
import { withPart } from "../pages/written-part.ts";
import { cleanWhenTold, runBenchmark } from "../program.ts";
import { type PeersArguments, parseArguments, USAGE } from "./arguments.ts";
import { FIGURES, PLOTS, ROWS } from "./catalogue.ts";
import { CONTENDERS } from "./lineup.ts";
import { measure } from "./measure.ts";
import { cpuRows, measuredRows, OURS } from "./outcome.ts";
import { formatBars } from "./report/bars.ts";
import type { Report } from "./report/figures.ts";
import { formatPart, PEERS } from "./report/page.ts";
import { formatTable } from "./report/table.ts";
import { install, openSite, ROOT, type Site } from "./site.ts";

const names = CONTENDERS.map(({ name }) => name);

type Log = (line: string) => void;

async function compare(options: PeersArguments, machine: Report["machine"], log: Log): Promise<boolean> {
	if (options.install !== "no") {
		const complete = await install(log);
		if (options.install === "only") return complete;
	}
	const site = await openSite(log);
	cleanWhenTold(() => site.close());
	try {
		const report = await reportOf(site, options, machine, log);
		process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : `${formatTable(report)}\n`);
		if (options.write) write(report, log);
		return report.failures.length === 0;
	} finally {
		site.close();
	}
}

async function reportOf(site: Site, { only, against, rounds, seconds }: PeersArguments, machine: Report["machine"], log: Log): Promise<Report> {
	const wanted = CONTENDERS.filter(({ name }) => against === undefined || name === OURS || against.includes(name));
	const skipped = wanted.flatMap(({ name, absence }) => {
		const reason = absence(site);
		return reason === undefined ? [] : [{ name, reason }];
	});
	for (const { name, reason } of skipped) log(`skipping ${name}: ${reason}`);
	const contenders = wanted.filter(({ name }) => skipped.every((one) => one.name !== name));
	const figures = FIGURES.filter(({ name }) => only === undefined || only.includes(name));
	const started = performance.now();
	const outcome = await measure(site, { figures, contenders, rounds, seconds, log });
	log(`measured in ${Math.round((performance.now() - started) / 1_000)} s`);
	return {
		machine,
		commit: describeCommit(site.root),
		date: new Date().toISOString().slice(0, 10),
		rounds,
		seconds,
		contenders: contenders.map(({ name, what }) => ({ name, what: what() })),
		skipped,
		failures: outcome.failures,
		rows: measuredRows(ROWS, outcome, names),
		cpu: cpuRows(FIGURES, outcome, names),
	};
}

function write(report: Report, log: Log): void {
	const page = join(ROOT, "docs/performance.md");
	const folder = join(ROOT, "docs/performance");
	const text = withPart(readFileSync(page, "utf8"), PEERS, formatPart(report));
	mkdirSync(folder, { recursive: true });
	const note = `Commit ${report.commit}, ${report.machine.cpu}, ${report.machine.cores} cores, ${report.date}. Thin line: range of the rounds. “Conec 2x”: how far Conec is ahead.`;
	for (const { name, title, rows } of PLOTS) {
		const shown = rows.flatMap((row) => report.rows.filter((measured) => measured.name === row));
		writeFileSync(join(folder, `${name}.svg`), formatBars(title, note, shown));
	}
	writeFileSync(page, text);
	log("wrote docs/performance.md and docs/performance/*.svg");
}

const figures = FIGURES.map(({ name }) => name);
await runBenchmark({
	name: "peers",
	usage: USAGE,
	list: `figures: ${figures.join(", ")}\nsystems: ${names.join(", ")}`,
	parse: (words) => parseArguments(words, figures, names),
	measure: compare,
});
