/**
 * How numbers are written. Pure.
 *
 * @module
 */

/** Three significant figures are shown, in the scale that fits. */
export type Unit = "MB/s" | "/s" | "us" | "ms" | "s" | "KiB" | "MiB" | "share" | "cores";

/** A value with its unit, three significant figures. */
export function formatFigure(value: number, unit: Unit): string {
	if (!Number.isFinite(value)) return "?";
	switch (unit) {
		case "/s":
			if (Math.abs(value) >= 999_500) return `${significant(value / 1e6)} M/s`;
			return Math.abs(value) >= 9_995 ? `${significant(value / 1e3)} k/s` : `${significant(value)} /s`;
		case "share":
			return significant(value);
		default:
			return `${significant(value)} ${unit}`;
	}
}

/** So many significant figures, never as a power of ten. */
export function significant(value: number, figures = 3): string {
	const digits = value === 0 ? 0 : Math.max(0, figures - 1 - Math.floor(Math.log10(Math.abs(value))));
	return String(Number(value.toFixed(Math.min(digits, 9))));
}
