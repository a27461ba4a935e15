/**
 * Where a curve bends: the step at which its slope changes most, both axes being logarithmic. Pure.
 *
 * @module
 */

/** A point of a curve; both above 0 to count. */
export interface Point {
	readonly x: number;
	readonly y: number;
}

/** A bend, and the slopes before and behind it: 1 is "twice as many, twice as much", 0 is flat, below 0 falls. */
export interface Bend {
	readonly x: number;
	readonly before: number;
	readonly after: number;
}

/** Slopes that differ by less are one: rounds of a benchmark scatter by some per cent. */
export const LEAST_CHANGE = 0.25;

/** The sharpest bend; `undefined` where the curve is straight, or has fewer than three points. */
export function bendOf(points: readonly Point[]): Bend | undefined {
	// A round trip of 0 has its place on an axis of logarithms, too: left of the others, as far as a millisecond is.
	const usable = points.map(({ x, y }) => ({ x: Math.max(x, 1), shown: x, y })).filter(({ y }) => y > 0 && Number.isFinite(y));
	usable.sort((one, other) => one.x - other.x);
	let sharpest: Bend | undefined;
	for (let index = 1; index + 1 < usable.length; index++) {
		const [from, at, to] = [usable[index - 1], usable[index], usable[index + 1]];
		if (from === undefined || at === undefined || to === undefined) continue;
		const bend = { x: at.shown, before: slope(from, at), after: slope(at, to) };
		if (change(bend) >= LEAST_CHANGE && (sharpest === undefined || change(bend) > change(sharpest))) sharpest = bend;
	}
	return sharpest;
}

/** What a bend looks like, in words. */
export function wordsOf({ before, after }: Bend): string {
	return `${wordOf(before)} before, ${wordOf(after)} behind`;
}

function wordOf(slope: number): string {
	const size = slope.toFixed(2);
	if (Math.abs(slope) < LEAST_CHANGE / 2) return `flat (${size})`;
	return `${slope > 0 ? "rises" : "falls"} (${size})`;
}

function slope(from: Point, to: Point): number {
	return Math.log(to.y / from.y) / Math.log(to.x / from.x);
}

function change({ before, after }: Bend): number {
	return Math.abs(after - before);
}
