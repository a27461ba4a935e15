/**
 * `npm run bench:pair -- OLD`: measures this work tree and another one in turns, and says what the pairs say of the ratio.
 *
 * Both stacks of processes live side by side and take turns of a second: what the machine does meanwhile meets both. How V8 and the allocator settle differs
 * from process to process, so the stacks are made anew every few pairs. Both libraries are measured by this work tree's benchmark, so that rows which the
 * old one does not have can be compared, too. With `--new TREE` it compares two other work trees with each other.
 *
 * The other one is a work tree of an older commit with its dependencies and its addon, e.g. `git worktree add ../old COMMIT && npm --prefix ../old ci`.
 * Exit codes: 0 as fast (within 5 %), 1 slower or not measured, 2 wrong arguments.
 *
 * @module
 */

import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { build } from "./build.ts";
import { CATALOGUE } from "./catalogue.ts";
import { Context } from "./context.ts";
import type { Entry } from "./entry.ts";
import { makeIdentity } from "./identity.ts";
import { describeCommit, describeMachine } from "./machine.ts";
import { isAsFast, isRate, pairedRatio } from "./paired.ts";

const ROWS = "quic-small-64,stream-small-64,stream-bulk-64k,direct-rtt-64,proxy-small-64,proxy-bulk-64k,broadcast-1-100-100,connect";

const USAGE =
	"npm run bench:pair -- OLD [--rounds 15] [--seconds 1] [--per-stack 3] [--only A,B] [--new TREE] [--json], where OLD and TREE are work trees that are ready to run";

const OWN = join(import.meta.dirname, "..");

/** Which of the two trees. */
type Side = "old" | "now";

/** A tree, built. */
interface Tree {
	readonly root: string;
	readonly compiled: string;
}

/** What one turn of one tree gave. */
interface Turn {
	readonly value: number;
	/** CPU seconds of all its processes for one unit of the figure, up to a constant; NaN where that says nothing. */
	readonly cpu: number;
}

/** What the turns of one row say. */
interface Row {
	readonly entry: Entry;
	readonly turns: Record<Side, Turn[]>;
	readonly notes: Partial<Record<Side, string>>;
}

const { values, positionals } = parseArgs({
	allowPositionals: true,
	options: {
		rounds: { type: "string", default: "15" },
		seconds: { type: "string", default: "1" },
		"per-stack": { type: "string", default: "3" },
		only: { type: "string", default: ROWS },
		new: { type: "string", default: OWN },
		json: { type: "boolean", default: false },
	},
});

function log(line: string): void {
	process.stderr.write(`pair: ${line}\n`);
}

async function main(): Promise<number> {
	const [other] = positionals;
	const [rounds, seconds, perStack] = [Number(values.rounds), Number(values.seconds), Number(values["per-stack"])];
	const entries = values.only.split(",").map((name) => CATALOGUE.find((entry) => entry.name === name));
	const known = entries.every((entry) => entry !== undefined);
	const whole = [rounds, perStack].every((count) => Number.isInteger(count) && count > 0);
	const isTree = (root: string): boolean => existsSync(join(root, "packages/conec/package.json"));
	if (other === undefined || positionals.length > 1 || !isTree(other) || !isTree(values.new) || !whole || !(seconds > 0) || !known) {
		process.stderr.write(`${USAGE}\n`);
		return 2;
	}
	const machine = describeMachine();
	const trees: Record<Side, Tree> = { old: await built(resolve(other)), now: await built(resolve(values.new)) };
	const rows = entries.map((entry): Row => ({ entry, turns: { old: [], now: [] }, notes: {} }));
	for (let done = 0; done < rounds; done += perStack) {
		for (const row of rows) {
			await stack(trees, row, { first: done, count: Math.min(perStack, rounds - done), seconds });
		}
	}
	const results = rows.map(resultOf);
	const report = { machine, old: describeCommit(trees.old.root), now: describeCommit(trees.now.root), seconds, perStack, results };
	if (values.json) process.stdout.write(`${JSON.stringify(report)}\n`);
	else print(report);
	return results.every(({ asFast }) => asFast) ? 0 : 1;
}

