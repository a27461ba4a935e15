/** Two Clients behind one router each: every pair of kinds, and the birthday method. */

import { sleep } from "../actors/actions.ts";
import { NAT_KINDS, type NatKind } from "../nat-kind.ts";
import { pairName } from "../report/page.ts";
import { type Birthday, expectationOf, judgeBirthday, judgePair, type Pair, type Try } from "../report/results.ts";
import type { World } from "../world.ts";
import { inLabs, type Run, tryDirect } from "./measure.ts";

const LABS = 5;
/** By default two addresses may use the birthday method three times a minute, counted from when each attempt has to be over: 15 s later. For the rest there are more labs, each with a Coordinator of its own. */
const BIRTHDAY_LABS = 6;
const BIRTHDAY_EVERY_MS = 26_000;

/** Every ordered pair of kinds that let UDP through; where it is blocked it does not matter who is on the other side. */
export async function measurePairs(run: Run): Promise<Pair[]> {
	const open = NAT_KINDS.filter((kind) => kind !== "blocked");
	const pairs = open.flatMap((a) => open.map((b) => ({ a, b, tries: [] as Try[] })));
	const rows: (Pair & { readonly tries: Try[] })[] = [...pairs, { a: "blocked", b: "none", tries: [] }];
	await inLabs(run, LABS, rows, async (world, row) => {
		if (expectationOf(row.a, row.b) === "blocked") row.tries.push(...(await tryBlocked(world, run.rounds)));
		else for (let round = 0; round < run.rounds; round++) row.tries.push(await tryPair(world, row.a, row.b));
		run.log(`${pairName(row)}: ${judgePair(row).text}`);
	});
	return rows;
}

async function tryPair(world: World, a: NatKind, b: NatKind): Promise<Try> {
	const [one, other] = await world.pair([a, b]);
	if (expectationOf(a, b) !== "proxied") return await tryDirect(one, other);
	const { ms, path, error } = await one.openStream(other);
	return path === "proxied" ? { ok: true, ms } : { ok: false, ms, note: error === undefined ? `the path is ${path}` : `${error.code}: ${error.message}` };
}

/** All tries at once: each takes ten seconds. */
async function tryBlocked(world: World, rounds: number): Promise<Try[]> {
	await world.renew(["blocked", "none"]);
	return await Promise.all(
		Array.from({ length: rounds }, async () => {
			const { ms, error } = await world.tryConnect("a");
			if (error === undefined) return { ok: false, ms, note: "it connected" };
			return error.code === "COORDINATOR_UNREACHABLE" && /UDP/.test(error.message)
				? { ok: true, ms }
				: { ok: false, ms, note: `${error.code}: ${error.message}` };
		}),
	);
}

/** The birthday method, from both sides. */
export async function measureBirthday(run: Run): Promise<Birthday[]> {
	const rows = (
		[
			["sym", "port"],
			["port", "sym"],
			["sym", "fw"],
		] as const
	).map((kinds) => ({ name: kinds.join(" to "), kinds, tries: [] as Try[] }));
	const all = Array.from({ length: run.rounds }, () => rows).flat();
	await inLabs(run, BIRTHDAY_LABS, all, async (world, { name, kinds, tries }) => {
		const next = sleep(BIRTHDAY_EVERY_MS);
		tries.push(await tryDirect(...(await world.pair(kinds, { birthday: true }))));
		run.log(`birthday: ${name}: ${judgeBirthday({ name, tries }).text}`);
		await next;
	});
	return rows.map(({ name, tries }) => ({ name, tries }));
}
