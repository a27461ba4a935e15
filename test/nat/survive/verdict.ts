/** What the demonstration found, and whether that is what was promised. Pure. */

/** A line that somebody was shown, and when. */
export interface Heard {
	readonly text: string;
	readonly atMs: number;
}

/** One reader of numbered lines. */
export interface Reading {
	readonly lines: readonly Heard[];
	/** Numbers that were sent: 1 to this. */
	readonly sent: number;
}

/** What is said of one thing that was verified. `null`: it is as it should be. */
export interface Verdict {
	readonly what: string;
	readonly problem: string | null;
}

/** A numbered line, as it is sent. */
export function numbered(speaker: string, number: number): string {
	return `${speaker} says ${number}`;
}

/** The number of a line of that speaker, if it is one. */
export function numberOf(text: string, speaker: string): number | undefined {
	const start = `${speaker} says `;
	return text.startsWith(start) && /^\d+$/.test(text.slice(start.length)) ? Number(text.slice(start.length)) : undefined;
}

/** Every line once, in order, and none is missing. */
export function everyLineOnce(what: string, speaker: string, { lines, sent }: Reading): Verdict {
	const problem = orderProblem(lines, speaker) ?? (lines.length === sent ? null : `${sent - lines.length} of ${sent} lines are missing`);
	return { what: `${what}: ${sent} lines of ${speaker}, each there once and in order`, problem };
}

/** Every line once at most, in order. Only lines from the first to the last of `mayMiss` are missing, in one row, and the reader was told so if any is. */
export function missingOnlyWhereTold(
	what: string,
	speaker: string,
	{ lines, sent }: Reading,
	told: boolean,
	mayMiss: readonly [first: number, last: number],
): Verdict {
	const here = new Set(lines.map(({ text }) => numberOf(text, speaker)));
	const missing = Array.from({ length: sent }, (_, i) => i + 1).filter((number) => !here.has(number));
	const [first = 0, last = 0] = [missing[0], missing.at(-1)];
	const row = missing.length === 0 ? "none is missing" : `lines ${first} to ${last} are missing, and it said so`;
	return {
		what: `${what}: ${lines.length} of ${sent} lines of ${speaker}, each once and in order; ${row}`,
		problem: orderProblem(lines, speaker) ?? missingProblem(missing, first, last, told, mayMiss),
	};
}

function missingProblem(missing: readonly number[], first: number, last: number, told: boolean, [from, to]: readonly [number, number]): string | null {
	if (missing.length === 0) return null;
	if (!told) return "nothing was said";
	if (last - first + 1 !== missing.length) return `there are others between lines ${first} and ${last}`;
	return first < from || last > to ? `only lines ${from} to ${to} were sent while the Coordinator was lost` : null;
}

function orderProblem(lines: readonly Heard[], speaker: string): string | null {
	let last = 0;
	for (const { text } of lines) {
		const number = numberOf(text, speaker);
		if (number === undefined) return `${JSON.stringify(text)} was never said`;
		if (number === last) return `line ${number} came twice`;
		if (number < last) return `line ${number} came after line ${last}`;
		last = number;
	}
	return null;
}

/** The longest time without one of these, from `fromMs` until `toMs`, in milliseconds. */
export function longestPauseMs(timesMs: readonly number[], fromMs: number, toMs: number): number {
	const inside = timesMs.filter((atMs) => atMs > fromMs && atMs < toMs);
	const before = timesMs.filter((atMs) => atMs <= fromMs).at(-1) ?? fromMs;
	let [last, longest] = [before, 0];
	for (const atMs of [...inside, toMs]) {
		longest = Math.max(longest, atMs - last);
		last = atMs;
	}
	return longest;
}
