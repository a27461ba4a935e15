/**
 * What lines of several qualities cost, and which congestion control suits them; docs/congestion.md has the figures.
 * `node --conditions=source --import tsx test/nat/full/line-quality.ts [reordering] [loss] [messages] [congestion] [--rounds N] [--rtt MS]`, as root.
 * Another build of the addon is measured with CONEC_QUIC_NATIVE_PATH. Prints Markdown, then every sample as JSON.
 */

import { loadavg } from "node:os";
import type { Lab, WireSpec } from "../lab.ts";
import { type Peer, World } from "../world.ts";

type Congestion = "cubic" | "bbr";

/** How a line from A to B is made of the cables at A and B. */
interface Line {
	readonly name: string;
	readonly a: WireSpec;
	readonly b: WireSpec;
}

interface Bulk {
	readonly mbit: number;
}

const RTTS_MS = [20, 80, 200] as const;
/** Below what one stream's window of 1 MiB lets through in 200 ms, so that the line is the limit. */
const RATE_MBIT = 30;
const BULK_SECONDS = 8;
const TICKS = { bytes: 64, everyMs: 10, seconds: 10 } as const;
/** 2 s of 1 Mbit/s in frames of 1,500 bytes. */
const LONG_QUEUE_FRAMES = 167;

const { sections, rounds, rtts } = readWords(process.argv.slice(2));
const samples: Record<string, number[]> = {};
const ends: (() => Promise<void> | void)[] = [];
const load = loadavg()[0] ?? 0;
try {
	const world = await World.up({ after: (end) => void ends.push(end) }, { wire: { delayMs: 1 } });
	await world.lab.wire("co", {});
	for (let round = 0; round < rounds; round++) {
		if (sections.includes("reordering")) for (const rttMs of rtts) await measureReordering(world, rttMs);
		if (sections.includes("loss")) for (const rttMs of rtts) await measureLoss(world, rttMs);
		if (sections.includes("messages")) for (const rttMs of rtts) await measureMessages(world, rttMs);
		if (sections.includes("congestion")) await measureCongestion(world);
	}
} finally {
	for (const end of ends.reverse()) await end();
}
report();
process.exit(0);

/** One packet in a hundred, or in a thousand, overtakes or is overtaken by a quarter of the round trip. */
function reorderings(rttMs: number): Line[] {
	const quarter = rttMs / 4;
	const straight: WireSpec = { delayMs: quarter, rateMbit: RATE_MBIT, seed: 7 };
	return [
		{ name: "in order", a: straight, b: { delayMs: quarter } },
		...[0.1, 1].map((percent) => ({ name: `${percent} % early`, a: { ...straight, reorderPercent: percent }, b: { delayMs: quarter } })),
		// All but a few skip the delay of the one cable: these few are late.
		...[0.1, 1].map((percent) => ({ name: `${percent} % late`, a: { ...straight, reorderPercent: 100 - percent }, b: { delayMs: 2 * quarter } })),
	];
}

async function measureReordering(world: World, rttMs: number): Promise<void> {
	for (const line of reorderings(rttMs)) note(`bulk, ${rttMs} ms, ${line.name}, Mbit/s`, (await bulk(world, line)).mbit);
}

async function measureLoss(world: World, rttMs: number): Promise<void> {
	const half: WireSpec = { delayMs: rttMs / 4, rateMbit: RATE_MBIT };
	const line: Line = { name: "1 % lost", a: { ...half, lossPercent: 1, seed: 7 }, b: { delayMs: rttMs / 4 } };
	note(`bulk, ${rttMs} ms, 1 % lost, Mbit/s`, (await bulk(world, line)).mbit);
}

async function measureMessages(world: World, rttMs: number): Promise<void> {
	await lay(world.lab, { name: "", a: { delayMs: rttMs / 4, rateMbit: RATE_MBIT, lossPercent: 1, seed: 7 }, b: { delayMs: rttMs / 4 } });
	const [from, to] = await pair(world, "cubic");
	const { thereMs, thereAndBackMs } = await from.tick(to, "direct", TICKS);
	note(`64 B there, ${rttMs} ms, 1 % lost, ms over half a round trip`, ...thereMs.map((ms) => ms - rttMs / 2));
	note(`64 B there and back, ${rttMs} ms, 1 % lost, ms over the round trip`, ...thereAndBackMs.map((ms) => ms - rttMs));
}

