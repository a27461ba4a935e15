/**
 * The curves: which steps each has, and what is shown of it. Pure.
 *
 * @module
 */

import type { Unit } from "../pages/numbers.ts";

/** Curves that share their processes, by the name that `--only` takes. */
export type Family = "messages" | "lines" | "streams" | "idle" | "echo" | "broadcast";

/** A figure of each step. */
export interface Shown {
	readonly key: string;
	readonly title: string;
	readonly unit: Unit;
}

/** One curve. */
export interface Curve {
	readonly name: string;
	readonly family: Family;
	readonly title: string;
	/** What grows from step to step. */
	readonly x: "Clients" | "streams" | "bytes" | "ms";
	readonly steps: readonly number[];
	readonly figures: readonly Shown[];
	/** The figure that is looked at for a bend. */
	readonly bend: string;
}

/** One panel of a picture: a figure of some curves. */
export interface Panel {
	readonly title: string;
	readonly key: string;
	/** By name, and what the line is called. */
	readonly curves: readonly (readonly [curve: string, label: string])[];
}

/** One picture. */
export interface Plot {
	readonly name: string;
	readonly title: string;
	readonly panels: readonly Panel[];
}

export const FAMILIES: readonly Family[] = ["messages", "lines", "streams", "idle", "echo", "broadcast"];

const CLIENTS = [10, 100, 1_000, 2_000, 5_000];
const STREAMS = [1, 10, 100, 1_000, 10_000];
const SIZES = [16, 256, 4_096, 65_536, 1_048_576];
/** Round trips of the lab, in milliseconds. */
export const ROUND_TRIPS: readonly number[] = [0, 20, 100];
export const PATHS = ["direct", "proxied"] as const;
export type Path = (typeof PATHS)[number];

const RATE: Shown = { key: "rate", title: "MB/s", unit: "MB/s" };
const BOUND: Shown = { key: "bound", title: "computed bound", unit: "MB/s" };
const CORES: Shown = { key: "cores", title: "CPU, all processes", unit: "cores" };
const PER_GB: Shown = { key: "perGigabyte", title: "CPU for a GB", unit: "s" };
const P50: Shown = { key: "p50", title: "p50", unit: "ms" };
const P99: Shown = { key: "p99", title: "p99", unit: "ms" };
const COORDINATOR: Shown = { key: "coordinator", title: "memory of the Coordinator", unit: "MiB" };
const MESSAGES: readonly Shown[] = [{ key: "perSecond", title: "messages/s", unit: "/s" }, RATE];

/** What the lines of the lab are called in names of curves. */
export const LINES = {
	"line-20": { rttMs: 20, lossPercent: 0, title: "20 ms" },
	"line-100": { rttMs: 100, lossPercent: 0, title: "100 ms" },
	"line-20-lossy": { rttMs: 20, lossPercent: 1, title: "20 ms, 1 % lost" },
} as const;

const byPath = (make: (path: Path) => Curve): Curve[] => PATHS.map(make);

