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
		`Row: who dials; column: who answers. *direct* within ${DIRECT_MS} ms, every time; *predicted*: direct by guessing the next port of a NAT that counts, ${LUCKY_SHARE * 100} of 100; *proxied*: no direct way, so a stream with path \`auto\` is up through the Coordinator within ${PROXIED_MS} ms; *blocked*: \`connect\` fails with \`COORDINATOR_UNREACHABLE\` within ${CONNECT_MS / 1000} s.`,
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
		`Option \`birthday\` on both sides. Direct within ${BIRTHDAY_MS / 1000} s, ${LUCKY_SHARE * 100} of 100.`,
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
		`A stream with path \`auto\` between two Clients, and one message there and back on it. Every machine has a public IPv6 address behind a stateful firewall, and the Coordinator is reached over IPv4, unless a row says otherwise. *direct* within ${BRISK_MS} ms, *proxied* within ${PROXIED_MS} ms, every time. A bridge is one as Docker makes them, and the network card is younger than they are.`,
		casesTable("network", rows),
		formatOrigin(origin),
	];
}

/** Two routers one behind the other. */
export function carriersSection({ origin, rows }: Section<Case>): string[] {
	return [
		"## Carriers",
		`The same where the router at home is behind one of a carrier, which has the public address (CGNAT). With a *hairpin* the carrier's router lets its customers reach each other at that address.`,
		casesTable("network", rows),
		formatOrigin(origin),
	];
}

/** Clients that moved while they were idle. */
export function movesSection({ origin, rows }: Section<Case>): string[] {
	return [
		"## Clients that moved while they were idle",
		`A Client is connected and has done nothing yet. Its address changes, and 9 s later somebody calls. The first try has to be direct within ${BRISK_MS} ms: a stream with path \`auto\` and one message there and back on it, or a channel that is asked for.`,
		casesTable("move; call", rows),
		formatOrigin(origin),
	];
}

/** Bad luck at the first try. */
export function troubleSection({ origin, rows }: Section<Case>): string[] {
	return [
		"## Trouble at the first try",
		`The path between two homes is a black hole when they first need it, and the stream goes through the Coordinator. Afterwards the applications open a stream with path \`auto\` every two seconds. Time from the end of the trouble to the first one that is direct, at most ${RECOVERED_MS / 1_000} s.`,
		casesTable("trouble", rows),
		formatOrigin(origin),
	];
}

/** Many at once. */
export function crowdSection({ origin, rows }: Section<Crowd>): string[] {
	return [
		"## A crowd",
		`Thirty Clients, six behind each of five NATs (port, eim, full, reject, sym). All pairs want to speak at once, by streams with path \`auto\` or by asking for channels, and try again every two seconds. Every pair that can be direct has to be within ${CROWD_MS / 1_000} s, with default limits.`,
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
		`In the middle of 64 MiB over a direct stream. *roam*: the router gets another public address; *flush*: it forgets its mappings; *readdr*: the machine gets another address. Of the dialling side: nothing is lost or doubled, and p95 of the pause is at most ${GO_ON_MS} ms. Of the accepting side, which cannot move: the transfer goes on after at most ${DETECTION_MS / 1000} s, or the channel is found dead within them, its streams end with a code, and p95 of the time to the next channel is at most ${GO_ON_MS} ms.`,
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
		`One direct stream, against raw quinn between the same machines with the same windows; medians of interleaved rounds; at least ${THROUGHPUT_SHARE} of it.`,
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
