/**
 * The table of peers. Pure.
 *
 * @module
 */

import type { PeerInfo, SocketAddress } from "../../../index.ts";
import { printable } from "../../text/index.ts";
import { durationText, endpoint, runningOf } from "../../words/index.ts";

/** A direct channel of this Client. */
export interface KnownChannel {
	readonly peer: string;
	readonly remoteAddress: SocketAddress;
}

/** What this Client knows beside what the Coordinator lists. */
export interface Known {
	/** The id of this Client. */
	readonly self: string;
	/** Its direct channels. */
	readonly channels: readonly KnownChannel[];
	readonly nowMs: number;
}

/** One peer, as a line of the table. All is printable. */
export interface Row {
	readonly id: string;
	/** The command that runs there, as it says itself. */
	readonly runs: string;
	/** How long it has run, by its own clock. */
	readonly since: string;
	readonly path: string;
	/** Of a direct path. The addresses of others are not told. */
	readonly address: string;
	readonly key: string;
	/** The rest of its metadata. */
	readonly says: string;
}

/** The line of a peer. */
export function rowOf({ id, fingerprint, metadata }: PeerInfo, { self, channels, nowMs }: Known): Row {
	const channel = channels.find(({ peer }) => peer === id);
	const { running, rest } = runningOf(metadata);
	return {
		id,
		runs: running?.command ?? "-",
		since: running?.sinceMs === undefined ? "-" : durationText(nowMs - running.sinceMs),
		path: id === self ? "this Client" : channel === undefined ? "proxied" : "direct",
		address: channel === undefined ? "-" : endpoint(channel.remoteAddress),
		key: fingerprint,
		says: rest === undefined ? "" : printable(JSON.stringify(rest)),
	};
}

/** The same for a program. */
export function pathFields(id: string, { self, channels }: Known): { readonly path?: "direct" | "proxied"; readonly address?: string } {
	if (id === self) return {};
	const channel = channels.find(({ peer }) => peer === id);
	return channel === undefined ? { path: "proxied" } : { path: "direct", address: endpoint(channel.remoteAddress) };
}

/** Lines whose columns stand below each other. They are at least as wide as in the lines before. */
export class Table {
	readonly #widths: number[] = COLUMNS.map(([, title]) => title.length);

	/** The titles, and a line for each row. */
	lines(rows: readonly Row[]): string[] {
		for (const row of rows) this.#widen(row);
		return [this.#line(COLUMNS.map(([, title]) => title)), ...rows.map((row) => this.line(row))];
	}

	/** One line. */
	line(row: Row): string {
		this.#widen(row);
		return this.#line(COLUMNS.map(([name]) => row[name]));
	}

	#widen(row: Row): void {
		COLUMNS.forEach(([name], index) => {
			this.#widths[index] = Math.max(this.#widths[index] ?? 0, row[name].length);
		});
	}

	#line(cells: readonly string[]): string {
		// What a peer says may be long, and nothing stands behind it.
		return cells
			.map((cell, index) => (index === cells.length - 1 ? cell : cell.padEnd(this.#widths[index] ?? 0)))
			.join("  ")
			.trimEnd();
	}
}

const COLUMNS: readonly (readonly [name: keyof Row, title: string])[] = [
	["id", "ID"],
	["runs", "RUNS"],
	["since", "FOR"],
	["path", "PATH"],
	["address", "ADDRESS"],
	["key", "KEY"],
	["says", ""],
];