export const CURVES: readonly Curve[] = [
	...byPath((path) => ({
		name: `messages-${path}`,
		family: "messages",
		title: `Messages of growing size, ${path}, loopback`,
		x: "bytes",
		steps: SIZES,
		figures: [...MESSAGES, P50, P99, CORES, PER_GB, { key: "growth", title: "memory, most of any process", unit: "MiB" }],
		bend: "rate",
	})),
	...Object.entries(LINES).flatMap(([line, { title }]) =>
		byPath((path) => ({
			name: `${line}-${path}`,
			family: "lines",
			title: `Messages of growing size, ${path}, ${title}`,
			x: "bytes",
			steps: SIZES,
			figures: [...MESSAGES, BOUND, P50, P99, CORES],
			bend: "rate",
		})),
	),
	...(["bulk", "lossy-bulk"] as const).flatMap((kind) =>
		byPath((path) => ({
			name: `${kind}-${path}`,
			family: "lines",
			title: `One stream of 64 KiB messages, ${path}${kind === "bulk" ? "" : ", 1 % lost"}, by round trip`,
			x: "ms",
			steps: ROUND_TRIPS,
			figures: [RATE, BOUND, CORES, PER_GB],
			bend: "rate",
		})),
	),
	...byPath((path) => ({
		name: `streams-${path}`,
		family: "streams",
		title: `Streams of one pair, all full, 4 KiB messages, ${path}`,
		x: "streams",
		steps: STREAMS,
		figures: [
			RATE,
			{ key: "fairness", title: "slowest / fastest stream", unit: "share" },
			CORES,
			PER_GB,
			{ key: "opens", title: "opens/s", unit: "/s" },
			{ key: "sender", title: "memory of the sender, idle", unit: "MiB" },
			{ key: "receiver", title: "of the receiver, idle", unit: "MiB" },
			{ key: "coordinator", title: "of the Coordinator, idle", unit: "MiB" },
			{ key: "growth", title: "more while full, most of any process", unit: "MiB" },
		],
		bend: "rate",
	})),
	{
		name: "idle",
		family: "idle",
		title: "Clients that do nothing",
		x: "Clients",
		steps: CLIENTS,
		figures: [
			{ key: "perClient", title: "memory of the Coordinator, a Client", unit: "KiB" },
			COORDINATOR,
			{ key: "cpuPerMinute", title: "CPU of the Coordinator, a minute", unit: "s" },
			{ key: "connects", title: "connects/s", unit: "/s" },
		],
		bend: "cpuPerMinute",
	},
	{
		name: "echo-fast",
		family: "echo",
		title: "Pairs of Clients that echo through the Coordinator as fast as they can",
		x: "Clients",
		steps: CLIENTS,
		figures: [
			{ key: "perSecond", title: "echoes/s", unit: "/s" },
			P50,
			P99,
			CORES,
			{ key: "perMillion", title: "CPU for a million echoes", unit: "s" },
			COORDINATOR,
		],
		bend: "perSecond",
	},
	{
		name: "echo-paced",
		family: "echo",
		title: "The same at 1,000 echoes a second in all",
		x: "Clients",
		steps: CLIENTS,
		figures: [{ key: "perSecond", title: "echoes/s", unit: "/s" }, P50, P99, CORES],
		bend: "cores",
	},
	{
		name: "broadcast-fast",
		family: "broadcast",
		title: "One broadcast, 100 B, as fast as all members have it",
		x: "Clients",
		steps: CLIENTS,
		figures: [
			{ key: "perSecond", title: "deliveries/s", unit: "/s" },
			CORES,
			{ key: "perMillion", title: "CPU for a million deliveries", unit: "s" },
			COORDINATOR,
			{ key: "joins", title: "joins/s", unit: "/s" },
		],
		bend: "perSecond",
	},
	{
		name: "broadcast-paced",
		family: "broadcast",
		title: "The same with 32 messages a second",
		x: "Clients",
		steps: CLIENTS,
		figures: [{ key: "perSecond", title: "deliveries/s", unit: "/s" }, P50, P99, CORES],
		bend: "p99",
	},
];

const both = (name: string): Panel["curves"] => PATHS.map((path) => [`${name}-${path}`, path] as const);

export const PLOTS: readonly Plot[] = [
	{
		name: "curve-messages",
		title: "Messages of growing size, loopback",
		panels: [
			{ title: "MB/s", key: "rate", curves: both("messages") },
			{ title: "messages/s", key: "perSecond", curves: both("messages") },
			{ title: "there and back, p50", key: "p50", curves: both("messages") },
		],
	},
	{
		name: "curve-lines",
		title: "Longer lines and lossy lines",
		panels: [
			{
				title: "one stream of 64 KiB messages, by round trip",
				key: "rate",
				curves: [...both("bulk"), ...PATHS.map((path) => [`lossy-bulk-${path}`, `${path}, 1 % lost`] as const)],
			},
			{ title: "messages by size, direct", key: "rate", curves: Object.entries(LINES).map(([line, { title }]) => [`${line}-direct`, title] as const) },
			{ title: "messages by size, proxied", key: "rate", curves: Object.entries(LINES).map(([line, { title }]) => [`${line}-proxied`, title] as const) },
		],
	},
	{
		name: "curve-streams",
		title: "Streams of one pair",
		panels: [
			{ title: "MB/s of all", key: "rate", curves: both("streams") },
			{ title: "slowest / fastest", key: "fairness", curves: both("streams") },
			{ title: "memory of the receiver, idle", key: "receiver", curves: both("streams") },
		],
	},
	{
		name: "curve-clients",
		title: "Clients of one Coordinator",
		panels: [
			{ title: "memory of the Coordinator, a Client", key: "perClient", curves: [["idle", "idle"]] },
			{ title: "CPU of the Coordinator, a minute", key: "cpuPerMinute", curves: [["idle", "idle"]] },
			{
				title: "a second",
				key: "perSecond",
				curves: [
					["echo-fast", "echoes"],
					["broadcast-fast", "deliveries"],
				],
			},
			{
				title: "p99",
				key: "p99",
				curves: [
					["echo-fast", "echo, as fast as they can"],
					["echo-paced", "echo, 1,000 a second"],
					["broadcast-paced", "delivery, 32 messages a second"],
				],
			},
		],
	},
];

/** Steps of a curve; with `quick` the first ones, which are short. */
export function stepsOf({ steps, x }: Curve, quick: boolean): readonly number[] {
	return quick && x !== "ms" ? steps.slice(0, x === "bytes" ? steps.length : 3) : steps;
}

/** The curve of that name. */
export function curveOf(name: string): Curve {
	const curve = CURVES.find((one) => one.name === name);
	if (curve === undefined) throw new Error(`no curve is called "${name}"`);
	return curve;
}
