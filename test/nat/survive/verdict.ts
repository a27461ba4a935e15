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

/** Every line once at most, in order. Missing ones are a few in one row, and the reader was told so if there are any. */
export function missingOnlyWhereTold(what: string, speaker: string, { lines, sent }: Reading, told: number, mostMissing: number): Verdict {
	const missing = sent - lines.length;
	const holes = holesIn(lines, speaker, sent);
	const problem =
		orderProblem(lines, speaker) ??
		(missing > 0 && told === 0
			? `${missing} lines are missing, and nothing was said`
			: holes > told
				? `lines are missing at ${holes} places, and ${told} were told`
				: missing > mostMissing
					? `${missing} lines are missing`
					: null);
	const rest = missing === 0 ? "none is missing" : `${missing} missing at one place, where it said so`;
	return { what: `${what}: ${lines.length} of ${sent} lines of ${speaker}, each once and in order; ${rest}`, problem };
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

function holesIn(lines: readonly Heard[], speaker: string, sent: number): number {
	let last = 0;
	let holes = 0;
	for (const { text } of lines) {
		const number = numberOf(text, speaker) ?? last + 1;
		if (number !== last + 1) holes += 1;
		last = number;
	}
	return last === sent ? holes : holes + 1;
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