async function measureCongestion(world: World): Promise<void> {
	for (const congestion of ["cubic", "bbr"] as const) {
		for (const lossPercent of [0, 1]) {
			const line: Line = { name: "", a: { delayMs: 20, rateMbit: 50, lossPercent, seed: 7 }, b: { delayMs: 20 } };
			note(`bulk, 80 ms, 50 Mbit/s, ${lossPercent} % lost, ${congestion}, Mbit/s`, (await bulk(world, line, congestion)).mbit);
		}
		const bloated: Line = { name: "", a: { delayMs: 10, rateMbit: 1, queueFrames: LONG_QUEUE_FRAMES, seed: 7 }, b: { delayMs: 10 } };
		await lay(world.lab, bloated);
		const [from, to] = await pair(world, congestion);
		const name = `file-${process.pid}-${performance.now()}`;
		await from.send(to, "direct", name, { seconds: 25 });
		// Over the Coordinator, which is another connection over the same cable: what a file does to everything else.
		const [same, other] = await Promise.all((["direct", "proxied"] as const).map((path) => from.tick(to, path, { bytes: 64, everyMs: 100, seconds: 24 })));
		note(`ping on the file's own connection, 1 Mbit/s with a queue of 2 s, ${congestion}, ms`, ...(same?.thereAndBackMs ?? []));
		note(`ping on another connection, 1 Mbit/s with a queue of 2 s, ${congestion}, ms`, ...(other?.thereAndBackMs ?? []));
		note(`the file, 1 Mbit/s with a queue of 2 s, ${congestion}, Mbit/s`, await rateOf(from, name));
	}
}

async function bulk(world: World, line: Line, congestion: Congestion = "cubic"): Promise<Bulk> {
	await lay(world.lab, line);
	const [from, to] = await pair(world, congestion);
	const name = `bulk-${process.pid}-${performance.now()}`;
	await from.send(to, "direct", name, { seconds: BULK_SECONDS, messageBytes: 16_384 });
	return { mbit: await rateOf(from, name) };
}

/** Of the receiver's account: what waits in the sender's buffers at the end does not count, nor does connecting. */
async function rateOf(from: Peer, name: string): Promise<number> {
	const { bytes, firstAtMs = 0, lastAtMs = 0, error } = await from.result(name);
	if (error !== undefined) throw new Error(`${name}: ${error.message}`);
	return (bytes * 8) / (lastAtMs - firstAtMs) / 1_000;
}

async function lay(lab: Lab, { a, b }: Line): Promise<void> {
	await lab.wire("a", a);
	await lab.wire("b", b);
}

/** New Clients: nothing is known of the line from before. */
async function pair(world: World, congestion: Congestion): Promise<[Peer, Peer]> {
	await world.leave();
	return await Promise.all([world.connect("a", { congestion }), world.connect("b", { congestion })]);
}

function note(what: string, ...values: number[]): void {
	samples[what] = [...(samples[what] ?? []), ...values];
	console.error(`${what}: ${values.length === 1 ? (values[0] as number).toFixed(2) : summary(values)}`);
}

function summary(values: readonly number[]): string {
	const sorted = values.toSorted((x, y) => x - y);
	const at = (share: number): string => (sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN).toFixed(1);
	return `median ${at(0.5)}, p90 ${at(0.9)}, p99 ${at(0.99)}, at most ${at(1)} (${values.length})`;
}

function report(): void {
	console.log(`Load of the machine at the start ${load.toFixed(1)}, at the end ${(loadavg()[0] ?? 0).toFixed(1)}; ${rounds} rounds.\n`);
	console.log("| what | figure |\n| --- | --- |");
	for (const [what, values] of Object.entries(samples)) console.log(`| ${what} | ${summary(values)} |`);
	for (const rttMs of sections.includes("reordering") ? rtts : []) {
		const median = (name: string): number => middle(samples[`bulk, ${rttMs} ms, ${name}, Mbit/s`] ?? []);
		const shares = reorderings(rttMs).slice(1);
		console.log(
			`| ${rttMs} ms, share of the rate in order | ${shares.map(({ name }) => `${name} ${(median(name) / median("in order")).toFixed(2)}`).join(", ")} |`,
		);
	}
	console.log(
		`\n${JSON.stringify(Object.fromEntries(Object.entries(samples).map(([what, values]) => [what, values.map((value) => Math.round(value * 100) / 100)])))}`,
	);
}

function middle(values: readonly number[]): number {
	const sorted = values.toSorted((x, y) => x - y);
	return ((sorted[(sorted.length - 1) >> 1] ?? Number.NaN) + (sorted[sorted.length >> 1] ?? Number.NaN)) / 2;
}

function readWords(words: readonly string[]): { sections: readonly string[]; rounds: number; rtts: readonly number[] } {
	const rest = [...words];
	const option = (name: string): number | undefined => {
		const at = rest.indexOf(name);
		return at < 0 ? undefined : Number(rest.splice(at, 2)[1]);
	};
	const rounds = option("--rounds") ?? 5;
	const rtt = option("--rtt");
	const known = ["reordering", "loss", "messages", "congestion"];
	if (rest.some((word) => !known.includes(word)) || !Number.isInteger(rounds) || rounds < 1 || Number.isNaN(rtt)) {
		console.error(`usage: line-quality.ts [${known.join("] [")}] [--rounds N] [--rtt MS]`);
		process.exit(2);
	}
	return { sections: rest.length > 0 ? rest : known, rounds, rtts: rtt === undefined ? RTTS_MS : [rtt] };
}
