/**
 * Tells how a transfer goes: a progress line, a line per file unless there are very many, an event per file.
 *
 * @module
 */

import type { Output, Progress } from "./output.ts";
import { formatBytes } from "./progress.ts";
import { quoted } from "./terminal-text.ts";
import type { FileOutcome, TransferObserver } from "./transfer/transfer-events.ts";

/** With more files than this, only those that fail get a line of their own; events in JSON always come. */
const LISTED_FILES = 100;

/** Observes one transfer. */
export class TransferReport implements TransferObserver {
	/** Files that arrived. */
	settledFiles = 0;
	readonly #output: Output;
	readonly #verb: "sent" | "received";
	readonly #peer: string;
	readonly #announcedFiles: number | undefined;
	readonly #progress: Progress;
	readonly #startedAtMs: number = performance.now();

	constructor(output: Output, verb: "sent" | "received", peer: string, announced: { readonly files: number; readonly bytes: number } | undefined) {
		this.#output = output;
		this.#verb = verb;
		this.#peer = peer;
		this.#announcedFiles = announced?.files;
		this.#progress = output.startProgress(announced?.bytes);
	}

	get elapsedMs(): number {
		return performance.now() - this.#startedAtMs;
	}

	started(name: string): void {
		this.#progress.label = this.#announcedFiles !== undefined && this.#announcedFiles > 1 ? `${this.settledFiles}/${this.#announcedFiles} ${name}` : name;
	}

	moved(bytes: number): void {
		this.#progress.add(bytes);
	}

	settled(outcome: FileOutcome): void {
		const { name, size, problem, detail, sha256 } = outcome;
		if (problem === undefined) {
			this.settledFiles += 1;
			const listed = this.settledFiles <= LISTED_FILES && (this.#announcedFiles ?? 0) <= LISTED_FILES;
			const text = `${this.#verb} ${quoted(name)} (${formatBytes(size)}) ${this.#verb === "sent" ? "to" : "from"} ${this.#peer}`;
			this.#output.event("file", { peer: this.#peer, name, size, ok: true, sha256 }, listed ? text : undefined);
			return;
		}
		const text = `${this.#output.style("red", `not ${this.#verb}`)} ${quoted(name)}: ${describe(outcome)}`;
		this.#output.event("file", { peer: this.#peer, name, size, ok: false, problem, detail }, text);
	}

	/** Removes the progress line. */
	end(): void {
		this.#progress.end();
	}
}

function describe({ problem, detail }: FileOutcome): string {
	const said = detail === undefined || detail === "" ? "" : quoted(detail).slice(1, -1);
	switch (problem) {
		case "NAME_UNSAFE":
			return `unsafe name: ${said}`;
		case "EXISTS":
			return `${said || "it exists"} (conec receive --force replaces it)`;
		case "DISK_FULL":
			return `the receiver's disk is full: ${said}`;
		case "NOT_WRITABLE":
			return `the receiver cannot write it: ${said}`;
		case "TOO_LARGE":
			return `too large: ${said}`;
		case "UNREADABLE":
			return `the sender cannot read it: ${said}`;
		case "VERIFICATION_FAILED":
			return `verification failed: ${said}`;
		default:
			return said || "failed";
	}
}
