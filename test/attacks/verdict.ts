/**
 * Whether a round holds, and how it is told. Pure.
 *
 * @module
 */

import type { Round } from "./round.ts";

/** The figures of issue 13. */
export const MUST_HOLD: Readonly<Record<"echoP99Ms" | "delayP99Ms" | "connectP99Ms" | "leftBytes", number>> = {
	echoP99Ms: 50,
	delayP99Ms: 50,
	connectP99Ms: 250,
	leftBytes: 32 * 1_048_576,
};

/** What is missed, in words; empty: it holds. */
export function missed(round: Round): string[] {
	const { bystanders, coordinator, faults, rssLeft } = round;
	const words = [...faults];
	const atMost = (name: string, value: number, most: number): void => {
		if (!(value <= most)) words.push(`${name} ${Math.round(value)} ms`);
	};
	atMost("echo", bystanders.echo.p99, MUST_HOLD.echoP99Ms);
	atMost("event loop", coordinator.delay.p99, MUST_HOLD.delayP99Ms);
	atMost("connect", bystanders.connect.p99, MUST_HOLD.connectP99Ms);
	if (rssLeft !== undefined && !(rssLeft <= MUST_HOLD.leftBytes)) words.push(`${megabytes(rssLeft)} MB stay`);
	return [...words, ...losses(round)];
}

/** What was lost, with numbers; empty: nothing. */
export function losses({ bystanders, deeds }: Round): string[] {
	const words = Object.entries(bystanders.lost).map(([what, times]) => (times === 1 ? what : `${what} (${times} times)`));
	return deeds.gained === 0 ? words : [...words, `gained: ${deeds.gained}`];
}

/** Endings that a machine which is too slow brings about as well. */
const OF_TIME = /: (PEER_TIMEOUT|COORDINATOR_UNREACHABLE|DIRECT_UNAVAILABLE|starved|no answer|slower than .*)( \(\d+ times\))?$/;

/** What was lost that no slow machine explains: an id, a connection, an open stream, a place, a name. For tests, which must not depend on the machine. */
export function plainLosses(round: Round): string[] {
	return [...round.faults, ...losses(round).filter((words) => !OF_TIME.test(words))];
}

const HEAD = [
	"attack",
	"acts/s",
	"loop p50",
	"p99",
	"max",
	"echo p50",
	"p99",
	"max",
	"direct p99",
	"victim p50",
	"p99",
	"stream p99",
	"to victim p99",
	"connect p50",
	"p99",
	"% of a core: JS",
	"I/O",
	"others",
	"RSS MB",
	"missed",
];

/** A table in Markdown: milliseconds, and MB of the Coordinator before, at most and, if it was measured, what stays. */
export function table(rounds: readonly Round[]): string {
	const lines = rounds.map((round) => {
		const { coordinator, bystanders: seen, deeds, cores } = round;
		const left = round.rssLeft === undefined ? "" : `, ${round.rssLeft > 0 ? "+" : ""}${megabytes(round.rssLeft)}`;
		const words = missed(round);
		return [
			round.realSources ? round.name : `${round.name} (loopback)`,
			deeds.acts === 0 ? "-" : String(Math.round(deeds.acts / round.seconds)),
			...[coordinator.delay.p50, coordinator.delay.p99, coordinator.delay.max, seen.echo.p50, seen.echo.p99, seen.echo.max, seen.direct.p99].map(brief),
			...[seen.victim.p50, seen.victim.p99, seen.stream.p99, seen.toVictim.p99, seen.connect.p50, seen.connect.p99].map(brief),
			...[cores.js, cores.io, cores.others].map((part) => String(Math.round(100 * part))),
			`${megabytes(round.rssBefore)} to ${megabytes(round.rssPeak)}${left}`,
			words.length === 0 ? "-" : words.join("; "),
		];
	});
	return [HEAD, HEAD.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function brief(milliseconds: number): string {
	if (Number.isNaN(milliseconds)) return "-";
	return milliseconds < 10 ? milliseconds.toFixed(1) : String(Math.round(milliseconds));
}

function megabytes(bytes: number): number {
	return Math.round(bytes / 1e6);
}
