/**
 * Rates, and one line that shows how far something is. Pure: time comes in as a number.
 *
 * @module
 */

import { printable } from "../text/index.ts";
import { cutToWidth, padToWidth, textWidth } from "./width.ts";

/** What {@link renderProgress} shows. */
export interface ProgressState {
	readonly label: string;
	readonly doneBytes: number;
	/** `undefined`: not known. */
	readonly totalBytes: number | undefined;
	/** `undefined`: too early to say. */
	readonly bytesPerSecond: number | undefined;
	/** Width of the terminal. */
	readonly columns: number;
}

/** One line, never wider than the terminal: label, bar, share, amount, rate, time left. Drops what does not fit, the label last. */
export function renderProgress(state: ProgressState): string {
	const { doneBytes, bytesPerSecond } = state;
	// More than was expected came: then it is not known how much there will be.
	const totalBytes = state.totalBytes !== undefined && doneBytes > state.totalBytes ? undefined : state.totalBytes;
	const columns = Math.max(10, state.columns - 1);
	const share = totalBytes === undefined ? undefined : totalBytes === 0 ? 1 : doneBytes / totalBytes;
	const facts: string[] = [];
	if (share !== undefined) facts.push(`${Math.floor(share * 100)}%`.padStart(4));
	facts.push(formatBytes(doneBytes).padStart(10));
	if (bytesPerSecond !== undefined) {
		facts.push(`${formatBytes(bytesPerSecond)}/s`.padStart(12));
		if (totalBytes !== undefined && bytesPerSecond > 0 && doneBytes < totalBytes)
			facts.push(`${formatDuration(((totalBytes - doneBytes) / bytesPerSecond) * 1_000)} left`);
	}
	while (facts.length > 1 && textWidth(facts.join("  ")) > columns) facts.pop();
	const right = facts.join("  ");
	const room = columns - textWidth(right) - 2;
	const barWidth = share === undefined || room < 40 ? 0 : Math.min(30, room - 24);
	const labelRoom = room - (barWidth === 0 ? 0 : barWidth + 4);
	// A tab is as wide as its place makes it.
	const name = printable(state.label).replaceAll("\t", " ");
	const label = labelRoom < 4 ? "" : padToWidth(cutToWidth(name, labelRoom), textWidth(name) > labelRoom ? labelRoom : Math.min(labelRoom, 24));
	const filled = Math.round((share ?? 0) * barWidth);
	const bar = barWidth === 0 ? "" : `[${"#".repeat(filled)}${"-".repeat(barWidth - filled)}]`;
	return [label, bar, right].filter((part) => part !== "").join("  ");
}

/** Rate over the last few seconds. Bounded: one sample per tenth of a second. */
export class RateMeter {
	readonly #samples: { readonly atMs: number; readonly bytes: number }[] = [];

	/** Takes the bytes moved since the beginning. */
	sample(nowMs: number, bytes: number): void {
		const last = this.#samples.at(-1);
		if (last !== undefined && nowMs - last.atMs < 100) return;
		this.#samples.push({ atMs: nowMs, bytes });
		while (this.#samples.length > 2 && nowMs - (this.#samples[1]?.atMs ?? nowMs) > WINDOW_MS) this.#samples.shift();
	}

	/** Bytes per second; `undefined` before there is half a second to judge by. */
	rate(nowMs: number, bytes: number): number | undefined {
		const first = this.#samples[0];
		if (first === undefined || nowMs - first.atMs < 500) return undefined;
		return ((bytes - first.bytes) / (nowMs - first.atMs)) * 1_000;
	}
}

/** `999 B`, `1.00 KiB`, `12.3 MiB`. */
export function formatBytes(bytes: number): string {
	let value = bytes;
	let unit = 0;
	while (value >= 999.5 && unit < UNITS.length - 1) {
		value /= 1_024;
		unit += 1;
	}
	if (unit === 0) return `${Math.round(value)} B`;
	return `${value >= 99.95 ? value.toFixed(0) : value >= 9.995 ? value.toFixed(1) : value.toFixed(2)} ${UNITS[unit]}`;
}

/** `0:07`, `12:34`, `1:02:03`; `over 99 h` beyond. */
export function formatDuration(milliseconds: number): string {
	const seconds = Math.ceil(milliseconds / 1_000);
	if (!(seconds < 360_000)) return "over 99 h";
	const minutes = Math.floor(seconds / 60);
	const tail = String(seconds % 60).padStart(2, "0");
	return minutes < 60 ? `${minutes}:${tail}` : `${Math.floor(minutes / 60)}:${String(minutes % 60).padStart(2, "0")}:${tail}`;
}

const WINDOW_MS = 5_000;
const UNITS = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"] as const;
