/** `docs/nat.md`. Pure. */

import { NAT_KINDS, type NatKind } from "../nat-kind.ts";
import {
	BIRTHDAY_MS,
	type Birthday,
	CONNECT_MS,
	DETECTION_MS,
	DIRECT_MS,
	expectationOf,
	type FaultRow,
	GO_ON_MS,
	judgeBirthday,
	judgeFault,
	judgePair,
	judgeThroughput,
	LUCKY_SHARE,
	type Pair,
	PROXIED_MS,
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
/** What has been measured so far, by section. */
export interface Results {
	readonly pairs?: Section<Pair>;
	readonly birthday?: Section<Birthday>;
	readonly faults?: Section<FaultRow>;
	readonly throughput?: Section<Throughput>;
}

/** Something that was measured, and whether it is what it has to be. */
export interface Row {
	readonly name: string;
	readonly verdict: Verdict;
	/** What went wrong, in the words of the first try that did. */
	readonly note: string | undefined;
}

/** Everything that was measured. */
export function rowsOf(results: Results): Row[] {
	return [
		...(results.pairs?.rows ?? []).map((pair) => ({
			name: pairName(pair),
			verdict: judgePair(pair),
			note: pair.tries.find(({ note }) => note !== undefined)?.note,
		})),
		...(results.birthday?.rows ?? []).map((row) => ({
			name: `birthday: ${row.name}`,
			verdict: judgeBirthday(row),
			note: row.tries.find(({ note }) => note !== undefined)?.note,
		})),
		...(results.faults?.rows ?? []).map((row) => ({
			name: row.name,
			verdict: judgeFault(row),
			note: row.tries.find(({ problem }) => problem !== undefined)?.problem ?? row.tries.find(({ late }) => late !== undefined)?.late,
		})),
		...(results.throughput?.rows ?? []).map((row) => ({ name: throughputName(row), verdict: judgeThroughput(row), note: row.note })),
	];
}

/** Rows that missed their figure and are not among the known ones. */
export function surprises(results: Results, known: ReadonlyMap<string, string>): Row[] {
	return rowsOf(results).filter(({ name, verdict }) => !verdict.met && !known.has(name));
}

/** The whole page. `known`: why a row fails, by its name. */
export function formatPage(results: Results, known: ReadonlyMap<string, string>): string {
	const todo = [
		...rowsOf(results)
			.filter(({ verdict }) => !verdict.met)
			.map(({ name, verdict, note }) => [`todo: ${name}`, verdict.text, cell(known.get(name) ?? `not known yet${note === undefined ? "" : `: ${note}`}`)]),
		...SECTIONS.filter(([name]) => results[name] === undefined).map(([name, title]) => [
			`todo: ${title}`,
			"not measured yet",
			`\`npm run test:nat -- --full ${name}\``,
		]),
	];
	return [
		"# NATs: which pairs meet, how soon, and what a path survives",
		"Written by `npm run test:nat -- --full` in the NAT lab of [test/nat/lab](../test/nat/lab/README.md): real processes in network namespaces, 100 ms there and back between any two places unless a table says otherwise. Kinds of routers in the words of RFC 4787:",
		table(["kind", "mapping", "filtering"], KINDS),
		"Per pair and per fault there are new Clients and new mappings. A time is from the call to its result, connecting to the Coordinator not included: the median and the longest.",
		...(results.pairs === undefined ? [] : pairsSection(results.pairs)),
		...(results.birthday === undefined ? [] : birthdaySection(results.birthday)),
		...(results.faults === undefined ? [] : faultsSection(results.faults)),
		...(results.throughput === undefined ? [] : throughputSection(results.throughput)),
		"## Todo",
		todo.length === 0 ? "Nothing: every figure is reached." : table(["todo", "measured", "why"], todo),
		"",
	]
		.join("\n\n")
		.trimEnd()
		.concat("\n");
}

const KINDS: readonly (readonly string[])[] = [
	["none", "a public address", "none"],
	["fw", "a public address", "stateful firewall"],
	["full", "endpoint-independent", "endpoint-independent"],
	["addr", "endpoint-independent", "address-dependent"],
	["port", "endpoint-independent", "address-and-port-dependent"],
	["sym", "address-and-port-dependent, random ports", "address-and-port-dependent"],
	["symseq", "address-and-port-dependent, ports one after the other", "address-and-port-dependent"],
	["blocked", "no UDP", ""],
];

/** All that the page has when it is complete. */
const SECTIONS: readonly (readonly [keyof Results, string])[] = [
	["pairs", "pairs"],
	["birthday", "the birthday method"],
	["faults", "faults"],
	["throughput", "loss and delay"],
];

function pairsSection({ origin, rows }: Section<Pair>): string[] {
	const kinds = NAT_KINDS.filter((kind) => rows.some(({ a, b }) => a === kind || b === kind));
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
		formatOrigin(origin),
	];
}

const WORDS = { direct: "direct", predicted: "predicted", proxied: "proxied", blocked: "blocked" } as const;

function birthdaySection({ origin, rows }: Section<Birthday>): string[] {
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

function faultsSection({ origin, rows }: Section<FaultRow>): string[] {
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

function throughputSection({ origin, rows }: Section<Throughput>): string[] {
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

/** The name under which a failure can be known. */
export function pairName({ a, b }: Pick<Pair, "a" | "b">): string {
	return `${a} to ${b}`;
}

export function throughputName({ rttMs, lossPercent }: Pick<Throughput, "rttMs" | "lossPercent">): string {
	return `throughput with ${rttMs} ms and ${lossPercent} % loss`;
}

function text(verdict: Verdict): string {
	return verdict.met ? verdict.text : `**todo** ${verdict.text}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
	return [head, head.map(() => "---"), ...rows].map((row) => `| ${row.join(" | ")} |`).join("\n");
}

/** What others said, in one cell of a table. */
function cell(words: string): string {
	return words.replaceAll(/\s+/g, " ").replaceAll("|", "\\|").slice(0, 300);
}

function formatOrigin({ commit, date, machine }: Origin): string {
	return `${machine}; commit ${commit}; ${date}.`;
}
