/**
 * `npm run bench:curve`: how Conec behaves as there are more Clients, more streams, longer messages and longer lines. Prints tables or one JSON document, and
 * writes nothing unless it is told to.
 *
 * What this machine cannot measure is skipped, and is no failure.
 *
 * @module
 */

import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { build } from "../build.ts";
import { makeIdentity } from "../identity.ts";
import { describeCommit } from "../machine.ts";
import { withPart } from "../pages/written-part.ts";
import { cleanWhenTold, runBenchmark } from "../program.ts";
import { type CurveArguments, parseArguments, USAGE } from "./arguments.ts";
import { FAMILIES, type Family, PLOTS } from "./catalogue.ts";
import { broadcast, echo, idle } from "./loads/crowd.ts";
import { lines } from "./loads/lines.ts";
import { messages } from "./loads/messages.ts";
import { streams } from "./loads/streams.ts";
import type { Site } from "./network.ts";
import { Recorder } from "./recorder.ts";
import { formatLines } from "./report/lines.ts";
import { measuredCurves, type Report } from "./report/report.ts";
import { CURVE, formatPart, formatTable } from "./report/text.ts";

const ROOT = join(import.meta.dirname, "..", "..");
const LOADS: Readonly<Record<Family, (site: Site, recorder: Recorder, quick: boolean) => Promise<void>>> = { messages, lines, streams, idle, echo, broadcast };

type Log = (line: string) => void;

async function measureCurves(options: CurveArguments, machine: Report["machine"], log: Log): Promise<boolean> {
	const { compiled } = await build(ROOT, ROOT, false, log);
	const site: Site = { identity: await makeIdentity(), compiled, running: new Set() };
	cleanWhenTold(() => site.identity.dispose());
	try {
		const report = await reportOf(site, options, machine, log);
		process.stdout.write(options.json ? `${JSON.stringify(report)}\n` : `${formatTable(report)}\n`);
		if (options.write) write(report, log);
		return report.failures.length === 0;
	} finally {
		await Promise.all([...site.running].map((network) => network.end()));
		site.identity.dispose();
	}
}

async function reportOf(site: Site, { only, quick }: CurveArguments, machine: Report["machine"], log: Log): Promise<Report> {
	const startedMs = performance.now();
	const recorder = new Recorder(log);
	for (const family of only) {
		log(family);
		await LOADS[family](site, recorder, quick);
	}
	const seconds = (performance.now() - startedMs) / 1_000;
	log(`measured in ${Math.round(seconds)} s`);
	const { failures, skipped } = recorder.outcome;
	const curves = measuredCurves(recorder.outcome, machine.cores);
	return { machine, commit: describeCommit(ROOT), date: new Date().toISOString().slice(0, 10), seconds, curves, failures, skipped };
}

function write(report: Report, log: Log): void {
	const page = join(ROOT, "docs/performance.md");
	const folder = join(ROOT, "docs/performance");
	const text = withPart(readFileSync(page, "utf8"), CURVE, formatPart(report));
	mkdirSync(folder, { recursive: true });
	const note = `Commit ${report.commit}, ${report.machine.cpu}, ${report.machine.cores} cores, ${report.date}. A large dot is where a line bends.`;
	for (const plot of PLOTS) {
		const svg = formatLines(plot, note, report.curves);
		if (svg !== undefined) writeFileSync(join(folder, `${plot.name}.svg`), svg);
	}
	writeFileSync(page, text);
	log("wrote docs/performance.md and docs/performance/curve-*.svg");
}

await runBenchmark({ name: "curve", usage: USAGE, list: FAMILIES.join("\n"), parse: parseArguments, measure: measureCurves });
