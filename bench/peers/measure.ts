/**
 * Runs all rounds of all figures.
 *
 * @module
 */

import type { Figure, Group } from "./catalogue.ts";
import type { Contender } from "./lineup.ts";
import { connectCast, idleClient } from "./loads/connections.ts";
import { fanOutCast } from "./loads/fan-out.ts";
import type { Cast, Sample, Task } from "./loads/sample.ts";
import { streamsCast } from "./loads/streams.ts";
import type { Outcome } from "./outcome.ts";
import type { Site } from "./site.ts";
import { castsOf, orderOf, takesPart } from "./turns.ts";

/** What to measure, for how long. */
export interface MeasureOptions {
	readonly figures: readonly Figure[];
	readonly contenders: readonly Contender[];
	readonly rounds: number;
	readonly seconds: number;
	readonly log: (line: string) => void;
}

/** A round before those that count. */
const WARM_UP_SECONDS = 0.4;
/** So many systems are set up at once, or counted for their memory: neither is a measurement of speed. */
const AT_ONCE = 3;

/** Measures everything. One that fails in a round is left out of that round, with a note, and the others go on. */
export async function measure(site: Site, options: MeasureOptions): Promise<Outcome> {
	const { rounds, log } = options;
	const outcome: Outcome = { samples: new Map(), failures: [] };
	const groups = [...new Set(options.figures.map(({ group }) => group))];
	const casts = castsOf(rounds);
	for (const [index, cast] of casts.entries()) {
		for (const group of groups) {
			log(`cast ${index + 1} of ${casts.length}, ${group}`);
			await (group === "idle" ? idleRound(site, options, cast, outcome) : groupRounds(site, options, group, cast, outcome));
		}
	}
	return outcome;
}

/** All rounds of one cast of a group: starts the processes, warms up, measures, ends them. */
async function groupRounds(site: Site, options: MeasureOptions, group: Exclude<Group, "idle">, rounds: readonly number[], outcome: Outcome): Promise<void> {
	const { figures, contenders, seconds, log } = options;
	const wanted = figures.filter((figure) => figure.group === group).map(({ name }) => name);
	const casts: Cast[] = [];
	try {
		const able = contenders.filter(({ groups }) => groups.includes(group));
		await atOnce(able, async (contender) => {
			await castOf(contender, site, group)
				.then((cast) => casts.push(cast))
				.catch((error: Error) => fail(outcome, group, contender.name, error, log));
		});
		const all = casts.flatMap((cast) => cast.tasks);
		const tasks = wanted.flatMap((figure) => able.flatMap(({ name }) => all.filter((task) => task.figure === figure && task.contender === name)));
		const ready = new Set<Task>();
		for (const task of tasks) if (await turn(task, Math.min(WARM_UP_SECONDS, seconds), -1, outcome, log)) ready.add(task);
		for (const round of rounds) {
			for (const task of orderOf(tasks, round)) {
				const far = contenders.find(({ name }) => name === task.contender)?.far ?? false;
				// One that has failed is likely to be stuck, and each time would cost a deadline. The next cast tries again.
				if (takesPart(far, round) && ready.has(task) && !(await turn(task, seconds, round, outcome, log))) ready.delete(task);
			}
		}
	} finally {
		await Promise.all(casts.map((cast) => cast.end()));
	}
}

function castOf(contender: Contender, site: Site, group: Exclude<Group, "idle">): Promise<Cast> {
	switch (group) {
		case "direct":
		case "proxied":
			return streamsCast(contender, site, group);
		case "fan-out":
			return fanOutCast(contender, site);
		case "connect":
			return connectCast(contender, site);
	}
}

/** Idle clients are counted once for each cast. */
async function idleRound(site: Site, { contenders, seconds, log }: MeasureOptions, rounds: readonly number[], outcome: Outcome): Promise<void> {
	const able = contenders.filter(({ groups }) => groups.includes("idle"));
	await atOnce(able, async (contender) => {
		await turn(idleClient(contender, site), seconds, rounds[0] ?? 0, outcome, log);
	});
}

async function atOnce<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
	const left = [...items];
	const worker = async (): Promise<void> => {
		for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
	};
	await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** One turn of one task. Whether it went well. */
async function turn(task: Task, seconds: number, round: number, outcome: Outcome, log: (line: string) => void): Promise<boolean> {
	try {
		const sample = await task.work(seconds, round);
		log(`${task.figure} ${task.contender} ${round < 0 ? "(warm-up)" : round + 1}: ${textOf(sample)}`);
		if (round >= 0) keep(outcome, task, round, sample);
		return true;
	} catch (error) {
		fail(outcome, task.figure, task.contender, error as Error, log);
		return false;
	}
}

function keep({ samples }: Outcome, { figure, contender }: Task, round: number, sample: Sample): void {
	const byContender = samples.get(figure) ?? new Map<string, Map<number, Sample>>();
	samples.set(figure, byContender);
	byContender.set(contender, (byContender.get(contender) ?? new Map()).set(round, sample));
}

function fail({ failures }: Outcome, where: string, contender: string, error: Error, log: (line: string) => void): void {
	const reason = error.message.split("\n")[0] ?? "";
	failures.push({ where, contender, reason });
	log(`${where} ${contender} failed: ${reason}`);
}

function textOf({ values }: Sample): string {
	return Object.entries(values)
		.map(([key, value]) => `${key} ${Number(value.toPrecision(4))}`)
		.join(", ");
}
