/**
 * The parts of `docs/performance.md` that a benchmark writes, and what they are made of. Pure.
 *
 * @module
 */

import { type Machine, QUIET_LOAD } from "../report.ts";
import { significant } from "./numbers.ts";

/** The two lines around what is written. Around them the page is written by people. */
export interface Place {
	readonly begin: string;
	readonly end: string;
}

/** The place that has that name, and that command writes. */
export function placeOf(name: string, command: string): Place {
	return { begin: `<!-- ${name}: begin, written by \`${command}\` -->`, end: `<!-- ${name}: end -->` };
}

/**
 * The page with a new part.
 *
 * @throws Error when the page has not exactly one place for it.
 */
export function withPart(page: string, { begin, end }: Place, part: string): string {
	const [before, rest, ...more] = page.split(begin);
	const [, after, ...others] = rest?.split(end) ?? [];
	if (before === undefined || after === undefined || more.length > 0 || others.length > 0)
		throw new Error(`Cannot write docs/performance.md: it needs the lines "${begin}" and "${end}" once`);
	return `${before}${begin}\n\n${part.trim()}\n\n${end}${after}`;
}

/** Machine, load and commit as a list. `extent`: how much was measured. */
export function originLines({ machine, commit, date }: { readonly machine: Machine; readonly commit: string; readonly date: string }, extent: string): string {
	const loaded = machine.loadAverage > QUIET_LOAD ? " (**not quiet**: others used the machine meanwhile)" : "";
	return [
		`- Machine: ${machine.cpu}, ${machine.cores} cores, ${significant(machine.memoryBytes / 2 ** 30)} GiB, ${machine.platform}, Linux ${machine.kernel}, Node.js ${machine.node}`,
		`- Load before the run: ${significant(machine.loadAverage)}${loaded}`,
		`- Commit ${commit}, ${date}; ${extent}`,
	].join("\n");
}

/** A list with its title; nothing where it would be empty. */
export function list(title: string, items: readonly string[]): string[] {
	return items.length === 0 ? [] : [`${title}\n\n${items.map((item) => `- ${item}`).join("\n")}`];
}

/** The first column is text, the others are numbers. */
export function table(headings: readonly string[], lines: readonly (readonly string[])[]): string {
	return [headings, headings.map((_, column) => (column === 0 ? "---" : "---:")), ...lines].map((line) => `| ${line.join(" | ")} |`).join("\n");
}