async function built(root: string): Promise<Tree> {
	return { root, compiled: (await build(OWN, root, false, log)).compiled };
}

/** Starts both stacks of a row, and lets them take `count` turns each. What is measured once has stacks of its own for each turn. */
async function stack(trees: Record<Side, Tree>, row: Row, { first, count, seconds }: { first: number; count: number; seconds: number }): Promise<void> {
	const contexts = { old: await contextOf(trees.old), now: await contextOf(trees.now) };
	try {
		const once = "once" in row.entry;
		if (!once) for (const side of ["old", "now"] as const) await turn(contexts[side], row, side, Math.min(0.5, seconds));
		for (let i = 0; i < count; i++) {
			// Each is first as often as second.
			const order: Side[] = (first + i) % 2 === 1 ? ["now", "old"] : ["old", "now"];
			for (const side of order) {
				const fresh = once && i > 0;
				const context = fresh ? await contextOf(trees[side]) : contexts[side];
				try {
					row.turns[side].push(await turn(context, row, side, seconds));
				} finally {
					if (fresh) await context.close();
				}
			}
			const [old, now] = [row.turns.old.at(-1)?.value ?? Number.NaN, row.turns.now.at(-1)?.value ?? Number.NaN];
			log(`${row.entry.name} ${first + i + 1}: old ${old.toPrecision(4)}, new ${now.toPrecision(4)}, new / old ${(now / old).toFixed(3)}`);
		}
	} finally {
		await contexts.old.close();
		await contexts.now.close();
	}
}

async function contextOf({ root, compiled }: Tree): Promise<Context> {
	return new Context({ identity: await makeIdentity(), rawQuinn: undefined, quick: false, root, compiled });
}

async function turn(context: Context, { entry, notes }: Row, side: Side, seconds: number): Promise<Turn> {
	try {
		const before = context.cpuSeconds();
		const value = "once" in entry ? ((await entry.once(context)).rounds[0] ?? Number.NaN) : (await entry.rounds(context, seconds)).value;
		// All turns last as long, so a rate is the number of units up to a constant.
		const cpu = "rounds" in entry && isRate(entry.unit) ? (context.cpuSeconds() - before) / value : Number.NaN;
		return { value, cpu };
	} catch (error) {
		notes[side] = (error as Error).message.split("\n")[0] ?? "";
		return { value: Number.NaN, cpu: Number.NaN };
	}
}

function resultOf({ entry: { name, unit }, turns, notes }: Row) {
	const pairs = (figure: "value" | "cpu") => turns.now.map((turn, i): [number, number] => [turns.old[i]?.[figure] ?? Number.NaN, turn[figure]]);
	const ratio = pairedRatio(pairs("value"));
	return { name, unit, ...ratio, asFast: isAsFast(ratio, unit), cpu: pairedRatio(pairs("cpu")), rounds: pairs("value"), notes };
}

function print({ old, now, results }: { old: string; now: string; results: readonly ReturnType<typeof resultOf>[] }): void {
	process.stdout.write(`new / old, ${now} / ${old}, median and 90 % interval; the same of the CPU time for a unit, all processes\n`);
	for (const { name, unit, pairs, median, low, high, asFast, cpu, notes } of results) {
		const figures = pairs === 0 ? "no pairs" : `${median.toFixed(3)}  ${low.toFixed(3)} .. ${high.toFixed(3)}  ${pairs} pairs`;
		const time = cpu.pairs === 0 ? "" : `  CPU ${cpu.median.toFixed(3)}  ${cpu.low.toFixed(3)} .. ${cpu.high.toFixed(3)}`;
		process.stdout.write(`${name.padEnd(26)} ${unit.padEnd(11)} ${figures}${time}${asFast || pairs === 0 ? "" : "  SLOWER, or too wide to tell"}\n`);
		for (const [side, note] of Object.entries(notes)) process.stdout.write(`    not measured, ${side}: ${note}\n`);
	}
}

process.exitCode = await main().catch((error: Error) => {
	log(error.stack ?? error.message);
	return 1;
});
