/** Networks beyond one router each, Clients that move, bad luck at the first try, and many at once. */

import { sleep } from "../actors/actions.ts";
import { crowd } from "../crowd.ts";
import { afterMove, CALLS, MOVES } from "../moves.ts";
import { BRISK_MS, type Case, type Crowd, judgeCase, judgeCrowd, PROXIED_MS, RECOVERED_MS, type Try } from "../report/results.ts";
import { SITUATIONS, type Situation, trySituation, worldFor } from "../situations.ts";
import { afterTrouble } from "../trouble.ts";
import { Ending, inLabs, type Run } from "./measure.ts";

/** Few, because a figure of milliseconds is held. */
const CARRIER_LABS = 3;
/** Idle for most of the time. */
const IPV6_LABS = 6;
const MOVE_LABS = 6;
/** By default an address that no Coordinator has seen, as an IPv6 address beside an IPv4 one, gets 60 packets a minute. */
const IPV6_EVERY_MS = 6_500;
const TROUBLE_LABS = 4;
const CROWDS = 3;

const noted = ({ ok, ms, note }: Try): Try => ({ ok, ms, ...(note === undefined ? {} : { note }) });

export const measureIpv6 = async (run: Run): Promise<Case[]> => await measureSituations(run, "ipv6");
export const measureCarriers = async (run: Run): Promise<Case[]> => await measureSituations(run, "carriers");

async function measureSituations(run: Run, section: Situation["section"]): Promise<Case[]> {
	const rows = SITUATIONS.filter((situation) => situation.section === section).map((situation) => ({
		situation,
		name: situation.name,
		expectation: situation.expectation,
		limitMs: situation.expectation === "direct" ? BRISK_MS : PROXIED_MS,
		tries: [] as Try[],
	}));
	const left = [...rows];
	await Promise.all(
		Array.from({ length: section === "ipv6" ? IPV6_LABS : CARRIER_LABS }, async () => {
			for (let row = left.shift(); row !== undefined; row = left.shift()) {
				const lab = new Ending();
				run.owner.after(() => lab.end());
				const world = await worldFor(lab, row.situation);
				await trySituation(world, row.situation); // starts cold, and is not counted
				for (let round = 0; round < run.rounds; round++) {
					const next = section === "ipv6" ? sleep(IPV6_EVERY_MS) : undefined;
					row.tries.push(noted(await trySituation(world, row.situation)));
					await next;
				}
				await lab.end();
				run.log(`${row.name}: ${judgeCase(row).text}`);
			}
		}),
	);
	return rows.map(({ situation: _, ...row }) => row);
}

/** Every move, and everybody who calls after it. */
export async function measureMoves(run: Run): Promise<Case[]> {
	const rows = MOVES.map((move) => ({
		move,
		cases: CALLS.map((call) => ({ call, name: `${move.name}; ${call}`, expectation: "direct" as const, limitMs: BRISK_MS, tries: [] as Try[] })),
	}));
	const all = Array.from({ length: run.rounds }, () => rows).flat();
	await inLabs(run, MOVE_LABS, all, async (world, { move, cases }) => {
		const tries = await afterMove(world, move);
		for (const one of cases) one.tries.push(noted(tries.get(one.call) as Try));
		run.log(`${move.name}: ${cases.map((one) => judgeCase(one).text).join("; ")}`);
	});
	return rows.flatMap(({ cases }) => cases.map(({ call: _, ...row }) => row));
}

/** From the end of a trouble to a direct stream. */
export async function measureTrouble(run: Run): Promise<Case[]> {
	const tries: Try[] = [];
	const shares = Array.from({ length: TROUBLE_LABS }, (_, i) => Math.floor((run.rounds + i) / TROUBLE_LABS)).filter((pairs) => pairs > 0);
	await inLabs(run, TROUBLE_LABS, shares, async (world, pairs) => tries.push(...(await afterTrouble(world, pairs)).map(noted)));
	const row: Case = { name: "the path is dead for 3 s from the first stream on", expectation: "direct", limitMs: RECOVERED_MS, tries };
	run.log(`${row.name}: ${judgeCase(row).text}`);
	return [row];
}

/** One crowd after the other: each is busy. */
export async function measureCrowd(run: Run): Promise<Crowd[]> {
	const rows: Crowd[] = [];
	for (const how of ["stream", "channel"] as const) {
		for (let i = 0; i < Math.min(CROWDS, run.rounds); i++) {
			const lab = new Ending();
			run.owner.after(() => lab.end());
			const row = await crowd(lab, how);
			await lab.end();
			rows.push(row);
			run.log(`crowd, ${how}: ${judgeCrowd(row).text}${row.note === undefined ? "" : `; ${row.note}`}`);
		}
	}
	return rows;
}
