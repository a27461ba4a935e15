/** The tables of `docs/nat.md`. Pure. */

import { NAT_KINDS, type NatKind } from "../nat-kind.ts";
import {
	BIRTHDAY_MS,
	type Birthday,
	BRISK_MS,
	type Case,
	CONNECT_MS,
	CROWD_MS,
	type Crowd,
	DETECTION_MS,
	DIRECT_MS,
	expectationOf,
	type FaultRow,
	GO_ON_MS,
	judgeBirthday,
	judgeCase,
	judgeCrowd,
	judgeFault,
	judgePair,
	judgeThroughput,
	LUCKY_SHARE,
	type Pair,
	PROXIED_MS,
	RECOVERED_MS,
	THROUGHPUT_SHARE,
	type Throughput,
	type Verdict,
} from "./results.ts";

/** Where and when a section was measured. */
export interface Origin {
	readonly commit: string;
	readonly date: string;
	readonly machine: string;
}
export interface Section<T> {
	readonly origin: Origin;
	readonly rows: readonly T[];
}

export const KINDS: readonly (readonly string[])[] = [
	["none", "a public address", "none"],
	["fw", "a public address", "stateful firewall"],
	["full", "endpoint-independent", "endpoint-independent"],
	["addr", "endpoint-independent", "address-dependent"],
	["port", "endpoint-independent", "address-and-port-dependent"],
	["reject", "endpoint-independent", "address-and-port-dependent; unasked packets are answered with an ICMP error, as by OpenWrt"],
	[
		"masq",
		"endpoint-independent while the port is free",
		"address-and-port-dependent; an unasked packet takes the port, as at a Docker or virtual machine host",
	],
	["eim", "endpoint-independent, another port than inside, and a new one when the router forgets", "address-and-port-dependent"],
	["adm", "address-dependent, random ports", "address-and-port-dependent"],
	["sym", "address-and-port-dependent, random ports", "address-and-port-dependent"],
	["symseq", "address-and-port-dependent, ports one after the other", "address-and-port-dependent"],
	["blocked", "no UDP", ""],
];

/** Every pair of kinds; what is blocked apart. */
export function pairsSection({ origin, rows }: Section<Pair>): string[] {
	const kinds = NAT_KINDS.filter((kind) => kind !== "blocked" && rows.some(({ a, b }) => a === kind || b === kind));
	const at = (a: NatKind, b: NatKind): string => {
		const pair = rows.find((row) => row.a === a && row.b === b);
		if (pair === undefined) return "";
		const verdict = judgePair(pair);
		return `${verdict.met ? "" : "**todo** "}${WORDS[expectationOf(a, b)]} ${verdict.text}`;
	};
	return [
		"## Pairs",
		`The Client of the row dials, and the Client of the column answers. These are the words of the table, with the figure that must be reached:\n\n- *direct*: a direct path within ${DIRECT_MS} ms, every time.\n- *predicted*: a direct path by guessing the next port of a NAT that counts its ports up, in ${LUCKY_SHARE * 100} of 100 tries.\n- *proxied*: there is no direct way, so a stream with path \`auto\` is open through the Coordinator within ${PROXIED_MS} ms.\n- *blocked*: \`connect\` fails with \`COORDINATOR_UNREACHABLE\` within ${CONNECT_MS / 1000} s.`,
		table(
			["", ...kinds],
			kinds.map((a) => [`**${a}**`, ...kinds.map((b) => at(a, b))]),
		),
		...rows.filter(({ a }) => a === "blocked").map(({ a, b }) => `Behind a router that lets no UDP through, whoever the peer is: ${at(a, b)}.`),
		formatOrigin(origin),
	];
}

const WORDS = { direct: "direct", predicted: "predicted", proxied: "proxied", blocked: "blocked" } as const;

/** The birthday method. */
export function birthdaySection({ origin, rows }: Section<Birthday>): string[] {
	return [
		"## The birthday method",
		`Both sides have the option \`birthday\`. There must be a direct path within ${BIRTHDAY_MS / 1000} s, in ${LUCKY_SHARE * 100} of 100 tries.`,
		table(
			["pair", "direct"],
			rows.map((row) => [row.name, text(judgeBirthday(row))]),
		),
		formatOrigin(origin),
	];
}

