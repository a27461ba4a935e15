/**
 * Times as people read them, and as programs get them. Pure.
 *
 * @module
 */

/** Three digits that count: `0.52 ms`, `12.3 ms`, `412 ms`, `12.3 s`. Nobody reads more, and no clock here is better. */
export function formatMs(ms: number): string {
	if (ms < 0.005) return ms <= 0 ? "0 ms" : "under 0.01 ms";
	return ms < 9_999.5 ? `${threeDigits(ms)} ms` : formatSeconds(ms / 1_000);
}

/** `0.52 s`, `12.3 s`, `10 s`; from ten minutes on `12 min 30 s`, and from an hour on `2 h 5 min`. Nothing is said of `0 s` or `0 min` behind them. */
export function formatSeconds(seconds: number): string {
	if (seconds < 0.005) return seconds <= 0 ? "0 s" : "under 0.01 s";
	if (seconds < 599.5) return `${threeDigits(seconds)} s`;
	const whole = Math.round(seconds);
	if (whole < 3_600) return `${Math.floor(whole / 60)} min${whole % 60 === 0 ? "" : ` ${whole % 60} s`}`;
	const minutes = Math.round(seconds / 60);
	return `${Math.floor(minutes / 60)} h${minutes % 60 === 0 ? "" : ` ${minutes % 60} min`}`;
}

/** For events: to a thousandth. Milliseconds then end at the microsecond. */
export function rounded(value: number): number {
	return Math.round(value * 1_000) / 1_000;
}

function threeDigits(value: number): string {
	return Number.isInteger(value) ? String(value) : value.toFixed(value < 9.995 ? 2 : value < 99.95 ? 1 : 0);
}
