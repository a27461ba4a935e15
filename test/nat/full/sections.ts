/** What a full run measures. Every function gives the rows of one section of docs/nat.md. */

import { execFile } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { buildRawQuinn } from "../../../bench/build.ts";
import { makeIdentity } from "../../../bench/identity.ts";
import { FAULTS, faultOutcome } from "../faults.ts";
import type { Owner } from "../lab.ts";
import { NAT_KINDS, type NatKind } from "../nat-kind.ts";
import { pairName } from "../report/page.ts";
import {
	type Birthday,
	expectationOf,
	type FaultRow,
	judgeBirthday,
	judgeFault,
	judgePair,
	judgeThroughput,
	type Pair,
	type Throughput,
	type Try,
} from "../report/results.ts";
import { type Peer, World } from "../world.ts";

/** Labs at once. What they do is wait. */
const LABS = 3;
/** At 150 ms rounds differ by a factor of three: of five each, the ratio of the medians was 0.7 once, and 1.1 over twelve. */
const LOSS_ROUNDS = 11;
const LOSS_SECONDS = 8;
const LOSS_MESSAGE_BYTES = 16_384;
/** For raw quinn: the machine of B without NAT. */
const OPEN_B = "198.51.100.130";

/** What the sections share. */
export interface Run {
	readonly owner: Owner;
	/** Tries of each thing. */
	readonly rounds: number;
	readonly root: string;
	readonly log: (line: string) => void;
}

/** Every ordered pair of kinds. */
export async function measurePairs({ owner, rounds, log }: Run): Promise<Pair[]> {
	const order = NAT_KINDS.flatMap((a) => NAT_KINDS.map((b) => ({ a, b, tries: [] as Try[] })));
	const left = [...order];
	await Promise.all(
		Array.from({ length: LABS }, async () => {
			const world = await World.up(owner);
			for (let pair = left.shift(); pair !== undefined; pair = left.shift()) {
				if (expectationOf(pair.a, pair.b) === "blocked") pair.tries.push(...(await tryBlocked(world, pair.a, pair.b, rounds)));
				else for (let round = 0; round < rounds; round++) pair.tries.push(await tryPair(world, pair.a, pair.b));
				log(`${pairName(pair)}: ${judgePair(pair).text}`);
			}
		}),
	);
	return order;
}

async function tryPair(world: World, a: NatKind, b: NatKind): Promise<Try> {
	const [one, other] = await world.pair([a, b]);
	if (expectationOf(a, b) !== "proxied") return await tryDirect(one, other);
	const { ms, path, error } = await one.openStream(other);
	return path === "proxied" ? { ok: true, ms } : { ok: false, ms, note: error === undefined ? `the path is ${path}` : `${error.code}: ${error.message}` };
}

async function tryDirect(one: Peer, other: Peer): Promise<Try> {
	const { ms, error } = await one.openChannel(other);
	if (error !== undefined) return { ok: false, ms, note: `${error.code}: ${error.message}` };
	const { path } = await one.openStream(other, "direct");
	return path === "direct" ? { ok: true, ms } : { ok: false, ms, note: "there was a channel, and no stream on it" };
}

/** All tries at once: each takes ten seconds. */
async function tryBlocked(world: World, a: NatKind, b: NatKind, rounds: number): Promise<Try[]> {
	await world.leave();
	await world.lab.set("A", a);
	await world.lab.set("B", b);
	return await Promise.all(
		Array.from({ length: rounds }, async () => {
			const { ms, error } = await world.tryConnect(a === "blocked" ? "a" : "b");
			if (error === undefined) return { ok: false, ms, note: "it connected" };
			return error.code === "COORDINATOR_UNREACHABLE" && /UDP/.test(error.message)
				? { ok: true, ms }
				: { ok: false, ms, note: `${error.code}: ${error.message}` };
		}),
	);
}

