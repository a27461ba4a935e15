/**
 * Running a walk: applications do what comes to mind, and the network what it likes, both from one seed. Then the faults stop,
 * everything comes to rest, and what must hold is checked.
 *
 * @module
 */

import { ACTS } from "./acts.ts";
import type { Chooser, Weighted } from "./chooser.ts";
import { FAULTS } from "./faults.ts";
import { LEG_ACTS } from "./leg-acts.ts";
import { comeToRest } from "./rest.ts";
import { Walk } from "./walk.ts";

/** What came of one seed. */
export interface WalkResult {
	readonly seed: number;
	readonly problems: readonly string[];
	readonly log: readonly string[];
	/** Kinds of acts and faults that were done, how often. */
	readonly done: ReadonlyMap<string, number>;
	/** What was seen to happen. */
	readonly sights: ReadonlySet<string>;
	readonly virtualMs: number;
}

/** Acts and faults of a walk. */
export const STEPS = 204;

/** All that may be done in a walk. */
export const KINDS: readonly Weighted<Walk>[] = [...ACTS, ...LEG_ACTS, ...FAULTS];

/** Runs one seed. Never rejects. */
export async function runWalk(seed: number): Promise<WalkResult> {
	const walk = new Walk(seed);
	const { world, verdict, done, sights } = walk;
	const onRejection = (error: unknown): void => verdict.wrong(`a promise was rejected that nobody waits for: ${wordsOf(error)}`);
	process.on("unhandledRejection", onRejection);
	try {
		await goOn(walk);
		if (verdict.problems.length === 0) await comeToRest(walk);
	} catch (error) {
		verdict.wrong(`the walk itself failed: ${wordsOf(error)}`);
	} finally {
		process.off("unhandledRejection", onRejection);
	}
	look(walk);
	return { seed, problems: verdict.problems, log: world.log, done, sights, virtualMs: world.clock.now() };
}

async function goOn(walk: Walk): Promise<void> {
	const { world, choose, names, done, verdict } = walk;
	await walk.startCoordinator();
	for (const name of names) walk.startClient(name);
	await world.clock.advance(500);
	for (let step = 0, missed = 0; step < STEPS && verdict.problems.length === 0; ) {
		if (walk.returning !== undefined && walk.returning.atMs <= world.clock.now()) await walk.startCoordinator();
		const kind = choose.weighted(KINDS);
		if (!kind.run(walk)) {
			// Nothing to do it with, perhaps because nobody is there yet.
			if (++missed % 30 === 0) await world.clock.advance(250);
			continue;
		}
		missed = 0;
		step++;
		done.set(kind.name, (done.get(kind.name) ?? 0) + 1);
		await world.clock.advance(pauseMs(choose));
	}
}

/** What has come about, for whoever wants to know whether walks reach it. */
function look({ sights, broadcasts, streams, all }: Walk): void {
	if (all.some(({ cameBack }) => cameBack > 0)) sights.add("a Client that came back by itself");
	for (const { gaps, options, closed, reading, earlier } of broadcasts.members) {
		if (gaps.length > 0) sights.add(`gap, ${options.slowReader}`);
		if (earlier > 0 && options.last !== undefined) sights.add("history, last");
		if (closed?.code !== undefined) sights.add(`broadcast closed ${closed.code}`);
		if (reading !== "open" && options.mode !== "send") sights.add(`broadcast read until ${reading}`);
	}
	for (const { ends, failed } of streams.records) {
		if (failed.length > 0) sights.add("stream opened again, proxied");
		for (const end of ends) {
			if (end === undefined) continue;
			sights.add(`${end.stream.path} stream read until ${end.reading}`);
			if (end.stream.resumable) sights.add(`resumable stream read until ${end.reading}`);
			if (end.firstPath !== end.stream.path) sights.add(`resumable stream ended ${end.stream.path}, and began elsewhere`);
		}
	}
}

function pauseMs(choose: Chooser): number {
	const chance = choose.fraction();
	if (chance < 0.6) return choose.integer(0, 30);
	if (chance < 0.9) return choose.integer(30, 300);
	return choose.integer(300, chance < 0.99 ? 3_000 : 15_000);
}

function wordsOf(error: unknown): string {
	return error instanceof Error ? (error.stack ?? error.message) : String(error);
}
