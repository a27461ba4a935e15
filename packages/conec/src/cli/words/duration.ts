/**
 * How long something has lasted, in few characters.
 *
 * @module
 */

/** `0 s`, `59 s`, `12 min`, `3 h 05 min`, `2 d 4 h`. Less than nothing, as with clocks that differ, is `0 s`. */
export function durationText(ms: number): string {
	const seconds = Math.max(0, Math.floor(ms / 1_000));
	if (seconds < 60) return `${seconds} s`;
	const minutes = Math.floor(seconds / 60);
	if (minutes < 60) return `${minutes} min`;
	const hours = Math.floor(minutes / 60);
	if (hours < 24) return `${hours} h ${String(minutes % 60).padStart(2, "0")} min`;
	return `${Math.floor(hours / 24)} d ${hours % 24} h`;
}
