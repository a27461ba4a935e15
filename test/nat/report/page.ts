/** `docs/nat.md`. Pure. */

import {
	type Birthday,
	type Case,
	type Crowd,
	type FaultRow,
	judgeBirthday,
	judgeCase,
	judgeCrowd,
	judgeFault,
	judgePair,
	judgeThroughput,
	type Pair,
	type Throughput,
	type Verdict,
} from "./results.ts";
import {
	birthdaySection,
	carriersSection,
	crowdSection,
	faultsSection,
	ipv6Section,
	KINDS,
	movesSection,
	pairsSection,
	type Section,
	table,
	throughputSection,
	troubleSection,
} from "./tables.ts";

/** What has been measured so far, by section. */
export interface Results {
	readonly pairs?: Section<Pair>;
	readonly birthday?: Section<Birthday>;
	readonly carriers?: Section<Case>;
	readonly ipv6?: Section<Case>;
	readonly moves?: Section<Case>;
	readonly trouble?: Section<Case>;
	readonly crowd?: Section<Crowd>;
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
		...(["carriers", "ipv6", "moves", "trouble"] as const).flatMap((section) =>
			(results[section]?.rows ?? []).map((row) => ({
				name: `${section}: ${row.name}`,
				verdict: judgeCase(row),
				note: row.tries.find(({ note }) => note !== undefined)?.note,
			})),
		),
		...(results.crowd?.rows ?? []).map((row) => ({ name: `crowd: ${row.name}`, verdict: judgeCrowd(row), note: row.note })),
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
		"# NATs: which pairs get a direct path, how soon, and what a path survives",
		"`npm run test:nat -- --full` writes this page. It measures in the NAT lab of [test/nat/lab](../test/nat/lab/README.md): real processes in network namespaces. A round trip between any two places takes 100 ms unless a table says otherwise. These are the kinds of routers, in the words of RFC 4787:",
		table(["kind", "mapping", "filtering"], KINDS),
		"The Coordinator and the Clients have their default limits. Every try has new Clients and new mappings. A time is from the call to its result, without connecting to the Coordinator. The tables give the median and the longest time.",
		...(results.pairs === undefined ? [] : pairsSection(results.pairs)),
		...(results.birthday === undefined ? [] : birthdaySection(results.birthday)),
		...(results.carriers === undefined ? [] : carriersSection(results.carriers)),
		...(results.ipv6 === undefined ? [] : ipv6Section(results.ipv6)),
		...(results.moves === undefined ? [] : movesSection(results.moves)),
		...(results.trouble === undefined ? [] : troubleSection(results.trouble)),
		...(results.crowd === undefined ? [] : crowdSection(results.crowd)),
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

/** All that the page has when it is complete. */
const SECTIONS: readonly (readonly [keyof Results, string])[] = [
	["pairs", "pairs"],
	["birthday", "the birthday method"],
	["carriers", "carriers"],
	["ipv6", "IPv6 and many interfaces"],
	["moves", "Clients that moved while they were idle"],
	["trouble", "trouble at the first try"],
	["crowd", "a crowd"],
	["faults", "faults"],
	["throughput", "loss and delay"],
];

/** The name under which a failure can be known. */
export function pairName({ a, b }: Pick<Pair, "a" | "b">): string {
	return `${a} to ${b}`;
}

export function throughputName({ rttMs, lossPercent }: Pick<Throughput, "rttMs" | "lossPercent">): string {
	return `throughput with ${rttMs} ms and ${lossPercent} % loss`;
}

/** What others said, in one cell of a table. */
function cell(words: string): string {
	return words.replaceAll(/\s+/g, " ").replaceAll("|", "\\|").slice(0, 300);
}
