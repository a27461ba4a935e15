/**
 * `npm run bench:pair -- OLD`: measures this work tree and another one in turns, and says what the pairs say of the ratio.
 *
 * Both libraries are measured by this work tree's benchmark, so that rows which the old one does not have can be compared, too.
 *
 * The other one is a work tree of an older commit with its dependencies and its addon, e.g. `git worktree add ../old COMMIT && npm --prefix ../old ci`.
 * Exit codes: 0 as fast (within 5 %), 1 slower or not measured, 2 wrong arguments.
 *
 * @module
 */

import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { describeCommit, describeMachine } from "./machine.ts";
import { isAsFast, pairedRatio } from "./paired.ts";

const ROWS = "quic-small-64,stream-small-64,stream-bulk-64k,direct-rtt-64,proxy-small-64,proxy-bulk-64k,broadcast-1-100-100,connect";

const OWN = join(import.meta.dirname, "..");

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		rounds: { type: "string", default: "15" },
		seconds: { type: "string", default: "1" },
		only: { type: "string", default: ROWS },
		json: { type: "boolean", default: false },
	},
});

/** A figure, or why there is none. */
interface Figure {
	readonly name: string;
	readonly value: number | null;
	readonly unit: string;
	readonly note?: string;
}

/** One round of one tree: its figures by name. */
function measure(tree: string): Map<string, Figure> {
	const words = ["run", "--silent", "bench", "--", "--library", tree, "--json", "--rounds", "1", "--seconds", values.seconds, "--only", values.only];
	const run = spawnSync("npm", words, { cwd: OWN, encoding: "utf8", maxBuffer: 64 * 1_024 * 1_024, stdio: ["ignore", "pipe", "pipe"] });
	// One that fails with some of the figures says so in their place.
	if (run.status !== 0 && run.stdout.trim() === "") {
		process.stderr.write(`pair: no figures of ${tree} (exit ${run.status}): ${run.stderr.trim().split("\n").at(-1)}\n`);
		return new Map();
	}
	const { results } = JSON.parse(run.stdout) as { results: Figure[] };
	return new Map(results.map((figure) => [figure.name, figure]));
}

function main(): number {
	const [other] = positionals;
	const rounds = Number(values.rounds);
	if (other === undefined || positionals.length > 1 || !existsSync(join(other, "packages/conec/package.json")) || !(Number.isInteger(rounds) && rounds > 0)) {
		process.stderr.write("npm run bench:pair -- OLD [--rounds 15] [--seconds 1] [--only A,B] [--json], where OLD is a work tree that is ready to run\n");
		return 2;
	}
	const trees = { old: resolve(other), now: OWN };
	const machine = describeMachine();
	const names = values.only.split(",");
	const pairs: Record<string, [number, number][]> = Object.fromEntries(names.map((name) => [name, []]));
	const units: Record<string, string> = {};
	const notes: Record<string, { old?: string; now?: string }> = {};
	for (let round = 0; round < rounds; round++) {
		// Each is first as often as second.
		const swapped = round % 2 === 1;
		const first = measure(swapped ? trees.now : trees.old);
		const second = measure(swapped ? trees.old : trees.now);
		const [old, now] = swapped ? [second, first] : [first, second];
		for (const name of names) {
			const [before, after] = [old.get(name), now.get(name)];
			if (after !== undefined) units[name] = after.unit;
			notes[name] = { ...notes[name], ...noteOf("old", before), ...noteOf("now", after) };
			pairs[name]?.push([before?.value ?? Number.NaN, after?.value ?? Number.NaN]);
		}
		process.stderr.write(`pair: round ${round + 1} of ${rounds}\n`);
	}
	const results = names.map((name) => {
		const ratio = pairedRatio(pairs[name] ?? []);
		return { name, unit: units[name] ?? "?", ...ratio, asFast: isAsFast(ratio, units[name] ?? "?"), rounds: pairs[name], notes: notes[name] };
	});
	const report = { machine, old: describeCommit(trees.old), now: describeCommit(trees.now), seconds: Number(values.seconds), results };
	if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
	else {
		process.stdout.write(`new / old, ${report.now} / ${report.old}, median and 90 % interval\n`);
		for (const { name, unit, pairs: count, median, low, high, asFast, notes: why } of results) {
			const figures = count === 0 ? "no pairs" : `${median.toFixed(3)}  ${low.toFixed(3)} .. ${high.toFixed(3)}  ${count} pairs`;
			process.stdout.write(`${name.padEnd(26)} ${unit.padEnd(11)} ${figures}${asFast || count === 0 ? "" : "  SLOWER, or too wide to tell"}\n`);
			for (const [tree, note] of Object.entries(why ?? {})) process.stdout.write(`    not measured, ${tree}: ${note}\n`);
		}
	}
	return results.every(({ asFast }) => asFast) ? 0 : 1;
}

function noteOf(tree: "old" | "now", figure: Figure | undefined): { old?: string; now?: string } {
	if (figure?.value !== null && figure?.value !== undefined) return {};
	return { [tree]: figure?.note ?? "no figure" };
}

process.exitCode = main();
