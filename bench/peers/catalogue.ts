/**
 * What is measured, and how it is shown. Pure.
 *
 * @module
 */

import type { Unit } from "../pages/numbers.ts";

/** Loads that share their processes. */
export type Group = "direct" | "proxied" | "fan-out" | "connect" | "idle";

/** One load. */
export interface Figure {
	readonly name: string;
	readonly group: Group;
	/** What CPU seconds are for. */
	readonly cpuUnit?: "GB" | "million messages" | "million deliveries" | "thousand connects";
	/** Conec alone has it: another use of its API. */
	readonly own?: true;
}

/** One line of the table. */
export interface Row {
	readonly name: string;
	readonly figure: string;
	/** Of what a round of the figure gives. */
	readonly key: "value" | "p50" | "p99" | "perSecond";
	readonly title: string;
	readonly unit: Unit;
	readonly better: "higher" | "lower";
	/** The figure of Conec where it is another one than that of the others. */
	readonly ours?: string;
	/** The value as a share of the value of that figure, of the same system in the same round. */
	readonly shareOf?: string;
}

/** One picture, with a panel for each row. */
export interface Plot {
	readonly name: string;
	readonly title: string;
	readonly rows: readonly string[];
}

export const FIGURES: readonly Figure[] = [
	{ name: "direct-rtt", group: "direct" },
	{ name: "direct-small", group: "direct", cpuUnit: "million messages" },
	{ name: "direct-small-batches", group: "direct", cpuUnit: "million messages", own: true },
	{ name: "direct-bulk", group: "direct", cpuUnit: "GB" },
	{ name: "direct-json", group: "direct", cpuUnit: "million messages" },
	{ name: "proxied-rtt", group: "proxied" },
	{ name: "proxied-small", group: "proxied", cpuUnit: "million messages" },
	{ name: "proxied-bulk", group: "proxied", cpuUnit: "GB" },
	{ name: "fan-out-100", group: "fan-out", cpuUnit: "million deliveries" },
	{ name: "connect", group: "connect", cpuUnit: "thousand connects" },
	{ name: "idle-client", group: "idle" },
];

export const ROWS: readonly Row[] = [
	{ name: "direct-rtt", figure: "direct-rtt", key: "p50", title: "direct, 64 B there and back, p50", unit: "us", better: "lower" },
	{ name: "direct-rtt-p99", figure: "direct-rtt", key: "p99", title: "the same, p99", unit: "us", better: "lower" },
	{ name: "direct-small", figure: "direct-small", key: "value", title: "direct, 64 B messages", unit: "/s", better: "higher" },
	{
		name: "direct-small-batches",
		figure: "direct-small",
		key: "value",
		title: "the same, Conec read in batches",
		unit: "/s",
		better: "higher",
		ours: "direct-small-batches",
	},
	{ name: "direct-bulk", figure: "direct-bulk", key: "value", title: "direct, 64 KiB messages", unit: "MB/s", better: "higher" },
	{ name: "direct-json", figure: "direct-json", key: "value", title: "direct, values of 100 B as JSON", unit: "/s", better: "higher" },
	{
		name: "direct-json-share",
		figure: "direct-json",
		key: "value",
		title: "the same, as a share of 64 B of bytes",
		unit: "share",
		better: "higher",
		shareOf: "direct-small",
	},
	{ name: "proxied-rtt", figure: "proxied-rtt", key: "p50", title: "proxied, 64 B there and back, p50", unit: "us", better: "lower" },
	{ name: "proxied-rtt-p99", figure: "proxied-rtt", key: "p99", title: "the same, p99", unit: "us", better: "lower" },
	{ name: "proxied-small", figure: "proxied-small", key: "value", title: "proxied, 64 B messages", unit: "/s", better: "higher" },
	{ name: "proxied-bulk", figure: "proxied-bulk", key: "value", title: "proxied, 64 KiB messages", unit: "MB/s", better: "higher" },
	{ name: "fan-out-100", figure: "fan-out-100", key: "value", title: "1 to 100, 100 B, deliveries", unit: "/s", better: "higher" },
	{ name: "connect", figure: "connect", key: "p50", title: "connect, p50", unit: "ms", better: "lower" },
	{ name: "connect-p99", figure: "connect", key: "p99", title: "the same, p99", unit: "ms", better: "lower" },
	{ name: "connect-close", figure: "connect", key: "perSecond", title: "connects and closes, one after another", unit: "/s", better: "higher" },
	{ name: "idle-client", figure: "idle-client", key: "value", title: "memory of the server for each idle client", unit: "KiB", better: "lower" },
];

export const PLOTS: readonly Plot[] = [
	{ name: "direct", title: "Direct, peer to peer", rows: ["direct-bulk", "direct-small", "direct-json", "direct-rtt"] },
	{ name: "proxied", title: "Through the server in the middle", rows: ["proxied-bulk", "proxied-small", "proxied-rtt", "fan-out-100"] },
	{ name: "connections", title: "Connections", rows: ["connect", "connect-close", "idle-client"] },
];
