/**
 * "Did you mean": the nearest of some names. Pure.
 *
 * @module
 */

/** The nearest name within two edits, or one that begins so, as a question. */
export function suggestion(given: string, names: readonly string[], prefix: string = "--"): string | undefined {
	const nearest = nearestName(given, names);
	return nearest === undefined ? undefined : `Did you mean ${prefix}${nearest}?`;
}

/** The nearest name within two edits, or one that begins so. */
export function nearestName(given: string, names: readonly string[]): string | undefined {
	let nearest: string | undefined;
	let least = 3;
	for (const name of names) {
		const distance = name.startsWith(given) && given.length > 1 ? 1 : editDistance(given.slice(0, 32), name);
		if (distance < least) [nearest, least] = [name, distance];
	}
	return nearest;
}

function editDistance(a: string, b: string): number {
	let row = Array.from({ length: b.length + 1 }, (_, index) => index);
	for (let i = 1; i <= a.length; i += 1) {
		const next = [i];
		for (let j = 1; j <= b.length; j += 1) {
			const substitution = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
			next.push(Math.min(substitution, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
		}
		row = next;
	}
	return row[b.length] ?? 0;
}
