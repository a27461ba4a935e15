/**
 * `npm run bench:peers`: Conec next to what one would otherwise pick. Prints a table or one JSON document, and writes nothing unless it is told to.
 *
 * Exit codes: 0 measured, whoever is ahead; 1 something failed; 2 wrong arguments. What is not installed is skipped, and is no failure.
 *
 * @module
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describeCommit, describeMachine } from "../machine.ts";
import { withPart } from "../pages/written-part.ts";
import { QUIET_LOAD } from "../report.ts";
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

function log(line: string): void {
	process.stderr.write(`peers: ${line}\n`);
}

async function main(words: readonly string[]): Promise<number> {
	let options: PeersArguments;
	try {
		options = parseArguments(
			words,
			FIGURES.map(({ name }) => name),
			names,
		);
	} catch (error) {
		log((error as Error).message);
		process.stderr.write(`${USAGE}\n`);
		return 2;
	}
	if (options.help || options.list) {
		process.stdout.write(options.help ? `${USAGE}\n` : `figures: ${FIGURES.map(({ name }) => name).join(", ")}\nsystems: ${names.join(", ")}\n`);
		return 0;
	}
	if (options.install) {
		const complete = await install(log);
		if (words.length === 1) return complete ? 0 : 1;
	}
	const machine = describeMachine(); // before we load it ourselves
	if (machine.loadAverage > QUIET_LOAD) log(`the machine is not quiet (load average ${machine.loadAverage}); figures will be worse and wider`);
	const site = await openSite(log);
	for (const [signal, code] of [
		["SIGINT", 130],
		["SIGTERM", 143],
	] as const) {
		process.once(signal, () => {
			// The processes end with us; what would stay are the files of the identity.
			site.close();
			process.exit(code);
		});
	}
	try {
		const report = await reportOf(site, options, machine);
		process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : `${formatTable(report)}\n`);
		if (options.write) write(report);
		return report.failures.length === 0 ? 0 : 1;
	} finally {
		site.close();
	}
}

async function reportOf(site: Site, { only, against, rounds, seconds }: PeersArguments, machine: Report["machine"]): Promise<Report> {
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

function write(report: Report): void {
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

process.exitCode = await main(process.argv.slice(2)).catch((error: Error) => {
	log(error.stack ?? error.message);
	return 1;
});