/** IPv6 and many interfaces. */
export function ipv6Section({ origin, rows }: Section<Case>): string[] {
	return [
		"## IPv6 and many interfaces",
		`One Client opens a stream with path \`auto\` to another, and one message goes there and back on it. Unless a row says otherwise, every machine has a public IPv6 address behind a stateful firewall, and the Clients reach the Coordinator over IPv4. *direct* must be reached within ${BRISK_MS} ms and *proxied* within ${PROXIED_MS} ms, every time. A bridge is made as Docker makes one. The bridges are there before the network card.`,
		casesTable("network", rows),
		formatOrigin(origin),
	];
}

/** Two routers one behind the other. */
export function carriersSection({ origin, rows }: Section<Case>): string[] {
	return [
		"## Carriers",
		`One Client opens a stream to another, as under *IPv6 and many interfaces*. Here the router at home is behind a router of a carrier, and the carrier's router has the public address (CGNAT). With a *hairpin* the carrier's router lets its customers reach each other at that address.`,
		casesTable("network", rows),
		formatOrigin(origin),
	];
}

/** Clients that moved while they were idle. */
export function movesSection({ origin, rows }: Section<Case>): string[] {
	return [
		"## Clients that moved while they were idle",
		`A Client is connected and has done nothing yet. Its address changes, and 9 s later one side calls the other. The call opens a stream with path \`auto\` and sends one message there and back on it, or it opens a channel. The first try must be direct within ${BRISK_MS} ms.`,
		casesTable("move; call", rows),
		formatOrigin(origin),
	];
}

/** Bad luck at the first try. */
export function troubleSection({ origin, rows }: Section<Case>): string[] {
	return [
		"## Trouble at the first try",
		`The direct path between two homes loses every packet when they first need it, so the stream goes through the Coordinator. Afterwards the applications open a stream with path \`auto\` every two seconds. The table gives the time from the end of the trouble to the first direct stream. It must be at most ${RECOVERED_MS / 1_000} s.`,
		casesTable("trouble", rows),
		formatOrigin(origin),
	];
}

/** Many at once. */
export function crowdSection({ origin, rows }: Section<Crowd>): string[] {
	return [
		"## A crowd",
		`Thirty Clients, six behind each of five NATs (port, eim, full, reject, sym). All pairs begin at once, with streams with path \`auto\` or with channels, and try again every two seconds. Every pair that can be direct must be direct within ${CROWD_MS / 1_000} s, with default limits.`,
		table(
			["by", "pairs", "direct, of those that can be"],
			rows.map((row) => [row.name === "stream" ? "streams" : "channels", String(row.pairs), text(judgeCrowd(row))]),
		),
		formatOrigin(origin),
	];
}

function casesTable(what: string, rows: readonly Case[]): string {
	return table(
		[what, "measured"],
		rows.map((row) => {
			const verdict = judgeCase(row);
			return [row.name, `${verdict.met ? "" : "**todo** "}${row.expectation} ${verdict.text}`];
		}),
	);
}

/** What a transfer survives. */
export function faultsSection({ origin, rows }: Section<FaultRow>): string[] {
	return [
		"## Faults",
		`A fault happens in the middle of a transfer of 64 MiB over a direct stream:\n\n- *roam*: the router gets another public address.\n- *flush*: the router forgets its mappings.\n- *readdr*: the machine gets another address.\n\nOn the dialling side, nothing may be lost or doubled, and the p95 of the pause must be at most ${GO_ON_MS} ms. The accepting side cannot move, so one of two things must happen. Either the transfer goes on after at most ${DETECTION_MS / 1000} s. Or the channel is found dead within that time, its streams end with a code, and the p95 of the time to the next channel is at most ${GO_ON_MS} ms.`,
		table(
			["fault", "as promised; median, p95"],
			rows.map((row) => [row.name, text(judgeFault(row))]),
		),
		formatOrigin(origin),
	];
}

/** Against raw quinn. */
export function throughputSection({ origin, rows }: Section<Throughput>): string[] {
	return [
		"## Loss and delay",
		`The table compares one direct stream with raw quinn between the same machines, with the same windows. The figures are medians of interleaved rounds. The direct stream must reach at least ${THROUGHPUT_SHARE} of quinn.`,
		table(
			["there and back, loss", "direct of quinn, ratio"],
			rows.map((row) => [`${row.rttMs} ms, ${row.lossPercent} %`, text(judgeThroughput(row))]),
		),
		formatOrigin(origin),
	];
}

function text(verdict: Verdict): string {
	return verdict.met ? verdict.text : `**todo** ${verdict.text}`;
}

/** In Markdown. */
export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
	return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

function formatOrigin({ commit, date, machine }: Origin): string {
	return `${machine}; commit ${commit}; ${date}.`;
}