/** The birthday method, from both sides. */
export async function measureBirthday({ owner, rounds, log }: Run): Promise<Birthday[]> {
	const world = await World.up(owner);
	const rows: Birthday[] = [];
	for (const kinds of [
		["sym", "port"],
		["port", "sym"],
		["sym", "fw"],
	] as const) {
		const tries: Try[] = [];
		for (let round = 0; round < rounds; round++) tries.push(await tryDirect(...(await world.pair(kinds, { birthday: true }))));
		const row = { name: kinds.join(" to "), tries };
		rows.push(row);
		log(`birthday: ${row.name}: ${judgeBirthday(row).text}`);
	}
	return rows;
}

/** Every fault. */
export async function measureFaults({ owner, rounds, log }: Run): Promise<FaultRow[]> {
	const world = await World.up(owner);
	const rows: FaultRow[] = [];
	for (const fault of FAULTS) {
		const tries = [];
		for (let round = 0; round < rounds; round++) {
			const { story, ...outcome } = await faultOutcome(world, fault);
			if (outcome.problem !== undefined) log(`${fault.name}: ${outcome.problem}\n${story}`);
			tries.push(outcome);
		}
		const row = { name: fault.name, side: fault.side, tries };
		rows.push(row);
		log(`${row.name}: ${judgeFault(row).text}`);
	}
	return rows;
}

/** A direct stream against raw quinn, in turns. */
export async function measureThroughput(run: Run): Promise<Throughput[]> {
	const { owner, log } = run;
	const quinn = await buildRawQuinn(run.root, log);
	const identity = await makeIdentity();
	owner.after(() => identity.dispose());
	const files = ["--cert", identity.certificateFile, "--key", identity.privateKeyFile];
	const world = await World.up(owner);
	const rows: Throughput[] = [];
	for (const rttMs of [40, 150]) {
		for (const lossPercent of [1, 5]) {
			for (const link of ["a", "b", "co"] as const) await world.lab.wire(link, { delayMs: rttMs / 4, lossPercent: link === "a" ? lossPercent : 0, seed: 11 });
			const row = {
				rttMs,
				lossPercent,
				direct: [] as number[],
				quinn: [] as number[],
				correct: true,
				note: quinn === undefined ? "raw quinn could not be built" : "",
			};
			for (let round = 0; round < Math.min(LOSS_ROUNDS, run.rounds); round++) {
				const [a, b] = await world.pair(["none", "none"]);
				const opened = await a.openChannel(b);
				if (opened.error !== undefined) {
					row.correct = false;
					row.note = `no channel: ${opened.error.message}`;
					continue;
				}
				const name = `throughput ${a.id}`;
				await a.send(b, "direct", name, { seconds: LOSS_SECONDS, messageBytes: LOSS_MESSAGE_BYTES });
				const { bytes, firstAtMs = 0, lastAtMs = 0, error } = await a.result(name);
				row.correct &&= error === undefined;
				row.direct.push(((bytes - LOSS_MESSAGE_BYTES) * 8) / (lastAtMs - firstAtMs) / 1_000);
				if (quinn !== undefined) row.quinn.push(await rawQuinn(world, quinn, files));
			}
			rows.push(row);
			log(`${rttMs} ms, ${lossPercent} %: ${judgeThroughput(row).text}`);
		}
	}
	return rows;
}

async function rawQuinn({ lab }: World, binary: string, files: readonly string[]): Promise<number> {
	const server = lab.spawn("b", [binary, "server", "--host", OPEN_B, ...files]);
	try {
		const [line] = (await once(createInterface(server.stdout as NodeJS.ReadableStream), "line")) as [string];
		const { port } = JSON.parse(line) as { port: number };
		const words = [
			"client",
			"bulk",
			"--host",
			OPEN_B,
			"--port",
			String(port),
			"--size",
			String(LOSS_MESSAGE_BYTES),
			"--seconds",
			String(LOSS_SECONDS),
			...files,
		];
		const { stdout } = await promisify(execFile)("ip", ["netns", "exec", `${lab.name}-a`, binary, ...words], { timeout: 120_000 });
		const { bytes, seconds } = JSON.parse(stdout) as { bytes: number; seconds: number };
		return (bytes * 8) / seconds / 1e6;
	} finally {
		server.stdin?.end();
		server.kill();
	}
}
