/** What happens to transfers: faults in the middle of one, and losses against raw quinn. */

import { execFile } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { promisify } from "node:util";
import { buildRawQuinn } from "../../../bench/build.ts";
import { makeIdentity } from "../../../bench/identity.ts";
import { FAULTS, faultOutcome } from "../faults.ts";
import { type FaultRow, type FaultTry, judgeFault, judgeThroughput, type Throughput } from "../report/results.ts";
import type { World } from "../world.ts";
import { inLabs, type Run } from "./measure.ts";

/** Transfers keep a core busy. */
const FAULT_LABS = 2;
/** A few megabits a second each; more of them would be in each other's way. */
const LOSS_LABS = 2;
/** At 150 ms rounds differ by a factor of three: of five each, the ratio of the medians was 0.7 once, and 1.1 over twelve. */
const LOSS_ROUNDS = 11;
const LOSS_SECONDS = 8;
const LOSS_MESSAGE_BYTES = 16_384;
/** For raw quinn: the machine of B without NAT. */
const OPEN_B = "198.51.100.130";

/** Every fault. */
export async function measureFaults(run: Run): Promise<FaultRow[]> {
	const rows = FAULTS.map((fault) => ({ fault, row: { name: fault.name, side: fault.side, tries: [] as FaultTry[] } }));
	await inLabs(run, FAULT_LABS, rows, async (world, { fault, row }) => {
		for (let round = 0; round < run.rounds; round++) {
			const { story, ...outcome } = await faultOutcome(world, fault);
			if (outcome.problem !== undefined) run.log(`${fault.name}: ${outcome.problem}\n${story}`);
			row.tries.push(outcome);
		}
		run.log(`${row.name}: ${judgeFault(row).text}`);
	});
	return rows.map(({ row }) => row);
}

/** A direct stream against raw quinn, in turns. */
export async function measureThroughput(run: Run): Promise<Throughput[]> {
	const { owner, log } = run;
	const quinn = await buildRawQuinn(run.root, log);
	const identity = await makeIdentity();
	owner.after(() => identity.dispose());
	const files = ["--cert", identity.certificateFile, "--key", identity.privateKeyFile];
	const rows = [40, 150].flatMap((rttMs) =>
		[1, 5].map((lossPercent) => ({
			...{ rttMs, lossPercent, direct: [] as number[], quinn: [] as number[] },
			...{ correct: true, note: quinn === undefined ? "raw quinn could not be built" : "" },
		})),
	);
	await inLabs(run, LOSS_LABS, rows, async (world, row) => {
		const { rttMs, lossPercent } = row;
		for (const link of ["a", "b", "co"] as const) await world.lab.wire(link, { delayMs: rttMs / 4, lossPercent: link === "a" ? lossPercent : 0, seed: 11 });
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
		log(`${rttMs} ms, ${lossPercent} %: ${judgeThroughput(row).text}`);
	});
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
